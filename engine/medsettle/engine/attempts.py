"""Attempts to settle one bill: the settlements under the numbers an institution counts them by.

A bill, such as one batch of charges of a visit, is settled under the institution's settlement
number `stem.0`; after a cancel it may be settled again, and then under `stem.1`. A number is used
once, whoever tries and whatever is cancelled, so of several that try the same attempt one settles.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from medsettle import limits
from medsettle.core.settlement import Attempt
from medsettle.ledger.entries import LedgerReader


def attempt_number(stem: str, number: int) -> str:
    """Return the institution's settlement number of an attempt, from 0.

    >>> attempt_number("V1.B1", 2)
    'V1.B1.2'
    """
    return f"{stem}.{number}"


@dataclass(frozen=True, slots=True)
class Attempts:
    """Reads attempts from the ledger."""

    ledger: LedgerReader

    def of(self, institution: str, stem: str) -> list[Attempt]:
        """Return the attempts under a stem, in order, up to the first number that was never used.

        The next attempt has the number `len` of them. Whether it may be made is for the caller to
        say: where a bill is settled once, when all before it are cancelled.

        Args:
            institution: Whose numbers they are.
            stem: What all numbers of the bill begin with.
        """
        return [
            Attempt(number, settlement, cancel.settlement if cancel is not None else None)
            for number, settlement in enumerate(self._settlements(institution, stem))
            for cancel in (self.ledger.cancel_of(settlement),)
        ]

    def _settlements(self, institution: str, stem: str) -> Iterator[str]:
        """Yield the ids of the settlements, some numbers a statement."""
        first = 0
        while True:
            numbers = range(first, first + limits.ATTEMPTS_READ)
            keys = [(institution, attempt_number(stem, number)) for number in numbers]
            found = self.ledger.institution_settlements(keys)
            for key in keys:
                if key not in found:
                    return
                yield found[key]
            first += limits.ATTEMPTS_READ
