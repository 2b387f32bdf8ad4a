"""Reversal (冲正, 2601): taking back a message whose answer did not arrive.

What a settlement or a sale recorded is taken back by a negative record; where nothing is recorded
the msgid is marked, so that the original is refused should it arrive later. An admission is given
up. Other messages are undone by their own cancels.
"""

from collections.abc import Mapping
from typing import Any, Final

from medsettle import errors
from medsettle.core.messages import MessageState
from medsettle.core.settlement import Settlement
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.encountering import found
from medsettle.gateway.encounters import stem_of
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.sales import is_sale
from medsettle.gateway.telling import encounter_of
from medsettle.gateway.transactions import Answer, Asked

# The engine knows the original by its request id; that of the reversal was checked by then.
_NAMES: Final = dict.fromkeys(("request_id", "original_request_id"), "data.omsgid")

_CANCELS: Final = ("2103", "2208", "2305")

REVERSIBLE: Final = ("2102", "2103", "2207", "2208", "2304", "2305", "2401")
"""Numbers of what may be reversed; variants such as 2207A count as theirs."""


async def reverse(office: Office, asked: Asked) -> Answer:
    """Take back what a message recorded, or let it never record anything."""
    said, envelope = asked.input["data"], asked.envelope
    kind = said["oinfno"].removesuffix("A")
    if kind not in REVERSIBLE:
        raise errors.NotReversible(
            f"{said['oinfno']} is not reversed; undo it by its own cancel. Reversed are "
            f"{', '.join(REVERSIBLE)}",
            kind=kind,
        )
    engine = office.desk.engine
    try:
        told = engine.messages.find(envelope.institution, said["omsgid"])
        if told is not None and told.message.kind == "2401":
            _check_same(asked, "2401", told.message.person)
            await _give_up(office, asked, told)
        else:
            _check_original(office, asked, kind)
            office.desk.write(
                lambda: engine.reverse(envelope.institution, said["omsgid"], envelope.msgid)
            )
    except InvalidRequest as error:
        raise InvalidRequest(
            [Fault(_NAMES.get(each.path, each.path), each.message) for each in error.faults]
        ) from error
    return Answer()


def _check_original(office: Office, asked: Asked, kind: str) -> None:
    """Refuse a reversal that means another thing than its omsgid did; what never arrived is free.

    Raises:
        InvalidRequest: Number or person are not those of the original.
        NotReversible: It took a settlement back, which stands settled no more.
    """
    engine, said = office.desk.engine, asked.input["data"]
    state = engine.find_request(asked.envelope.institution, said["omsgid"])
    if not state.entry or state.kind not in {"settle", "cancel"}:
        return
    settlement = engine.get(state.entry)
    person = str(settlement.columns["person"])
    if state.kind == "cancel":
        _check_same(asked, kind if kind in _CANCELS else "/".join(_CANCELS), person)
        original = settlement.columns["original"]
        raise errors.NotReversible(
            f"{said['omsgid']} cancelled {original} by {state.entry}, and that stands: send "
            f"{kind} again under its msgid for the answer, or settle anew",
            kind=kind,
            remedy_zh=f"撤销已成功（原结算 {original}，撤销结算 {state.entry}），不再恢复；"
            "如需结算请用新的 msgid 重新结算。",
        )
    _check_same(asked, _number_of(settlement), person)


def _number_of(settlement: Settlement) -> str:
    """Return the number of the transaction that made a settlement."""
    if is_sale(settlement):
        return "2102"
    number = str(settlement.columns["institution_settlement"] or "").rpartition(".")[0]
    return "2304" if number == stem_of(encounter_of(settlement)) else "2207"


def _check_same(asked: Asked, kind: str, person: str) -> None:
    said = asked.input["data"]
    faults = []
    if said["oinfno"].removesuffix("A") != kind:
        text = f"{said['oinfno']}; {said['omsgid']} was the message of a {kind}"
        faults.append(Fault("data.oinfno", text))
    if said["psn_no"] != person:
        # Whose it is instead is not told.
        faults.append(Fault("data.psn_no", f"{said['omsgid']} is not about this person"))
    if faults:
        raise InvalidRequest(faults)


async def _give_up(office: Office, asked: Asked, admission: MessageState) -> None:
    """Give up the stay that an admission began; lines and settlements keep it."""
    message = admission.message

    def decide() -> Mapping[str, Any]:
        now = found(office, message.institution, message.subject, message.person)
        if now.ended is None and (now.lines or now.discharge):
            now.refuse("has lines or a discharge; undo those first, or it by 2404")
        return {}

    await office.record(
        message_of(
            asked,
            "2601",
            asked.input,
            subject=message.subject,
            person=message.person,
            pooling_area=message.pooling_area,
        ),
        decide,
    )
