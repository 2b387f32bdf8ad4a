"""What a person may ask of the money kept for them: every movement, with the balance it led to."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of an account, or one use of a limit: fen, and what there was after it.

    `entry` is the id of the ledger entry that made it, `kind` what that entry is, `institution` who
    asked for it. Of a use of a limit `fen` is what was taken, negative where a cancel gave it back,
    and `balance_fen` what had been taken in all.
    """

    seq: int
    create_time: datetime
    kind: str
    entry: str
    institution: str
    fen: int
    balance_fen: int
