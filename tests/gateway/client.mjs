// A hospital's client in another language: Node 18 or newer, no packages.
//
//     node tests/gateway/client.mjs http://127.0.0.1:8080
//
// It does an outpatient visit, a stay with a settlement in its middle, a pharmacy's sale, cancels,
// a time-out followed by 2601, and a day's 3201 and 3202 with files up and down. Every answer is
// checked; the expected amounts are worked out in the comments, by the rules of area 110000 of 2024.
// Persons and institutions are those of fixtures/directory, which are invented.

import assert from "node:assert/strict";
import zlib from "node:zlib";

const base = process.argv[2];
if (!base) {
  console.error("usage: node client.mjs http://HOST:PORT");
  process.exit(2);
}

const AREA = "110000";
const HOSPITAL = "H11000000001";
const SECONDARY = "H11000000002";
const PHARMACY = "P11000000001";
const CIVIL_SERVANT = "990000000000000004";
const EMPLOYEE = "990000000000000001";
const RETIRED = "990000000000000002";
const CLASS_A = "009902000001000990200000100";
const CLASS_B = "XY01AAA001A001010100001"; // 10 % first self-pay
const CLASS_C = "009914000001000991400000100";

let serial = 0;
const signIns = new Map();

function chinaTime() {
  return new Date(Date.now() + 8 * 3600 * 1000).toISOString().slice(0, 19).replace("T", " ");
}

function newMsgid(institution) {
  // The conformance kit, which may run in the same second, numbers its messages below 9000.
  serial = (serial + 1) % 1000;
  return institution + chinaTime().replace(/\D/g, "") + String(9000 + serial);
}

