"""Reconciliation (对账): the sums of some days (3201), and row by row where they differ (3202).

Sums and comparisons are the engine's; here is what the interface says of them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from medsettle import limits
from medsettle.core.clearing_classes import clearing_class
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.reconciliation import (
    Days,
    Difference,
    Reason,
    Stated,
    StatedRow,
    Totals,
    Verdict,
    stated_by,
)
from medsettle.core.settlement import Settlement
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway import files
from medsettle.gateway.fields import Values, decimal_text
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.statement_files import RESULT_NAME, packed, read_rows
from medsettle.gateway.telling import encounter_of
from medsettle.gateway.transactions import Answer, Asked

DETAIL: Final = "3202"

_WITHOUT_REFUNDS: Final = "0"
_VERDICTS: Final = {
    Verdict.FLAT: "平",
    Verdict.CENTRE_MORE: "中心多",
    Verdict.INSTITUTION_MORE: "机构多",
    Verdict.DIFFER: "数据不一致",
}
_REASONS: Final = {
    Reason.NOT_STATED: "机构文件无此笔",
    Reason.UNKNOWN: "中心无此结算",
    Reason.NOT_REFUNDED: "中心无此笔退费",
    Reason.TWICE: "机构文件重复",
    Reason.REVERSED: "中心已冲正",
}
_NAMES: Final = {
    "encounter": "mdtrt_id",
    "person": "psn_no",
    "total_fen": "medfee_sumamt",
    "fund_fen": "fund_pay_sumamt",
    "account_fen": "acct_pay",
}


async def total(office: Office, asked: Asked) -> Answer:
    """Return whether the sums of an institution are those of the ledger."""
    said = asked.input["data"]
    days = _days(office, asked, said)
    stated = Stated(
        said["fixmedins_setl_cnt"],
        said["medfee_sumamt"],
        said["fund_pay_sumamt"],
        said["acct_pay"] or 0,
    )
    # A month is read for as long as ten thousand checkouts take, so not where those are answered.
    verdict, own = await asyncio.to_thread(office.desk.engine.days.judged, days, stated)
    return Answer(
        {
            "stmtinfo": {
                "setl_optins": said["setl_optins"],
                "stmt_rslt": office.statements.result(verdict),
                "stmt_rslt_dscr": _described(verdict, stated, own),
            }
        }
    )


async def detail(office: Office, asked: Asked) -> Answer:
    """Make a file of what differs between a file of the institution and the ledger."""
    said, envelope = asked.input["data"], asked.envelope
    message = message_of(asked, DETAIL, asked.input, subject="")
    made: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()
    # What was answered before is answered again, whatever was settled since.
    if office.desk.engine.messages.find(envelope.institution, envelope.msgid) is None:
        file = files.kept(office, envelope.institution, said["file_qury_no"])
        days = _days(office, asked, said)
        rows, found, own = await asyncio.to_thread(_compared, office, days, file)
        name = f"{DETAIL}_{message.subject}.zip"
        made = files.file_content(name, packed(RESULT_NAME, _result_rows(office, found)))
        warnings = tuple(_header_warnings(said, stated_by(rows), own))
    state = await office.record(message, lambda: made)
    return Answer({"fileinfo": files.told(files.file_of(state, state.answer))}, warnings)


def _compared(
    office: Office, days: Days, file: files.File
) -> tuple[list[StatedRow], list[Difference], Totals]:
    rows = read_rows(file.data, file.name)
    own = office.desk.engine.days
    return rows, own.differences(days, rows, encounter_of), own.totals(days)


def _days(office: Office, asked: Asked, said: Values) -> Days:
    first, last = said["stmt_begndate"], said["stmt_enddate"]
    count = (last - first).days + 1
    if not 1 <= count <= limits.STATEMENT_DAYS_MAX:
        most = limits.STATEMENT_DAYS_MAX
        text = f"{last} is {count} days from stmt_begndate {first}; 1 to {most} are reconciled"
        raise InvalidRequest([Fault("data.stmt_enddate", text)])
    return Days(
        asked.envelope.institution,
        first,
        last,
        pooled=lambda area: area == said["setl_optins"],
        counts=_counting(said["clr_type"], said["insutype"]),
        refunds=said["refd_setl_flag"] != _WITHOUT_REFUNDS,
        accounts=office.statements.accounts,
    )


def _counting(clr_type: str, insurance_type: str | None) -> Callable[[Mapping[str, object]], bool]:
    """Return what tells by its columns whether a settlement is of a clearing and insurance type."""

    def counts(columns: Mapping[str, object]) -> bool:
        return clearing_class(str(columns["visit_type"])) == clr_type and (
            insurance_type is None or columns["insurance_type"] == insurance_type
        )

    return counts


def _described(verdict: Verdict, stated: Stated, own: Totals) -> str:
    """Return both sides of a total in words; the numbers that differ are seen by comparing."""
    sides = (
        ("机构", stated.number, stated.total_fen, stated.fund_fen, stated.account_fen),
        ("中心", own.numbers[0], own.total_fen, own.fund_fen, own.account_fen),
    )
    told = [
        f"{side} {number}笔 总额{decimal_text(total, 2)} "
        f"基金{decimal_text(fund, 2)} 账户{decimal_text(account, 2)}"
        for side, number, total, fund, account in sides
    ]
    if verdict is not Verdict.FLAT and not any((own.settlements, own.cancels)):
        told.append(
            "中心该时段无此清算机构、类别、险种的结算，请核对 setl_optins（结算返回的 clr_optins）"
        )
    return "；".join([_VERDICTS[verdict], *told])[: limits.STATEMENT_TEXT_CHARS_MAX]


def _header_warnings(said: Values, rows: Stated, own: Totals) -> Iterator[str]:
    """Yield where the head of 3202 is not what the rows of its file add up to.

    The file has no cash, so that of the head can be held to ours alone; who has no number to state
    sends 0 there.
    """
    pairs = (
        ("medfee_sumamt", rows.total_fen, "文件合计"),
        ("fund_pay_sumamt", rows.fund_fen, "文件合计"),
        ("cash_payamt", own.cash_fen, "中心合计"),
    )
    for name, fen, side in pairs:
        unstated = name == "cash_payamt" and not said[name]
        if not unstated and said[name] != fen:
            shown, right = decimal_text(said[name], 2), decimal_text(fen, 2)
            yield f"[HEADER_DIFFERS] {name} 上传 {shown}，{side} {right}"


def _result_rows(office: Office, found: Sequence[Difference]) -> Iterator[tuple[str | None, ...]]:
    """Yield the rows of result.txt.

    Amounts are ours where there are any; those of the institution are told in the memo, which ends
    in the insurance type, since clients look for it there. A row that is no refund has `null` for
    the flag, as the platforms in use write it.
    """
    for each in found:
        held, row = each.settlement, each.row
        other = each.verdict is Verdict.INSTITUTION_MORE
        memo = f"{_memo(each)}&&{held.columns['insurance_type'] if held is not None else ''}"
        if held is None or other:
            assert row is not None
            whose = (row.person, row.encounter, row.settlement)
            refund, fen = row.refund, (row.total_fen, row.fund_fen, row.account_fen)
        else:
            columns = held.columns
            whose = (str(columns["person"]), encounter_of(held), str(columns["settlement"]))
            refund = columns["kind"] == "cancel"
            fen = (held.fen("total_fen"), held.fen("fund_total_fen"), held.accounts_fen)
        person, encounter, settlement = whose
        yield (
            person,
            encounter or None,
            settlement,
            str(held.columns["request_id"]) if held is not None else None,
            office.statements.result(each.verdict),
            "1" if refund else None,
            memo,
            *(decimal_text(amount, 2) for amount in fen),
        )


def _memo(each: Difference) -> str:
    if each.reason is Reason.VALUES:
        assert each.row is not None
        assert each.settlement is not None
        return "，".join(_both_sides(each.row, each.settlement, each.fields))
    if each.reason is Reason.OTHER_DAYS:
        assert each.settlement is not None
        return _elsewhere(each.settlement)
    return _REASONS[each.reason]


def _both_sides(row: StatedRow, held: Settlement, fields: Sequence[str]) -> Iterator[str]:
    own = {
        "encounter": encounter_of(held),
        "person": str(held.columns["person"]),
        "total_fen": decimal_text(held.fen("total_fen"), 2),
        "fund_fen": decimal_text(held.fen("fund_total_fen"), 2),
        "account_fen": decimal_text(held.accounts_fen, 2),
    }
    for name in fields:
        stated = getattr(row, name)
        shown = decimal_text(stated, 2) if isinstance(stated, int) else stated
        yield f"{_NAMES[name]} 机构 {shown} 中心 {own[name]}"


def _elsewhere(held: Settlement) -> str:
    """Return of what day, office and kind a settlement is that was not asked for."""
    columns = held.columns
    moment = columns["create_time"]
    assert isinstance(moment, datetime)
    day = f"{moment.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}"
    kind = clearing_class(str(columns["visit_type"]))
    return (
        f"不在本次对账范围：结算时间 {day} 清算机构 {columns['pooling_area']} "
        f"清算类别 {kind} 险种 {columns['insurance_type']}"
    )
