"""Read the upper limits of the bands of a table, and hold its rows against their number."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core.money import yuan_from_fen
from medsettle.policy import keys, values
from medsettle.policy.checker import Checker
from medsettle.policy.tree import Place, Text, Value
from medsettle.policy.vocabulary import canonical, in_chinese, is_chinese


@dataclass(frozen=True, slots=True)
class Limits:
    """The upper limit of each band in fen, None for an open last band, and as they are written.

    Without bands that is one open band. `fen` is empty where the limits cannot be read. `rows` are
    those read against them so far: where each stands, and how many values it has. `chinese` says
    in which language the limits are written.
    """

    fen: tuple[int | None, ...]
    written: tuple[str, ...] = ()
    chinese: bool = False
    rows: list[tuple[Place, int]] = field(default_factory=list)

    def refuse_counts(self, check: Checker, place: Place) -> None:
        """Refuse rows with more or fewer values than bands; where all are alike, the limits."""
        counts = {count for _, count in self.rows}
        if not self.fen or counts <= {len(self.fen)}:
            return
        if len(counts) == 1 and len(self.rows) > 1:
            check.refuse(place, self._count_fault(*counts))
            return
        for where, count in self.rows:
            if count != len(self.fen):
                check.refuse(where, self._count_fault(count))

    def _count_fault(self, count: int) -> str:
        """Return what is wrong with a row of as many values, and what to write instead."""
        found = f"{count} value{'s' if count > 1 else ''}"
        if not self.written:
            return (
                f"{found} in a row of a table without bands; write one value, or `bands: yes` in "
                "the table and the `limits` of its bands"
            )
        key = self._word("limits")
        bands = f"{len(self.fen)} band{'s' if len(self.fen) > 1 else ''}"
        if count == len(self.fen) + 1 and self.fen[-1] is not None:
            last, more = self.written[-1], ", ".join([*self.written, self._word(keys.OPEN)])
            return (
                f"{found} but {bands}, because `{key}` ends at {last}; if the last value is for "
                f"all above, write {key}: [{more}]"
            )
        return f"{found} but {bands} in `{key}`; write one value for each band"

    def _word(self, word: str) -> str:
        """Return a word in the language of the document."""
        return in_chinese(word) if self.chinese else word


def read_limits(check: Checker, item: Value, value: Value | None, *, banded: bool) -> Limits:
    """Return the upper limits of a version's bands."""
    if not banded:
        if value is not None:
            check.refuse(value.place, "limits belong to bands; write `bands: yes` in the table")
        return Limits((None,))
    if value is None:
        check.refuse_missing(item.place, "limits", "the upper limit of each band")
        return Limits(())
    entries = check.items(value, "upper limit of each band")
    before = len(check.violations)
    found: list[int | None] = []
    for index, entry in enumerate(entries):
        if isinstance(entry, Text) and canonical(entry.value) == keys.OPEN:
            if index != len(entries) - 1:
                check.refuse(entry.place, "only the last band is open; write its upper limit")
            found.append(None)
        else:
            found.append(_limit(check, entry, found))
    if len(found) > limits.BANDS_PER_STAGE_MAX:
        most = limits.BANDS_PER_STAGE_MAX
        check.refuse(value.place, f"{len(found)} bands, more than {most}; join some")
    written = tuple(entry.value for entry in entries if isinstance(entry, Text))
    readable = len(check.violations) == before
    chinese = is_chinese(value.place.key_path.rpartition(".")[2])
    return Limits(tuple(found) if readable else (), written, chinese)


def _limit(check: Checker, entry: Value, before: Sequence[int | None]) -> int | None:
    """Return the upper limit of one band, which rises above those before it."""
    fen = check.parsed(entry, values.limit_fen, -1)
    if fen < 0:
        return None
    floor = max((limit for limit in before if limit is not None), default=0)
    if fen <= floor:
        check.refuse(
            entry.place,
            f"the band ends at {yuan_from_fen(fen)}元, not above {yuan_from_fen(floor)}元, "
            "where it begins; upper limits rise from band to band",
        )
    return fen
