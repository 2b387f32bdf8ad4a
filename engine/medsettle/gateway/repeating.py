"""A settle request that was sent before, known by its msgid: answered from the record, or refused.

What the register knows of a person, or what was told of the visit since, makes no other request of
it: compared is what the request itself states.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from medsettle import errors
from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.core.settlement import Row, Settlement
from medsettle.gateway.claiming import claim_line
from medsettle.gateway.encounters import stem_of
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.gateway.transactions import Asked

ECHOED: Final = {
    "medfee_sumamt": "total_fen",
    "fulamt_ownpay_amt": "own_expense_fen",
    "overlmt_selfpay": "over_limit_fen",
    "preselfpay_amt": "pre_self_pay_fen",
    "inscp_scp_amt": "in_scope_fen",
}
"""Sums that a client states of its own lines, and the columns that must be the same."""


def settled_before(
    office: Office, asked: Asked, said: Values, lines: Sequence[Values] = ()
) -> Settlement | None:
    """Return what the msgid of a request has been settled to, None where that is nothing.

    Args:
        office: Whose engine is asked.
        asked: The request.
        said: Its node with the visit, the sums and the account.
        lines: The lines that it carries itself, as a sale does.

    Raises:
        RequestIdReused: The msgid settled something else, or as another request.
        RequestReversed: It was settled and reversed since (2601).
        AlreadyCancelled: It was settled and cancelled since.
    """
    engine, msgid = office.desk.engine, asked.envelope.msgid
    state = engine.find_request(asked.envelope.institution, msgid)
    if state.kind != "settle" or not state.entry:
        return None
    settlement = engine.get(state.entry)
    claim = engine.claim(state.entry)
    if other := [*_other(settlement, claim, said, lines)]:
        raise errors.RequestIdReused(
            f"msgid {msgid} settled {state.entry} and now states another {', '.join(other)}; send "
            "a new request under a new msgid",
            request_id=msgid,
            settlement=state.entry,
        )
    _check_stands(state)
    return replace(settlement, duplicate=True)


def _check_stands(state: RequestState) -> None:
    """Refuse a request whose settlement is owed no longer: no till may take it for settled."""
    what = f"settlement {state.entry} of msgid {state.request_id}"
    anew = "nothing of it is owed; settle anew under a new msgid"
    if state.status is RequestStatus.REVERSED:
        raise errors.RequestReversed(
            f"{what} was reversed by {state.taken_back_by}: {anew}", request_id=state.request_id
        )
    if state.status is RequestStatus.CANCELLED:
        raise errors.AlreadyCancelled(
            f"{what} was cancelled by {state.taken_back_by}: {anew}", settlement=state.entry
        )


def _other(
    settlement: Settlement, claim: Row, said: Values, lines: Sequence[Values]
) -> Iterator[str]:
    """Yield the fields in which a request states another thing than the recorded one did."""
    columns = settlement.columns
    number = str(columns["institution_settlement"] or "")
    pairs: dict[str, tuple[object, object]] = {
        "psn_no": (said["psn_no"], columns["person"]),
        "insutype": (said["insutype"], columns["insurance_type"]),
        "acct_used_flag": (said["acct_used_flag"], "1" if claim["account_used"] else "0"),
    }
    if "mdtrt_id" in said:
        batch = said.get("chrg_bchno")
        name = "mdtrt_id" if batch is None else "chrg_bchno"
        pairs[name] = (stem_of(said["mdtrt_id"], batch), number.rpartition(".")[0])
    else:
        pairs["begntime"] = (said["begntime"].date().isoformat(), str(claim["service_date"]))
        pairs["drugdetail"] = ([_compared(claim_line(row)) for row in lines], _lines(claim))
    pairs |= {
        name: (said[name], columns[column])
        for name, column in ECHOED.items()
        if said.get(name) is not None
    }
    return (name for name, (stated, recorded) in pairs.items() if stated != recorded)


def _lines(claim: Row) -> list[Mapping[str, Any]]:
    lines: Sequence[Mapping[str, Any]] = claim["lines"]  # type: ignore[assignment]
    return [_compared(line) for line in lines]


def _compared(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a line without what it does not state, its day as text."""
    return {name: str(value) for name, value in line.items() if value is not None}
