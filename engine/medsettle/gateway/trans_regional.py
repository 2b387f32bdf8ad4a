"""Settlements of persons insured elsewhere (异地清分), by month: told, confirmed, taken back."""

import asyncio
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from medsettle import errors, limits
from medsettle.core.messages import MessageState
from medsettle.core.reconciliation import Days
from medsettle.core.settlement import Settlement
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.fields import Values, decimal_text
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.telling import encounter_of, settlement_id
from medsettle.gateway.transactions import Answer, Asked

CONFIRM: Final = "3261"
UNDO: Final = "3262"

_ALL: Final = "0"
"""Stands for every confirmation of the month in place of one."""


@dataclass(frozen=True, slots=True)
class _Month:
    """A month of an institution; `subject` is that of the messages about it."""

    institution: str
    area: str
    first: date
    last: date

    @property
    def subject(self) -> str:
        return f"away.{self.institution}.{self.first:%Y%m}"


async def fetch(office: Office, asked: Asked) -> Answer:
    """Return settlements of a month from a row on, as many as one answer holds."""
    said = asked.input["data"]
    month = _month(office, asked, said)
    start = said["startrow"]
    held = await asyncio.to_thread(_settlements, office, month)
    page = held[start - 1 : start - 1 + limits.TRANS_REGIONAL_ROWS_MAX]
    return Answer(
        {"data": [_row(office, month, number, each) for number, each in enumerate(page, start)]}
    )


async def confirm(office: Office, asked: Asked) -> Answer:
    """Confirm settlements of a month, or say that they are not cleared with it."""
    said = asked.input["data"]
    rows: Sequence[Values] = asked.input["detail"]
    month = _month(office, asked, said)
    # Certificates are looked at and not kept.
    kept = [{name: value for name, value in row.items() if name != "certno"} for row in rows]
    content = {"data": said, "detail": kept}
    message = message_of(asked, CONFIRM, content, subject=month.subject)
    if office.desk.engine.messages.find(month.institution, asked.envelope.msgid) is None:
        held = await asyncio.to_thread(_settlements, office, month)
        _check(office, rows, {settlement_id(each): each for each in held})

    def decide() -> Mapping[str, Any]:
        standing = _standing(office.messages(month.subject))
        for row in rows:
            before = standing.get(row["setl_sn"])
            if before is not None:
                raise errors.ClearingRefused(
                    f"settlement {row['setl_sn']} was told by {before}; undo that by {UNDO} first",
                    settlement=row["setl_sn"],
                    otransid=before,
                )
        return {}

    await office.record(message, decide)
    count = len(rows)
    if said["totalrow"] not in {None, count}:
        text = f"[ROWS_DIFFER] totalrow 上传 {said['totalrow']}，本次明细 {count} 行"
        return Answer(warnings=(text,))
    return Answer()


async def undo(office: Office, asked: Asked) -> Answer:
    """Undo the confirmations of one message, or of a month."""
    said = asked.input["data"]
    month = _month(office, asked, said)
    original = said["otransid"]

    def decide() -> Mapping[str, Any]:
        standing = set(_standing(office.messages(month.subject)).values())
        undone = standing if original == _ALL else standing & {original}
        if not undone:
            raise errors.ClearingRefused(
                f"nothing that {original!r} confirmed of {month.first:%Y-%m} stands; otransid is "
                f"the msgid of a {CONFIRM}, or {_ALL} for all of the month",
                otransid=original,
            )
        return {"undone": sorted(undone)}

    await office.record(message_of(asked, UNDO, asked.input, subject=month.subject), decide)
    return Answer()


def _standing(states: Sequence[MessageState]) -> dict[str, str]:
    """Return by which message each settlement was told and not undone since."""
    told: dict[str, str] = {}
    for state in states:
        message = state.message
        if message.kind == CONFIRM:
            rows: Any = message.content["detail"]
            told |= {row["setl_sn"]: message.request_id for row in rows}
        else:
            undone: Any = state.answer["undone"]
            told = {name: by for name, by in told.items() if by not in undone}
    return told


def _month(office: Office, asked: Asked, said: Values) -> _Month:
    year, month = said["trt_year"], said["trt_month"]
    institution = office.directory.institution(asked.envelope.institution)
    return _Month(
        institution.institution,
        institution.area,
        date(year, month, 1),
        date(year, month, monthrange(year, month)[1]),
    )


def _settlements(office: Office, month: _Month) -> list[Settlement]:
    """Return what an institution settled in a month for persons insured elsewhere, in order."""
    return office.desk.engine.days.away(
        Days(
            month.institution,
            month.first,
            month.last,
            pooled=lambda area: area != month.area,
            counts=lambda _: True,
        )
    )


def _row(office: Office, month: _Month, number: int, held: Settlement) -> dict[str, Any]:
    columns = held.columns
    return {
        "seqno": str(number),
        "mdtrtarea": month.area,
        "medins_no": month.institution,
        "certno": _certificate(office, held),
        "mdtrt_id": encounter_of(held),
        "mdtrt_setl_time": columns["create_time"],
        "setl_sn": settlement_id(held),
        # Whoever settles here pays the own share alone; the rest is owed to the institution.
        "fulamt_advpay_flag": "0",
        "medfee_sumamt": held.fen("total_fen"),
        "optins_pay_sumamt": held.fen("fund_total_fen"),
    }


def _certificate(office: Office, held: Settlement) -> str | None:
    """Return the certificate of the person of a settlement; none if they left the directory."""
    try:
        return office.directory.person(str(held.columns["person"])).certificate
    except errors.PersonUnknown:
        return None


def _check(office: Office, rows: Sequence[Values], held: Mapping[str, Settlement]) -> None:
    """Refuse rows that are not settlements of the month as they are held.

    Raises:
        InvalidRequest: All that are not, each with what differs.
    """
    faults: list[Fault] = []
    seen = set[str]()
    for at, row in enumerate(rows):
        path, name = f"detail[{at}]", row["setl_sn"]
        if name in seen:
            faults.append(Fault(f"{path}.setl_sn", f"{name} stands twice in this message"))
        seen.add(name)
        if name not in held:
            text = f"{name} is no settlement of this month for a person insured elsewhere"
            faults.append(Fault(f"{path}.setl_sn", text))
            continue
        faults += _differing(office, path, row, held[name])
    if faults:
        raise InvalidRequest(faults)


def _differing(office: Office, path: str, row: Values, held: Settlement) -> Iterator[Fault]:
    own = {"medfee_sumamt": held.fen("total_fen"), "optins_pay_sumamt": held.fen("fund_total_fen")}
    for name, fen in own.items():
        if row[name] != fen:
            text = f"{decimal_text(row[name], 2)}; settled were {decimal_text(fen, 2)}"
            yield Fault(f"{path}.{name}", text)
    # The certificate of a person who left the directory cannot be compared.
    certificate = _certificate(office, held) or row["certno"]
    if (row["mdtrt_id"], row["certno"]) != (encounter_of(held), certificate):
        yield Fault(f"{path}.mdtrt_id", "visit and certificate are not those of the settlement")
