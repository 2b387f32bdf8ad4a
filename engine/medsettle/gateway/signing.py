"""Signing in and out (9001, 9002): one sign-in per operator, terminal and day."""

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
    """End a sign-in; what is asked under its number later is refused."""
    said = asked.input["signOut"]
    number = said["sign_no"]
    if _signed_in(office, number) is None:
        raise errors.NotFound(f"no sign-in has the number {number!r}; check it", sign_no=number)
    state = await office.record(message_of(asked, SIGN_OUT, said, subject=number), dict)
    return Answer({"signoutoutb": {"sign_time": state.create_time}})


def check(office: Office, envelope: Envelope) -> None:
    """Refuse a request whose operator has not signed in today.

    Raises:
        NotSignedIn: There is no number, or none of this institution and day.
    """
    if not office.signs_in:
        return
    number = envelope.sign_no or ""
    state = _signed_in(office, number) if number else None
    today = service_day_of(office.clock())
    if state is None or state.message.institution != envelope.institution:
        raise errors.NotSignedIn(
            f"sign_no {number!r} is no sign-in of {envelope.institution}; sign in by {SIGN_IN}",
            sign_no=number,
        )
    if service_day_of(state.create_time) != today:
        raise errors.NotSignedIn(
            f"sign_no {number} is of an earlier day; sign in by {SIGN_IN} once a day",
            sign_no=number,
        )


def _signed_in(office: Office, number: str) -> MessageState | None:
    """Return the sign-in of a number, None where there is none or it was ended."""
    states = office.messages(number)
    if not states or states[0].message.kind != SIGN_IN:
        return None
    return None if any(state.message.kind == SIGN_OUT for state in states) else states[0]
