"""What a till asks of the bank that keeps the card's account, and what the bank may answer.

Every order has an id that the till made and recorded before it asked. A bank does each id once: the
same id again is answered as the first time. An answer is either certain or `Unknown`, and only what
is certain decides anything; `Absent` is certain for the moment, and asking again is safe.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class ChargeOrder:
    """Take `amount_fen`, greater than 0, from an account; `settlement` says what for."""

    id: str
    account: str
    amount_fen: int
    settlement: str


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give back all that the charge with the id `charge` took, into the account it came from."""

    id: str
    charge: str


@dataclass(frozen=True, slots=True)
class Charged:
    """The money was taken; `reference` is the bank's own."""

    id: str
    reference: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money was given back; `reference` is the bank's own."""

    id: str
    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The bank did nothing under this id and never will; `reason` is for people."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The bank has not seen this id so far."""

    id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No clear answer came: the bank may have done it, or may do it yet."""

    id: str
    why: str


ChargeAnswer: TypeAlias = Charged | Declined | Unknown
RefundAnswer: TypeAlias = Refunded | Declined | Unknown
StatusAnswer: TypeAlias = Charged | Refunded | Declined | Absent | Unknown


class Gateway(Protocol):
    """The way to a bank. It raises nothing: what goes wrong on the way is `Unknown`."""

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Take money from an account, once for each id."""
        ...

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Give back what a charge took, once for each id."""
        ...

    def status(self, id: str) -> StatusAnswer:
        """Return what became of the order with this id."""
        ...
