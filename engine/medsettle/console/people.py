"""The first person who may sign in: without one, nobody could add anybody."""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final

from medsettle.identity.roles import Role

_NAME: Final = "administrator"
_PASSWORD_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """Name and password of the administrator, told once to whoever started the console."""

    name: str
    password: str


def first_person() -> FirstPerson | None:
    """Make the administrator where nobody may sign in yet; None where somebody may."""
    # Models exist only once Django has been set up.
    from medsettle.console.models import Account  # noqa: PLC0415

    if Account.objects.exists():
        return None
    password = token_urlsafe(_PASSWORD_BYTES)
    Account.objects.create_user(_NAME, password=password, role=Role.ADMINISTRATOR)
    return FirstPerson(_NAME, password)
