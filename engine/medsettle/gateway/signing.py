"""Signing in and out (9001, 9002): one sign-in per operator, terminal and day."""

from collections.abc import Mapping, Sequence
from typing import Any

from medsettle import errors
from medsettle.core.dates import service_day_of
from medsettle.core.messages import MessageState
from medsettle.gateway.envelope import Envelope
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked

SIGN_IN = "9001"
SIGN_OUT = "9002"


async def sign_in(office: Office, asked: Asked) -> Answer:
    """Return the number under which the operator works today."""
    said = asked.input["signIn"]
    message = message_of(asked, SIGN_IN, said, subject="")
    state = await office.record(message, dict)
    return Answer(
        {"signinoutb": {"sign_time": state.create_time, "sign_no": state.message.subject}}
    )


async def sign_out(office: Office, asked: Asked) -> Answer:
    """End a sign-in of the institution; what is asked under its number later is refused.

    It needs no sign-in beside the one that it ends, so that it can be sent again.
    """
    said = asked.input["signOut"]
    number, institution = said["sign_no"], asked.envelope.institution

    def decide() -> Mapping[str, Any]:
        if not _stands(office.messages(number)):
            text = f"sign-in {number} was ended before; sign in by {SIGN_IN}"
            raise errors.NotFound(text, sign_no=number)
        return {}

    if not _begun(office.messages(number), institution):
        text = f"{institution} has no sign-in of the number {number!r}; check sign_no"
        raise errors.NotFound(text, sign_no=number)
    state = await office.record(message_of(asked, SIGN_OUT, said, subject=number), decide)
    return Answer({"signoutoutb": {"sign_time": state.create_time}})


def check(office: Office, envelope: Envelope) -> None:
    """Refuse a request whose operator has not signed in today.

    Raises:
        NotSignedIn: There is no number, or none of this institution and day.
    """
    if not office.signs_in:
        return
    number = envelope.sign_no or ""
    states = office.messages(number) if number else []
    today = service_day_of(office.clock())
    if not _begun(states, envelope.institution) or not _stands(states):
        raise errors.NotSignedIn(
            f"sign_no {number!r} is no sign-in of {envelope.institution}; sign in by {SIGN_IN}",
            sign_no=number,
        )
    if service_day_of(states[0].create_time) != today:
        raise errors.NotSignedIn(
            f"sign_no {number} is of an earlier day; sign in by {SIGN_IN} once a day",
            sign_no=number,
        )


def _begun(states: Sequence[MessageState], institution: str) -> bool:
    """Return whether messages of one number begin with a sign-in of an institution."""
    first = states[0].message if states else None
    return first is not None and (first.kind, first.institution) == (SIGN_IN, institution)


def _stands(states: Sequence[MessageState]) -> bool:
    """Return whether none of the messages of a sign-in ends it."""
    return all(state.message.kind != SIGN_OUT for state in states)
