"""Claims that are made where they are settled, of what nobody else may change meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.errors import SettlementError


@dataclass(frozen=True, slots=True)
class Making:
    """A claim that is still to be made.

    `make` returns a checked batch of one claim, or the settlement that its request made before. It
    is called while nobody else records anything of `holders`, which are those that the claim is
    made of: (pooling area, whose), as the ledger keeps them from other writers. It may be called
    again, and may raise any `SettlementError`; nothing is recorded of its claim then.
    """

    holders: frozenset[tuple[str, str]]
    make: Callable[[], ClaimBatch | Settlement]


Made: TypeAlias = Settlement | Rejection | SettlementError
"""What a claim was settled to, or why it was not."""
