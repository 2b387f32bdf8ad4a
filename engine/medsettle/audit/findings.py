"""What a verification found altered, each with its place, in the order of the ledger."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from medsettle import limits


class Altered(StrEnum):
    """What became of what was sealed."""

    ROW_CHANGED = "row changed"
    ROW_DROPPED = "row dropped"
    ROW_INSERTED = "row inserted"
    ROWS_REORDERED = "rows reordered"
    ENTRY = "entry changed"
    BYTES = "bytes changed"
    UNREADABLE = "unreadable"
    FILE_MISSING = "file missing"
    FILE_ADDED = "file added"
    FILE_SWAPPED = "file swapped"
    MANIFEST = "manifest changed"
    SEAL = "seal changed"
    CHECKPOINT = "checkpoint contradicted"
    NO_CHECKPOINT = "checkpoint missing"
    ROLLED_BACK = "rolled back"
    FORGED = "signature forged"
    UNSIGNED = "signature missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed.

    `row` counts the rows of a file from 1, `line` the lines of a file from 1, `row_group` from 0;
    `column` names one or several, with commas; `first_byte` and `last_byte` count from 0, both
    within.
    """

    kind: Altered
    message: str
    path: str | None = None
    segment: int | None = None
    table: str | None = None
    seq: int | None = None
    settlement: str | None = None
    row: int | None = None
    column: str | None = None
    row_group: int | None = None
    first_byte: int | None = None
    last_byte: int | None = None
    line: int | None = None


@dataclass(slots=True)
class Findings:
    """What was found, all counted by kind, and the first of them in full."""

    counts: Counter[Altered] = field(default_factory=Counter)
    _kept: list[tuple[int, int, Finding]] = field(default_factory=list)

    def add(self, at: int, finding: Finding) -> None:
        """Add a finding at an entry of the ledger: where it is, or begins."""
        self.counts[finding.kind] += 1
        self._kept.append((at, len(self._kept), finding))
        if len(self._kept) > 2 * limits.SEAL_FINDINGS_MAX:
            ordered = sorted(self._kept, key=lambda each: each[:2])
            self._kept = ordered[: limits.SEAL_FINDINGS_MAX]

    def told(self) -> tuple[Finding, ...]:
        """Return the first findings in ledger order, no more than are told one by one."""
        ordered = sorted(self._kept, key=lambda each: each[:2])
        return tuple(each for _, _, each in ordered[: limits.SEAL_FINDINGS_MAX])

    def __len__(self) -> int:
        return sum(self.counts.values())
