"""Who asks: a name, a role, and for whom that role holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from medsettle import limits
from medsettle.errors import Fault
from medsettle.identity.roles import Right, Role, rights_of


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is let in.

    `name` is shown in the log of accesses, and `shown` is what it was known by there: a serial
    number, or the id of a token. Somebody of an institution has `institutions`, and is let see and
    settle theirs alone; `area` is the only pooling area of anybody else, empty for every one.
    `until` is when what was shown runs out.
    """

    name: str
    role: Role | None
    rights: frozenset[Right]
    institutions: frozenset[str] = frozenset()
    area: str = ""
    shown: str = ""
    until: datetime | None = None

    @property
    def is_bound(self) -> bool:
        """Whether there is anything that this role may do, and not for everybody."""
        return self.role is Role.INSTITUTION or bool(self.area)

    def speaks_for(self, institution: str) -> bool:
        """Return whether it may settle, cancel and ask for an institution."""
        return self.role is not Role.INSTITUTION or institution in self.institutions

    def decides_for(self, area: str) -> bool:
        """Return whether it may ask about a pooling area.

        An institution treats people of every area, and is bound by its own records alone.
        """
        return self.role is Role.INSTITUTION or not self.area or area == self.area

    def sees(self, institution: str, area: str) -> bool:
        """Return whether a record of an institution, in a pooling area, is there for it."""
        return self.speaks_for(institution) and self.decides_for(area)


ANYBODY: Final = Principal("anybody", None, frozenset(Right))
"""Whoever reaches a port of this machine alone, where nobody has to say who they are."""


def principal_of(
    name: str,
    role: Role,
    institutions: Iterable[str] = (),
    area: str = "",
    *,
    shown: str = "",
    until: datetime | None = None,
) -> Principal:
    """Return somebody in a role, with the rights of it."""
    return Principal(
        name, role, rights_of(role), frozenset(institutions), area, shown=shown, until=until
    )


def principal_faults(name: str, role: str, institutions: Iterable[str], area: str) -> list[Fault]:
    """Return everything that keeps these words from being somebody."""
    faults = []
    if not 1 <= len(name) <= limits.PRINCIPAL_CHARS_MAX or not name.isprintable():
        most = limits.PRINCIPAL_CHARS_MAX
        faults.append(Fault("name", f"{name[:40]!r} is none; 1 to {most} printable characters are"))
    codes = list(institutions)
    if role not in set(Role):
        known = ", ".join(Role)
        faults.append(Fault("role", f"{role[:40]!r} is no role; one of {known} is"))
    elif role == Role.INSTITUTION and not codes:
        faults.append(Fault("institution", "missing; somebody of an institution names it"))
    elif role != Role.INSTITUTION and codes:
        faults.append(Fault("institution", f"a {role} is of no institution; leave it out"))
    if len(codes) > limits.TOKEN_INSTITUTIONS_MAX:
        most = limits.TOKEN_INSTITUTIONS_MAX
        faults.append(Fault("institution", f"{len(codes)} of them; at most {most}"))
    faults += [
        Fault("institution", f"{code[:40]!r} is no code: 1 to {limits.CODE_CHARS_MAX} ASCII "
              "letters, digits, dots, hyphens and underscores are")
        for code in codes
        if not is_code(code)
    ]  # fmt: skip
    if area and not (len(area) == _AREA_DIGITS and area.isascii() and area.isdecimal()):
        faults.append(Fault("area", f"{area[:40]!r} is no area; six digits are"))
    return faults


_AREA_DIGITS: Final = 6


def is_code(text: str) -> bool:
    """Return whether a text is an institution as certificates can state one.

    >>> is_code("H11000000001"), is_code("H1/H2"), is_code("")
    (True, False, False)
    """
    plain = text.replace(".", "").replace("-", "").replace("_", "")
    return len(text) <= limits.CODE_CHARS_MAX and plain.isascii() and plain.isalnum()
