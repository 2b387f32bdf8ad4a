"""What changed between two policies, by meaning: values by class and band, and how stages work.

Two documents are compared as they are on two days: the old one the day before the new one begins,
the new one on its first. Where band limits differ, amounts are compared over the ranges that both
have in common, so that a band that was cut in two shows only where a rate changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import product

from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy.model import Policy, Stage, Table, Unit, Version
from medsettle.policy.values import points_text


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise: where, for whom, and what it was and is.

    `before` or `after` is blank where there was or is nothing.
    """

    what: str
    whom: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return the change as one line."""
        whom = f" for {self.whom}" if self.whom else ""
        if not self.before:
            return f"{self.what}{whom}: new, {self.after}"
        if not self.after:
            return f"{self.what}{whom}: gone, it was {self.before}"
        return f"{self.what}{whom}: {self.before} -> {self.after}"


def differences(old: Policy, new: Policy) -> list[Change]:
    """Return everything that two policies say differently; sources and places are no difference."""
    return [*_heads(old, new), *_stages(old, new), *_counters(old, new), *_tables(old, new)]


# --- the document as a whole --------------------------------------------------------------------


def _heads(old: Policy, new: Policy) -> Iterator[Change]:
    heads = (
        ("visit types", " ".join(old.visit_types), " ".join(new.visit_types)),
        ("the date that decides", old.rule_date, new.rule_date),
        ("start of the year", _day(old), _day(new)),
        ("in force from", str(old.in_force_from), str(new.in_force_from)),
    )
    for what, before, after in heads:
        if before != after:
            yield Change(what, "", before, after)


def _day(policy: Policy) -> str:
    return f"{policy.year_start.month:02d}-{policy.year_start.day:02d}"


# --- stages -------------------------------------------------------------------------------------

_NOT_RULES = {"name", "title", "source", "place"}


def _stages(old: Policy, new: Policy) -> Iterator[Change]:
    before = {stage.name: stage for stage in old.stages}
    after = {stage.name: stage for stage in new.stages}
    for name in before.keys() - after.keys():
        yield Change(f"payer stage {name}", "", f"{before[name].payer} paid", "")
    for name in after.keys() - before.keys():
        yield Change(f"payer stage {name}", "", "", f"{after[name].payer} pays")
    common = [name for name in before if name in after]
    kept = [name for name in after if name in before]
    if common != kept:
        yield Change("order of payers", "", ", ".join(common), ", ".join(kept))
    for name in common:
        yield from _stage(before[name], after[name])


def _stage(old: Stage, new: Stage) -> Iterator[Change]:
    """Yield what a stage does otherwise; values of tables are compared elsewhere."""
    for each in fields(Stage):
        if each.name in _NOT_RULES:
            continue
        before, after = getattr(old, each.name), getattr(new, each.name)
        if before != after:
            what = f"{each.name.replace('_', ' ')} of {new.name}"
            yield Change(what, "", _words(before), _words(after))


def _words(value: object) -> str:
    """Return what a part of a stage says, as names and words; blank for nothing."""
    if value is None or value is False or value == ():
        return ""
    if isinstance(value, tuple):
        return ", ".join(filter(None, map(_words, value)))
    names = getattr(type(value), "__dataclass_fields__", None)
    if names is None:
        return str(value)
    parts = [(name, _words(getattr(value, name))) for name in names]
    return " ".join(f"{name.replace('_', ' ')} {words}" for name, words in parts if words)


def _counters(old: Policy, new: Policy) -> Iterator[Change]:
    for name in dict.fromkeys([*old.counters, *new.counters]):
        before, after = (
            _words_of_counter(policy, name) if name in policy.counters else ""
            for policy in (old, new)
        )
        if before != after:
            yield Change(f"counter {name}", "", before, after)


def _words_of_counter(policy: Policy, name: str) -> str:
    counter = policy.counters[name]
    added = " + ".join(counter.sums) if counter.sums else "settlements"
    split = f", apart by {', '.join(counter.split_by)}" if counter.split_by else ""
    return f"{added} per {counter.period}{split}"


# --- tables -------------------------------------------------------------------------------------


def _tables(old: Policy, new: Policy) -> Iterator[Change]:
    for name in dict.fromkeys([*old.tables, *new.tables]):
        before, after = old.tables.get(name), new.tables.get(name)
        if before is None or after is None:
            yield from _lone_table(name, old, new)
        elif (before.unit, _classes(old, before)) != (after.unit, _classes(new, after)):
            yield Change(f"table {name}", "", _heading(old, before), _heading(new, after))
        else:
            yield from _cells(old, new, before, after)


def _lone_table(name: str, old: Policy, new: Policy) -> Iterator[Change]:
    """Yield the rows of a table that only one of two policies has."""
    policy, is_new = (new, True) if name in new.tables else (old, False)
    table = policy.tables[name]
    version = table.versions[0] if is_new else table.versions[-1]
    for row, whom in enumerate(_rows(policy, table)):
        for floor, cell in _bands(table, version, row):
            text = _cell(table.unit, cell)
            what = name + _above(floor)
            yield Change(what, whom, "" if is_new else text, text if is_new else "")


def _classes(policy: Policy, table: Table) -> tuple[tuple[str, ...], ...]:
    return tuple((name, *policy.dimensions[name].values) for name in table.by)


def _heading(policy: Policy, table: Table) -> str:
    by = " and ".join(f"{name} ({', '.join(words)})" for name, *words in _classes(policy, table))
    return f"{table.unit}s by {by}" if by else f"one {table.unit}"


def _rows(policy: Policy, table: Table) -> list[str]:
    """Return the classes of each row in words, in the order of the cells."""
    return [", ".join(row) for row in product(*(policy.dimensions[n].values for n in table.by))]


def _bands(table: Table, version: Version, row: int) -> list[tuple[int, Fraction]]:
    """Return where each band of a row begins, and its cell."""
    width = len(version.limits_fen)
    cells = version.cells[row * width : (row + 1) * width]
    floors = [0, *(limit or 0 for limit in version.limits_fen[:-1])]
    return list(zip(floors, cells, strict=True))


def _cells(old: Policy, new: Policy, before: Table, after: Table) -> Iterator[Change]:
    """Yield what changes row by row, over the ranges that both have in common."""
    was = [v for v in before.versions if v.start < new.in_force_from] or list(before.versions[:1])
    now = [v for v in after.versions if v.start <= new.in_force_from] or list(after.versions[:1])
    for row, whom in enumerate(_rows(new, after)):
        first, second = _bands(before, was[-1], row), _bands(after, now[-1], row)
        last: tuple[Fraction, Fraction] | None = None
        for floor in sorted({floor for floor, _ in (*first, *second)}):
            pair = (_at(first, floor), _at(second, floor))
            if pair[0] != pair[1] and pair != last:
                texts = [_cell(after.unit, cell) for cell in pair]
                yield Change(after.name + _above(floor), whom, texts[0], texts[1])
            last = pair


def _at(bands: list[tuple[int, Fraction]], floor: int) -> Fraction:
    return [cell for begin, cell in bands if begin <= floor][-1]


def _above(floor: int) -> str:
    return f" above {yuan_from_fen(floor)} yuan" if floor else ""


def _cell(unit: Unit, cell: Fraction) -> str:
    if unit is Unit.AMOUNT:
        return f"{yuan_from_fen(int(cell))} yuan"
    if unit is Unit.POINTS:
        return f"{'-' if cell < 0 else '+'}{points_text(cell)} points"
    return rate_text(cell)