async function send(institution, infno, input, { msgid, timeout } = {}) {
  const body = {
    infno,
    msgid: msgid ?? newMsgid(institution),
    mdtrtarea_admvs: AREA,
    insuplc_admdvs: AREA,
    recer_sys_code: "FSI_LOCAL",
    infver: "V1.0",
    opter_type: "1",
    opter: "N001",
    opter_name: "示例",
    inf_time: chinaTime(),
    fixmedins_code: institution,
    fixmedins_name: "示例",
    sign_no: signIns.get(institution) ?? "",
    input,
  };
  const response = await fetch(`${base}/${infno}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: timeout === undefined ? undefined : AbortSignal.timeout(timeout),
  });
  assert.equal(response.status, 200, `${infno}: HTTP ${response.status}`);
  if (response.headers.get("content-type") === "application/octet-stream") {
    return Buffer.from(await response.arrayBuffer());
  }
  return response.json();
}

async function ask(institution, infno, input, options) {
  const answer = await send(institution, infno, input, options);
  if (Buffer.isBuffer(answer)) return answer;
  assert.equal(answer.infcode, 0, `${infno}: ${answer.err_msg}`);
  return answer.output;
}

async function signIn(institution) {
  const output = await ask(institution, "9001", {
    signIn: { opter_no: "N001", mac: "00-00-00-00-00-00", ip: "127.0.0.1" },
  });
  signIns.set(institution, output.signinoutb.sign_no);
}

// Amounts come as numbers with two decimals; whole fen can be added without an error.
function fen(amount) {
  const whole = Math.round(amount * 100);
  assert.ok(Math.abs(amount * 100 - whole) < 1e-6, `${amount} is no whole fen`);
  return whole;
}

function expectAmounts(setlinfo, expected) {
  for (const [name, amount] of Object.entries(expected)) {
    assert.equal(fen(setlinfo[name]), fen(amount), `${name} is ${setlinfo[name]}, not ${amount}`);
  }
  const sum = (...names) => names.reduce((total, name) => total + fen(setlinfo[name]), 0);
  assert.equal(
    fen(setlinfo.medfee_sumamt),
    sum("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"),
  );
  assert.equal(
    fen(setlinfo.medfee_sumamt),
    sum("fund_pay_sumamt", "psn_part_amt", "hosp_part_amt"),
  );
  assert.equal(fen(setlinfo.psn_part_amt), sum("acct_pay", "psn_cash_pay"));
}

const line = (number, item, amount, visit, more = {}) => ({
  feedetl_sn: String(number),
  fee_ocur_time: "2024-05-06 09:10:00",
  med_list_codg: item,
  medins_list_codg: "N" + number,
  det_item_fee_sumamt: amount,
  cnt: 1,
  pric: amount,
  ...visit,
  ...more,
});
const shown = { mdtrt_cert_type: "02", mdtrt_cert_no: "", insutype: "310" };
const diagnosis = { diag_type: "1", diag_srt_no: 1, diag_code: "J18.900", diag_name: "肺炎" };

async function begunVisit(institution, person) {
  const registered = await ask(institution, "2201", {
    data: { psn_no: person, begntime: "2024-05-06 09:00:00", ipt_otp_no: "N1", ...shown },
  });
  const visit = { mdtrt_id: registered.data.mdtrt_id, psn_no: person };
  await ask(institution, "2203", {
    mdtrtinfo: { ...visit, med_type: "11", begntime: "2024-05-06 09:00:00" },
    diseinfo: [diagnosis],
  });
  return visit;
}

const batch = (visit, total) => ({
  data: {
    ...visit,
    ...shown,
    med_type: "11",
    chrg_bchno: "1",
    acct_used_flag: "0",
    psn_setlway: "01",
    medfee_sumamt: total,
  },
});

// Civil servant in service: class A 1900.00, class B 200.00 of which 10 % are 20.00, class C 30.00.
// In scope 2080.00, less the deductible 1800.00 are 280.00, at 70 % 196.00.
async function outpatientVisit() {
  const visit = await begunVisit(HOSPITAL, CIVIL_SERVANT);
  const lines = [
    line(1, CLASS_A, 1900, visit, { chrg_bchno: "1" }),
    line(2, CLASS_B, 200, visit, { chrg_bchno: "1" }),
    line(3, CLASS_C, 30, visit, { chrg_bchno: "1" }),
  ];
  const { result } = await ask(HOSPITAL, "2204", { feedetail: lines });
  assert.deepEqual(result.map((row) => fen(row.inscp_scp_amt)), [190000, 18000, 0]);
  const trial = await ask(HOSPITAL, "2206", batch(visit, 2130));
  const { setlinfo } = await ask(HOSPITAL, "2207", batch(visit, 2130));
  for (const each of [trial.setlinfo, setlinfo]) {
    expectAmounts(each, {
      inscp_scp_amt: 2080,
      act_pay_dedc: 1800,
      hifob_pay: 196,
      fund_pay_sumamt: 196,
      psn_cash_pay: 1934,
    });
  }
  assert.equal(trial.setlinfo.setl_id, null);
  const cancelled = await ask(HOSPITAL, "2208", { data: { ...visit, setl_id: setlinfo.setl_id } });
  assert.equal(fen(cancelled.setlinfo.fund_pay_sumamt), -19600);
  assert.equal(cancelled.setlinfo.refd_setl_flag, "1");
}

// A secondary hospital: 13 % own share up to 30000. Middle: 11300.00 less 1300.00 are 10000.00, own
// 1300.00, the pool 8700.00. End: 5650.00 less 650.00 are 5000.00, own 650.00, the pool 4350.00.
async function stay() {
  const admitted = await ask(SECONDARY, "2401", {
    mdtrtinfo: { psn_no: CIVIL_SERVANT, begntime: "2024-03-01 08:00:00", med_type: "21", ...shown },
    diseinfo: [{ ...diagnosis, psn_no: CIVIL_SERVANT }],
  });
  const visit = { mdtrt_id: admitted.result.mdtrt_id, psn_no: CIVIL_SERVANT };
  const on = (day) => ({ fee_ocur_time: `2024-03-${day} 08:00:00` });
  const request = (total, more) => ({
    data: { ...visit, ...shown, acct_used_flag: "0", medfee_sumamt: total, ...more },
  });
  await ask(SECONDARY, "2301", { feedetail: [line(1, CLASS_A, 11300, visit, on("02"))] });
  const middle = await ask(
    SECONDARY,
    "2304",
    request(11300, { mid_setl_flag: "1", dscgTime: "2024-03-10 00:00:00" }),
  );
  expectAmounts(middle.setlinfo, { act_pay_dedc: 1300, hifp_pay: 8700, psn_cash_pay: 2600 });

  await ask(SECONDARY, "2301", { feedetail: [line(2, CLASS_A, 5650, visit, on("12"))] });
  await ask(SECONDARY, "2402", {
    dscginfo: { ...visit, endtime: "2024-03-15 10:00:00" },
    diseinfo: [diagnosis],
  });
  const trial = await ask(SECONDARY, "2303", request(5650));
  const last = await ask(SECONDARY, "2304", request(5650));
  for (const each of [trial.setlinfo, last.setlinfo]) {
    expectAmounts(each, { act_pay_dedc: 650, hifp_pay: 4350, psn_cash_pay: 1300 });
  }
  return [middle.setlinfo, last.setlinfo];
}

// Retired, 70 years, with the supplement: class B 2000.00, in scope 1800.00, less 1300.00 are
// 500.00; the fund pays 80 %, both pay 90 %.
async function sale() {
  const druginfo = {
    psn_no: RETIRED,
    begntime: "2024-05-06 15:00:00",
    medfee_sumamt: 2000,
    acct_used_flag: "0",
    med_type: "41",
    ...shown,
  };
  const drugdetail = [line(1, CLASS_B, 2000, {})];
  const sold = await ask(PHARMACY, "2102", { druginfo, drugdetail });
  expectAmounts(sold.setlinfo, { hifob_pay: 400, oth_pay: 50, psn_cash_pay: 1550 });
  assert.equal(fen(sold.detlcutinfo[0].preselfpay_amt), 20000);
  const { setl_id, mdtrt_id, psn_no } = sold.setlinfo;
  const cancelled = await ask(PHARMACY, "2103", { data: { setl_id, mdtrt_id, psn_no } });
  assert.equal(fen(cancelled.setlinfo.medfee_sumamt), -200000);
  const twice = await send(PHARMACY, "2103", { data: { setl_id, mdtrt_id, psn_no } });
  assert.equal(twice.infcode, -2);
  assert.match(twice.err_msg, /^\[ALREADY_CANCELLED\]/);
}

// Class A 2000.00, less 1800.00 are 200.00, at 70 % 140.00. The client waits a millisecond, knows
// nothing, and reverses; whether its message had arrived or not, the batch is settled once.
async function timeOut() {
  const visit = await begunVisit(HOSPITAL, EMPLOYEE);
  const charged = { feedetail: [line(1, CLASS_A, 2000, visit, { chrg_bchno: "1" })] };
  await ask(HOSPITAL, "2204", charged);
  const msgid = newMsgid(HOSPITAL);
  try {
    await send(HOSPITAL, "2207", batch(visit, 2000), { msgid, timeout: 1 });
  } catch (error) {
    assert.equal(error.name, "TimeoutError");
  }
  const reversed = { data: { psn_no: EMPLOYEE, omsgid: msgid, oinfno: "2207" } };
  await ask(HOSPITAL, "2601", reversed);
  const late = await send(HOSPITAL, "2207", batch(visit, 2000), { msgid });
  // Whether it had arrived or not, under this msgid nothing stands and nothing ever will.
  assert.equal(late.infcode, -2);
  assert.match(late.err_msg, /^\[REQUEST_REVERSED\]/);
  const { setlinfo } = await ask(HOSPITAL, "2207", batch(visit, 2000));
  expectAmounts(setlinfo, { act_pay_dedc: 1800, fund_pay_sumamt: 140, psn_cash_pay: 1860 });
  await ask(HOSPITAL, "2208", { data: { ...visit, setl_id: setlinfo.setl_id } });
}

// A ZIP archive with one deflated file, by the format of PKWARE's application note.
function zipped(name, text) {
  const data = Buffer.from(text);
  const packed = zlib.deflateRawSync(data);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0); // version needed
  common.writeUInt16LE(8, 4); // deflate
  common.writeUInt16LE(0x5ac6, 8); // a date, 2025-06-06
  common.writeUInt32LE(crc32(data), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(data.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02"),
    Buffer.from([20, 0]),
    common,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

function crc32(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// The text of the one file of an archive, found from the end as the format asks.
function unzipped(archive) {
  const end = archive.lastIndexOf(Buffer.from("PK\x05\x06"));
  const central = archive.readUInt32LE(end + 16);
  const [method, length] = [archive.readUInt16LE(central + 10), archive.readUInt32LE(central + 20)];
  const local = archive.readUInt32LE(central + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + length);
  return (method === 8 ? zlib.inflateRawSync(packed) : packed).toString();
}

// What stands at the secondary hospital are the two settlements of the stay: 11300.00 + 5650.00,
// of the pool 8700.00 + 4350.00, cash 2600.00 + 1300.00.
async function statement(settled) {
  const today = chinaTime().slice(0, 10);
  const days = { setl_optins: AREA, stmt_begndate: today, stmt_enddate: today };
  const head = { ...days, clr_type: "21", refd_setl_flag: "0", fixmedins_setl_cnt: 2 };
  const sums = { medfee_sumamt: 16950, fund_pay_sumamt: 13050 };
  const totals = { ...head, ...sums, insutype: "310", acct_pay: 0 };
  const flat = await ask(SECONDARY, "3201", { data: totals });
  assert.equal(flat.stmtinfo.stmt_rslt, "000000", flat.stmtinfo.stmt_rslt_dscr);
  const differs = await ask(SECONDARY, "3201", { data: { ...totals, fund_pay_sumamt: 13050.01 } });
  assert.equal(differs.stmtinfo.stmt_rslt, "000103");

  const held = await ask(SECONDARY, "5201", { data: { psn_no: CIVIL_SERVANT } });
  const { mdtrt_id } = held.mdtrtinfo.find((each) => each.med_type === "21");
  const rows = settled.map(({ setl_id }, at) =>
    [setl_id, mdtrt_id, CIVIL_SERVANT, at ? "5650.00" : "11300.00", at ? "4350.01" : "8700.00"]
      .concat(["0.00", "0"])
      .join("\t"),
  );
  const archive = zipped("detail.txt", rows.join("\n") + "\n");
  const sent = await ask(SECONDARY, "9101", {
    fsUploadIn: { in: [...archive], filename: "detail.zip", fixmedins_code: SECONDARY },
  });
  const { fileinfo } = await ask(SECONDARY, "3202", {
    data: {
      ...head,
      ...sums,
      fund_pay_sumamt: 13050.01,
      cash_payamt: 3900,
      file_qury_no: sent.file_qury_no,
    },
  });
  const got = await ask(SECONDARY, "9102", {
    fsDownloadIn: {
      file_qury_no: fileinfo.file_qury_no,
      filename: fileinfo.filename,
      fixmedins_code: SECONDARY,
    },
  });
  const found = unzipped(got).trimEnd().split("\n");
  assert.equal(found.length, 1, `one row differs, not ${found.length}`);
  const [psn_no, visit, setl_id, msgid, result, , , total, fund] = found[0].split("\t");
  assert.deepEqual([psn_no, visit, setl_id], [CIVIL_SERVANT, mdtrt_id, settled[1].setl_id]);
  assert.deepEqual([result, total, fund], ["000103", "5650.00", "4350.00"]);
  assert.equal(msgid, settled[1].medins_setl_id);
}

for (const institution of [HOSPITAL, SECONDARY, PHARMACY]) await signIn(institution);
await outpatientVisit();
const settled = await stay();
await sale();
await timeOut();
await statement(settled);
for (const { setl_id, mdtrt_id, psn_no } of settled.reverse()) {
  await ask(SECONDARY, "2305", { data: { setl_id, mdtrt_id, psn_no } });
}
console.log("ok");
