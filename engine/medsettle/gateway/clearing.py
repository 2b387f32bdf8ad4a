"""Clearing applications (清算申请): a month applied for (3203), and withdrawn (3204).

An application is open until it is withdrawn. Of one institution, kind, way, month and office there
is one at a time.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medsettle import errors, limits
from medsettle.core.clearing_classes import clearing_class
from medsettle.core.messages import MessageState
from medsettle.core.reconciliation import Days, Totals
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.fields import Values, decimal_text
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked

APPLY: Final = "3203"
WITHDRAW: Final = "3204"

_MONTH: Final = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])")


async def apply(office: Office, asked: Asked) -> Answer:
    """Apply for the clearing of a month, and return the number of the application."""
    said, envelope = asked.input["data"], asked.envelope
    days = _days(asked, said)
    subject = ".".join(
        ("clr", envelope.institution, said["clr_type"], said["clr_way"], said["setlym"])
    )
    if said["clr_optins"] is not None:
        subject += f".{said['clr_optins']}"
    message = message_of(asked, APPLY, asked.input, subject=subject)

    def decide() -> Mapping[str, Any]:
        standing = _open(office.messages(subject))
        if standing is not None:
            raise errors.ClearingRefused(
                f"{said['setlym']} is applied for as {_number(office, standing)}; withdraw that by "
                f"{WITHDRAW} first",
                clr_appy_evt_id=_number(office, standing),
            )
        return {}

    state = await office.record(message, decide)
    own = await asyncio.to_thread(office.desk.engine.days.totals, days)
    return Answer(
        {"result": {"clr_appy_evt_id": _number(office, state)}}, tuple(_warnings(said, own))
    )


async def withdraw(office: Office, asked: Asked) -> Answer:
    """Withdraw an application."""
    said, envelope = asked.input["data"], asked.envelope
    number = said["clr_appy_evt_id"]
    applied = office.desk.engine.messages.get(number)
    if (
        applied is None
        or applied.message.kind != APPLY
        or applied.message.institution != envelope.institution
    ):
        raise errors.NotFound(
            f"{envelope.institution} has no application {number!r}; check clr_appy_evt_id",
            clr_appy_evt_id=number,
        )
    subject = applied.message.subject

    def decide() -> Mapping[str, Any]:
        if _open(office.messages(subject)) != applied:
            raise errors.ClearingRefused(
                f"application {number} was withdrawn before; nothing of it is open",
                clr_appy_evt_id=number,
            )
        return {}

    await office.record(message_of(asked, WITHDRAW, asked.input, subject=subject), decide)
    return Answer()


def _open(states: Sequence[MessageState]) -> MessageState | None:
    """Return the application that stands; one at most, since a second is refused."""
    last = states[-1] if states else None
    return last if last is not None and last.message.kind == APPLY else None


def _number(office: Office, state: MessageState) -> str:
    return office.desk.engine.messages.id_of(state.message)


def _days(asked: Asked, said: Values) -> Days:
    if not _MONTH.fullmatch(said["setlym"]):
        text = f"{said['setlym']!r} is no month; write it like 202405"
        raise InvalidRequest([Fault("data.setlym", text)])
    first, last = said["begndate"], said["enddate"]
    count = (last - first).days + 1
    if not 1 <= count <= limits.STATEMENT_DAYS_MAX:
        text = f"{last} is {count} days from begndate {first}; a month is cleared at a time"
        raise InvalidRequest([Fault("data.enddate", text)])
    return Days(
        asked.envelope.institution,
        first,
        last,
        pooled=lambda area: said["clr_optins"] in {None, area},
        counts=lambda columns: clearing_class(str(columns["visit_type"])) == said["clr_type"],
    )


def _warnings(said: Values, own: Totals) -> Iterator[str]:
    """Yield where what is applied for is not what was settled; the bureau decides on that.

    Who does not state accounts or cash sends 0.
    """
    sums = {
        "medfee_sumamt": own.total_fen,
        "fund_appy_sum": own.fund_fen,
        "acct_pay": own.account_fen,
        "cash_payamt": own.cash_fen,
    }
    for name, fen in sums.items():
        unstated = name in {"acct_pay", "cash_payamt"} and not said[name]
        if not unstated and said[name] != fen:
            shown, right = decimal_text(said[name], 2), decimal_text(fen, 2)
            yield f"[CLEARING_DIFFERS] {name} 申报 {shown}，中心合计 {right}"
