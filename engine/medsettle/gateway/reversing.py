"""Reversal (冲正, 2601): taking back a message whose answer did not arrive.

What a settlement or a sale recorded is taken back by a negative record; where nothing is recorded
the msgid is marked, so that the original is refused should it arrive later. An admission is given
up. Other messages are undone by their own cancels.
"""

from collections.abc import Mapping
from typing import Any, Final

from medsettle import errors
from medsettle.core.messages import MessageState
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.encountering import found
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked

_NAMES: Final = {"original_request_id": "data.omsgid", "request_id": "envelope.msgid"}

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
    told = engine.messages.find(envelope.institution, said["omsgid"])
    if told is not None and told.message.kind == "2401":
        await _give_up(office, asked, told)
    else:
        try:
            office.desk.write(
                lambda: engine.reverse(envelope.institution, said["omsgid"], envelope.msgid)
            )
        except InvalidRequest as error:
            raise _by_national_names(error) from error
    return Answer()


def _by_national_names(error: InvalidRequest) -> InvalidRequest:
    return InvalidRequest(
        [Fault(_NAMES.get(each.path, each.path), each.message) for each in error.faults]
    )


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
