"""What a check of the books finds: one sentence for each thing that does not add up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something that is not what the settlements alone make it (差异).

    `law` names what was checked, `seq` and `entry` the ledger entry concerned (0 and empty where
    there is none), `key` what of it. `expected` and `found` are values in words, amounts in fen.
    """

    law: str
    seq: int
    entry: str
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"entry {self.seq} ({self.entry})" if self.seq else "the ledger"
        return f"{self.law}: {where}: {self.key}: expected {self.expected}, found {self.found}"
