"""The requests of outpatient visits of 30 lines, one after the other, and whom they are for.

All persons are invented: identity numbers begin with 99, which no province has.
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

AREA: Final = "110000"
HOSPITAL: Final = "H11000000001"
LINES: Final = 30
KINDS: Final = ("9001", "2201", "2203", "2204", "2206", "2207", "5203")
"""The transactions of one visit in order."""

_ITEMS: Final = (
    "009902000001000990200000100",
    "XY01AAA001A001010100001",
    "009914000001000991400000100",
)
_AMOUNT: Final = "12.30"
_BATCH: Final = "1"
_DAY: Final = "2024-05-06 09:00:00"


def write_directory(folder: Path, persons: int) -> None:
    """Write a directory of one hospital and employees of one area."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [f"99{number:016d}" for number in range(persons)]
    files = {
        "institutions": [
            "fixmedins_code,fixmedins_name,fixmedins_type,admdvs,hosp_lv,institution_kind,uscc",
            f"{HOSPITAL},示例医院,1,{AREA},01,,",
        ],
        "persons": [
            "psn_no,psn_cert_type,certno,psn_name,gend,naty,brdy",
            *(f"{number},99,{number},示例,1,01,1985-03-12" for number in numbers),
        ],
        "enrolments": [
            "psn_no,insutype,insuplc_admdvs,psn_type,psn_insu_stas,psn_insu_date,cvlserv_flag",
            *(f"{number},310,{AREA},1101,1,2012-07-01,0" for number in numbers),
        ],
    }
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@dataclass
class Visit:
    """One visit: makes its requests from what was answered before."""

    number: int
    persons: int
    mdtrt_id: str = ""
    setl_id: str = ""

    def request(self, kind: str) -> bytes:
        """Return the HTTP request of a transaction of this visit."""
        body = json.dumps(_envelope(kind) | {"input": self._input(kind)}).encode()
        head = f"POST /{kind} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body

    def learn(self, kind: str, body: bytes) -> None:
        """Keep the ids of an answer.

        Raises:
            RuntimeError: It is a refusal.
        """
        answer = json.loads(body)
        if answer["infcode"] != 0:
            raise RuntimeError(f"{kind} of visit {self.number}: {answer['err_msg']}")
        if kind == "2201":
            self.mdtrt_id = answer["output"]["data"]["mdtrt_id"]
        if kind == "2207":
            self.setl_id = answer["output"]["setlinfo"]["setl_id"]

    def _input(self, kind: str) -> dict[str, Any]:
        visit = {"psn_no": f"99{self.number % self.persons:016d}", "mdtrt_id": self.mdtrt_id}
        shown = {"mdtrt_cert_type": "02", "insutype": "310"}
        if kind == "9001":
            return {"signIn": {"opter_no": "T1", "mac": "00", "ip": "127.0.0.1"}}
        if kind == "2201":
            return {"data": visit | shown | {"begntime": _DAY, "ipt_otp_no": str(self.number)}}
        if kind == "2203":
            disease = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "J06", "diag_name": "示例"}
            about = visit | {"med_type": "11", "begntime": _DAY}
            return {"mdtrtinfo": about, "diseinfo": [disease]}
        if kind == "2204":
            return {"feedetail": [visit | _line(at) for at in range(LINES)]}
        if kind == "5203":
            return {"data": visit | {"setl_id": self.setl_id}}
        total = f"{LINES * 12.30:.2f}"
        charged = {"chrg_bchno": _BATCH, "acct_used_flag": "0", "medfee_sumamt": total}
        return {"data": visit | shown | charged | {"med_type": "11", "psn_setlway": "01"}}


def _line(at: int) -> dict[str, Any]:
    """Return a line with the fields that clients in use fill, some 700 characters."""
    return {
        "feedetl_sn": str(at),
        "chrg_bchno": _BATCH,
        "dise_codg": "",
        "rxno": f"RX{at:06d}",
        "rx_circ_flag": "0",
        "fee_ocur_time": _DAY,
        "med_list_codg": _ITEMS[at % len(_ITEMS)],
        "medins_list_codg": f"M{at:08d}",
        "det_item_fee_sumamt": _AMOUNT,
        "cnt": "1.0000",
        "pric": "12.300000",
        "sin_dos_dscr": "",
        "used_frqu_dscr": "",
        "prd_days": "0",
        "medc_way_dscr": "",
        "bilg_dept_codg": "0101",
        "bilg_dept_name": "示例科室",
        "bilg_dr_codg": "D110000000001",
        "bilg_dr_name": "示例医师",
        "acord_dept_codg": "0101",
        "acord_dept_name": "示例科室",
        "orders_dr_code": "D110000000001",
        "orders_dr_name": "示例医师",
        "hosp_appr_flag": "1",
        "tcmdrug_used_way": "",
        "etip_flag": "0",
        "etip_hosp_code": "",
        "dscg_tkdrug_flag": "0",
        "matn_fee_flag": "0",
    }


_serials = itertools.count()


def _envelope(kind: str) -> dict[str, Any]:
    serial = next(_serials)
    return {
        "infno": kind,
        "msgid": f"{HOSPITAL}{20_240_506_000_000 + serial // 10_000:014d}{serial % 10_000:04d}",
        "mdtrtarea_admvs": AREA,
        "insuplc_admdvs": AREA,
        "recer_sys_code": "FSI_LOCAL",
        "dev_no": "",
        "dev_safe_info": "",
        "cainfo": "",
        "signtype": "",
        "infver": "V1.0",
        "opter_type": "1",
        "opter": "T1",
        "opter_name": "示例",
        "inf_time": _DAY,
        "fixmedins_code": HOSPITAL,
        "fixmedins_name": "示例医院",
        "sign_no": "",
    }
