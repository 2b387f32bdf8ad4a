"""A part of a history under several rules at once: tables in, tables out.

Nothing but the part is needed, so parts are the unit of threads, of resuming and of tasks on other
machines. Lines are split once for all worlds whose catalogues are the same. In a reform only the
persons are settled again of whom some claim is decided by another document than in the baseline:
for all others programs, inputs and counters are the same, claim by claim, and so are the results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core import schema
from medsettle.core.outcome import Rejection
from medsettle.policy.keys import RULE_DATES
from medsettle.replay.array_way import Part, Runners, settle_rows
from medsettle.replay.combinations import Combinations, combinations_of, places_of
from medsettle.replay.differences import RECORDED_COLUMNS, difference_table
from medsettle.replay.events import events_of
from medsettle.replay.given_tables import check_given
from medsettle.replay.layout import DIFFERENCES
from medsettle.replay.part_columns import Column, Columns, GivenTables, Tables, persons_of
from medsettle.replay.part_lines import LINE_COLUMNS, LineMemory, PartSplits, split_part, starts_of
from medsettle.replay.results import line_table, result_table, write_settled
from medsettle.replay.settler_way import WholeClaims
from medsettle.replay.stage_limits import SettledPast
from medsettle.replay.world_rows import Decided, WorldRows, empty_rows
from medsettle.replay.worlds import World, same_lines
from medsettle.settle.claim_lines import Facts
from medsettle.settle.counter_keys import identifying
from medsettle.settle.run import Settled, Settler

CLAIMS: Final = "claims"
LINES: Final = "lines"

_ALWAYS: Final = ("claim", "order", "line_count", "taken_back")


@dataclass(frozen=True, slots=True)
class PartOptions:
    """What is wanted of each part.

    `check`: only the claims that the baseline does not settle as recorded. `lines`: also the split
    of each line. `stages`: the first stage that differs of each claim that does, which settles
    these claims, and all of their persons, one by one.
    """

    check: bool = False
    lines: bool = False
    stages: bool = True


@dataclass(eq=False)
class PartReplayer:
    """Replays parts, one at a time; holds what is worked out once for each policy and code.

    Args:
        worlds: The baseline first, then its reforms.
        options: What is wanted.
    """

    worlds: Sequence[World]
    options: PartOptions = field(default_factory=PartOptions)
    _settlers: list[Settler] = field(init=False)
    _past: list[SettledPast] = field(init=False)
    _runners: Runners = field(default_factory=Runners)
    _memory: LineMemory = field(default_factory=LineMemory)

    def __post_init__(self) -> None:
        """Begin with nothing worked out."""
        # A check is of the baseline alone, and nothing of a reform is looked up for it.
        self.worlds = self.worlds[:1] if self.options.check else self.worlds
        self._settlers = [Settler(world.book) for world in self.worlds]
        self._past = [SettledPast(world.book) for world in self.worlds]

    @cached_property
    def claim_columns(self) -> list[str]:
        """The columns of claims that arrays look at."""
        found = [*_ALWAYS, *("pooling_area", "person", "birth_date", "account_used", *RULE_DATES)]
        found += RECORDED_COLUMNS
        found += [f"{name}_fen" for name in schema.CLAIM_AMOUNTS]
        for settler in self._settlers:
            found += [*settler.preparer.columns, *settler.preparer.lists]
        for policy in (each for world in self.worlds for each in world.book.policies):
            found += [each.column for each in policy.dimensions if each.kind == "date"]
            found += [each.column for each in policy.quantities if each.column]
            for counter in policy.policy.counters.values():
                found += [
                    *identifying(policy, counter),
                    counter.dated_by or "",
                    counter.since or "",
                ]
        return [*dict.fromkeys(name for name in found if name)]

    def replay(self, tables: Tables) -> dict[str, pa.Table]:
        """Return what a part comes to.

        Args:
            tables: `claims` and `lines` of a part of a history; `moves`, `stages` and `splits`
                where there are some.

        Returns:
            `claims/<world>` and, where they are wanted, `lines/<world>` for each world, and
            `differences`; with `check` the differences alone. The lines share memory with those of
            the next part: be done with them before.

        Raises:
            InvalidRequest: The tables are not in order.
            InternalError: Shares do not add up to a total.
        """
        return _PartRun(self, tables).results()


def replay_part(
    tables: Mapping[str, pa.Table], worlds: Sequence[World], options: PartOptions | None = None
) -> dict[str, pa.Table]:
    """Return what one part of a history comes to; see `PartReplayer.replay`.

    Raises:
        InvalidRequest: The tables are not in order, or as `check_given`.
        InternalError: Shares do not add up to a total.
    """
    check_given(tables)
    return PartReplayer(worlds, options or PartOptions()).replay(GivenTables(tables))


class _PartRun:
    """One part while it is replayed."""

    def __init__(self, replayer: PartReplayer, tables: Tables) -> None:
        self._worlds, self._options = replayer.worlds, replayer.options
        self._settlers, self._runners = replayer._settlers, replayer._runners
        self._memory, self._past = replayer._memory, replayer._past
        self._claims = Columns(tables, "claims", replayer.claim_columns)
        self._lines = Columns(tables, "lines", LINE_COLUMNS)
        self._stages = Columns(tables, "stages")
        splits = Columns(tables, "splits")
        self._starts = starts_of(self._claims, self._lines)
        persons = persons_of(self._claims)
        events = events_of(persons, self._claims, Columns(tables, "moves"))
        self._persons = persons
        self._whole = WholeClaims(self._claims, self._lines, self._starts, splits, persons, events)
        self._odd = np.zeros(len(persons), dtype=np.bool_)
        self._odd[events.aided] = True
        elsewhere = np.isin(self._claims.numbers("claim"), splits.numbers("claim"))
        self._odd[persons.of_claim[elsewhere]] = True
        self._combined: Combinations = combinations_of(
            self._claims, [settler.preparer for settler in self._settlers]
        )
        self._facts = [self._combined.facts(settler.preparer) for settler in self._settlers]

    def results(self) -> dict[str, pa.Table]:
        """Return the tables of the part."""
        claim, found = self._claims.numbers("claim"), dict[str, pa.Table]()
        splits: list[PartSplits] = []
        rows: list[WorldRows] = []
        for number, world in enumerate(self._worlds):
            like = self._split_as(number)
            if like == number:
                splits.append(self._split(number))
            else:
                splits.append(splits[like])
            kept = splits[number] if like == number else None
            rows.append(
                self._settled(number, rows[0] if rows and like == 0 else None, splits[number], kept)
            )
            if not self._options.check:
                found[f"{CLAIMS}/{world.name}"] = result_table(claim, rows[number])
                if self._options.lines and like == number:
                    found[f"{LINES}/{world.name}"] = line_table(claim, self._starts, splits[number])
        found[DIFFERENCES] = difference_table(
            self._claims,
            self._stages if self._options.stages else None,
            self._persons,
            rows[0],
            self._whole.settle,
            self._settlers[0],
        )
        return found

    def _split_as(self, number: int) -> int:
        """Return the first world that splits every line as one does."""
        book = self._worlds[number].book
        return next(
            at
            for at, other in enumerate(self._worlds)
            if other.book is book or same_lines(other.book, book)
        )

    def _split(self, number: int) -> PartSplits:
        """Split the lines for a world and all that split them alike."""
        alike = [at for at in range(len(self._worlds)) if self._split_as(at) == number]
        book, of_claim = self._worlds[number].book, self._combined.of_claim
        places = places_of(book, [self._facts[at] for at in alike])
        keep = self._options.lines and not self._options.check
        # Worlds that split lines in other ways want memory of their own at the same time.
        memory = self._memory if number == 0 else LineMemory()
        into = memory if keep else None
        found = split_part(book, places, of_claim, self._lines, self._starts, into)
        self._odd[self._persons.of_claim[found.odd]] = True
        return found

    def _settled(
        self, number: int, baseline: WorldRows | None, splits: PartSplits, kept: PartSplits | None
    ) -> WorldRows:
        """Return what the claims come to in a world.

        Args:
            number: Of the world.
            baseline: What they come to in the baseline, where lines are split alike.
            splits: The lines.
            kept: Takes the lines of persons settled whole; None where they are kept already.
        """
        persons, combined = self._persons, self._combined
        rows = empty_rows(len(self._claims)) if baseline is None else _copied(baseline)
        asked = np.ones(len(persons), dtype=np.bool_)
        if baseline is not None:
            asked = self._touched(number)
        usual = np.flatnonzero((asked & ~self._odd)[persons.of_claim])
        part = Part(self._claims, persons, self._whole.events, combined.of_claim, splits.pots)
        odd = asked & self._odd
        if len(usual):
            decided = Decided.of(self._facts[number])
            low = settle_rows(part, decided, usual, self._runners, rows)
            odd[low] = True
        if odd.any():
            self._settle_whole(np.flatnonzero(odd), number, rows, kept)
        if kept is not None and (rows.outcome != 0).any():
            kept.clear(np.repeat(rows.outcome != 0, np.diff(self._starts)))
        return rows

    def _settle_whole(
        self, whose: Column, number: int, rows: WorldRows, kept: PartSplits | None
    ) -> None:
        def take(row: int, found: Settled | Rejection) -> None:
            lines = slice(int(self._starts[row]), int(self._starts[row + 1]))
            write_settled(row, found, rows, self._past[number], lines, kept)

        self._whole.settle(whose, self._settlers[number], take)

    def _touched(self, number: int) -> NDArray[np.bool_]:
        """Return the persons of whom a world decides some claim by another document."""
        pairs = zip(self._facts[0], self._facts[number], strict=True)
        differs = np.array([_decides(one) != _decides(other) for one, other in pairs], np.bool_)
        found = np.zeros(len(self._persons), dtype=np.bool_)
        found[self._persons.of_claim[differs[self._combined.of_claim]]] = True
        return found


def _decides(fact: Facts | Rejection) -> tuple[str, str]:
    """Return by what a claim is decided: equal for two that come to the same by equal counters."""
    if isinstance(fact, Rejection):
        return "", fact.outcome.name
    return fact.policy.policy.name, fact.policy.digest


def _copied(rows: WorldRows) -> WorldRows:
    return WorldRows(
        amounts={name: column.copy() for name, column in rows.amounts.items()},
        past={name: each.copied() for name, each in rows.past.items()},
        outcome=rows.outcome.copy(),
        outcomes=[*rows.outcomes],
        policy=rows.policy.copy(),
        policies=[*rows.policies],
    )
