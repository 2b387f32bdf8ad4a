"""Which settlement an institution asks for: by its id, by the message that made it, by its visit.

A till whose answer got lost knows no setl_id, but it knows its msgid and the visit.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from medsettle import errors, limits
from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.core.settlement import Settlement
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.gateway.settling import own_settlement
from medsettle.gateway.telling import encounter_of, settlement_id

_BY_MESSAGE: Final = ("medins_setl_id", "omsgid")
"""Fields that name a settlement by the msgid that made it."""

_BECAME: Final = {
    RequestStatus.UNKNOWN: (
        "has not arrived; send it again as it was, or reverse it by 2601",
        "该报文未到达，请以原报文重发，或用2601冲正。",
    ),
    RequestStatus.TOMBSTONE: (
        "was reversed before it arrived and never settles; a new msgid does",
        "该报文到达前已冲正，未产生结算，如需结算请用新的msgid。",
    ),
}
"""What became of messages that settled nothing."""


def sought(office: Office, institution: str, said: Values) -> Settlement:
    """Return the settlement that a request asks for by setl_id, by msgid, or by its visit alone.

    Args:
        office: Whose engine is asked.
        institution: Whose settlement it is.
        said: The request: psn_no, and any of setl_id, medins_setl_id, omsgid, mdtrt_id.

    Raises:
        InvalidRequest: It names none, or the visit has several.
        NotFound: The institution has none of that id, person and visit. Of an own message it is
            told what became of it; of others, nothing.
    """
    named = next((name for name in _BY_MESSAGE if said[name] is not None), None)
    if said["setl_id"] is not None:
        number = said["setl_id"]
    elif named is not None:
        number = _made_by(office, institution, named, said[named])
    elif said["mdtrt_id"] is not None:
        number = _of_visit(office, institution, said["psn_no"], said["mdtrt_id"])
    else:
        text = "missing; state it, or medins_setl_id (the msgid of the settlement), or mdtrt_id"
        raise InvalidRequest([Fault("data.setl_id", text)])
    try:
        found = own_settlement(office, institution, {**said, "setl_id": number})
    except errors.NotFound:
        found = None
    if found is None or (named and found.columns["request_id"] != said[named]):
        raise errors.NotFound(
            f"{institution} has no settlement {number!r} of this person, visit and message; "
            "check what names it",
            settlement=number,
        )
    return found


def _made_by(office: Office, institution: str, name: str, msgid: str) -> str:
    """Return the id of what a message of the institution settled or took back."""
    try:
        state = office.desk.engine.find_request(institution, msgid)
    except InvalidRequest as error:
        faults = [Fault(f"data.{name}", each.message) for each in error.faults]
        raise InvalidRequest(faults) from None
    if state.kind in {"settle", "cancel"}:
        return state.entry
    text, chinese = _became(state)
    raise errors.NotFound(f"message {msgid} {text}", request_id=msgid, remedy_zh=chinese)


def _became(state: RequestState) -> tuple[str, str]:
    """Return what became of a message that settled nothing, in English and Chinese."""
    if state.refusal is not None:
        why = f"[{state.refusal.reason}] {state.refusal.message}"
        return f"was refused: {why}", "该报文已被拒绝，未产生结算，更正后请用新的msgid。"
    other = "settles nothing; ask by the msgid of a settlement", "该报文不是结算报文。"
    return _BECAME.get(state.status, other)


def _of_visit(office: Office, institution: str, person: str, encounter: str) -> str:
    """Return the id of the one settlement of a visit: that which stands, else the cancelled one."""
    held = [
        each for each in settlements(office, institution, person) if encounter_of(each) == encounter
    ]
    gone = _cancels(held)
    every = [settlement_id(each) for each in held if each.columns["kind"] == "settle"]
    found = [number for number in every if number not in gone] or every
    if not found:
        raise errors.NotFound(
            f"{institution} has no settlement of this person in visit {encounter!r}; "
            "check mdtrt_id and psn_no",
            encounter=encounter,
        )
    if len(found) > 1:
        listed = ", ".join(found)
        text = f"missing; the visit has {len(found)} settlements: state one of {listed}"
        raise InvalidRequest([Fault("data.setl_id", text)])
    return found[0]


def settlements(office: Office, institution: str, person: str) -> Iterator[Settlement]:
    """Yield what an institution settled for a person, and took back, in order."""
    after = 0
    while True:
        page = office.desk.engine.page(
            pooling_area=None,
            institution=institution,
            person=person,
            after_seq=after,
            limit=limits.PAGE_SIZE_MAX,
        )
        yield from page
        if len(page) < limits.PAGE_SIZE_MAX:
            return
        after = int(str(page[-1].columns["seq"]))


def _cancels(held: Sequence[Settlement]) -> dict[str, str]:
    """Return which settlements were taken back, each with the id of what took it back."""
    return {
        str(each.columns["original"]): settlement_id(each)
        for each in held
        if each.columns["kind"] == "cancel"
    }


def visit_settlements(held: Sequence[Settlement]) -> Iterator[dict[str, Any]]:
    """Yield a row for each settlement and cancel, which names its visit and its message."""
    gone = _cancels(held)
    for each in held:
        columns = each.columns
        number = settlement_id(each)
        yield {
            "mdtrt_id": encounter_of(each),
            "setl_id": number,
            "medins_setl_id": columns["request_id"],
            "setl_time": columns["create_time"],
            "medfee_sumamt": each.fen("total_fen"),
            "refd_setl_flag": "1" if columns["kind"] == "cancel" else "0",
            "init_setl_id": columns["original"],
            "refd_setl_id": gone.get(number),
        }
