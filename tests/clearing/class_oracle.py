"""What differs between a few rows of books, found slowly, with nothing of the code under test.

Written from `clearing.md` §2.3 and §2.4 and the table of precedence, with dictionaries and plain
conditions: every row is looked at against every other one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from tests.clearing.record_oracle import (
    KEYS,
    SIDES,
    Row,
    Thing,
    id_of,
    named,
    original_of,
    things_of,
)

Told = tuple[int, tuple[str, ...], tuple[str, ...], int]
"""Class, sides that have it, sides that lack it, money at risk."""

PAYERS = (
    *("pooled_fund_fen", "civil_servant_fen", "enterprise_fen", "critical_illness_fen"),
    *("large_amount_fen", "disabled_serviceman_fen", "assistance_fen", "other_fund_fen"),
    *("account_fen", "mutual_aid_fen"),
)
AMOUNTS = (
    *("total_fen", "own_expense_fen", "over_limit_fen", "pre_self_pay_fen", "in_scope_fen"),
    *("deductible_fen", "fund_total_fen", "person_total_fen", "cash_fen"),
)
SPLITS = (*PAYERS, "institution_share_fen")
VERSIONS = ("policy", "policy_digest", "catalogue_digest")
PERSON = ("person", "card", "credential_type")
CLEARED = ("pooling_area", "care_area", "insurance_type", "clearing_class")
ORDER = (9, 11, 7, 4, 1, 2, 3, 14, 10, 5, 6, 13, 8, 12)


def differences(books: Mapping[str, Sequence[Row]]) -> dict[str, Told]:
    """Return what differs, by item. A column that a book lacks is None in all its rows."""
    sides = [side for side in SIDES if side in books]
    things = things_of(books, sides)
    told: dict[str, Told] = {}
    for thing in things:
        for item, found in _told(thing, things, sides):
            if item not in told or ORDER.index(found[0]) < ORDER.index(told[item][0]):
                told[item] = found
    return told


# --- what is told of a thing ---------------------------------------------------------------------


def _told(
    thing: Thing, things: Sequence[Thing], sides: Sequence[str]
) -> Iterator[tuple[str, Told]]:
    item = f"{thing['kind']}:{id_of(thing)}"
    held = tuple(side for side in sides if side in thing["rows"])
    lacking = tuple(side for side in sides if side not in thing["rows"])
    own_fen = max(_claimed([thing], side) for side in held)
    if any(len(rows) > 1 for rows in thing["rows"].values()):
        more = [
            max(
                sum(max(0, sum(_payer(row, name) for row in rows[1:])) for name in PAYERS),
                sum(max(0, -sum(_payer(row, name) for row in rows[1:])) for name in PAYERS),
            )
            for rows in thing["rows"].values()
        ]
        yield item, (9, held, lacking, max(more))
        return
    if _is_second(thing, things, sides):
        yield item, (9, held, lacking, own_fen)
        return
    if thing["kind"] == "settle":
        yield from _settled(thing, things, sides, item, held, lacking)
    elif thing["kind"] == "adjust" and _made_equal(original_of(thing, things), things, sides):
        unlike = _unlike(thing, things) - {*AMOUNTS, *SPLITS}
        yield from _compared(thing, [thing], unlike, item, held)
    else:
        yield from _belonging(thing, things, sides, item, held, lacking)


def _belonging(
    thing: Thing,
    things: Sequence[Thing],
    sides: Sequence[str],
    item: str,
    held: tuple[str, ...],
    lacking: tuple[str, ...],
) -> Iterator[tuple[str, Told]]:
    own_fen = max(_claimed([thing], side) for side in held)
    original = original_of(thing, things)
    if isinstance(original, dict):
        lacking = tuple(side for side in lacking if side in original["rows"])
    if not lacking:
        unlike = _unlike(thing, things)
        if isinstance(original, dict) and thing["kind"] == "cancel":
            both = [side for side in held if side in original["rows"]]
            zero = all(
                _sum([thing, original], side, name) == 0
                for side in both
                for name in (*AMOUNTS, *SPLITS)
            )
            if unlike <= _unlike(original, things) and zero:
                return
        yield from _compared(thing, [thing], unlike, item, held)
        return
    if thing["kind"] == "deduction":
        yield item, (11, held, lacking, own_fen)
    elif thing["kind"] == "cancel" and not isinstance(original, dict):
        yield from _taken_back_unseen(original, things, sides)
    elif (
        thing["kind"] == "cancel"
        and isinstance(original, dict)
        and _by_state(_states(original, things, sides)) is not None
    ):
        return
    else:
        moves = any(rows[0][name] for rows in thing["rows"].values() for name in AMOUNTS)
        yield item, (5 if moves else 6, held, lacking, own_fen)


def _taken_back_unseen(
    original: str | None, things: Sequence[Thing], sides: Sequence[str]
) -> Iterator[tuple[str, Told]]:
    """Yield the state of a settlement of which only cancels are there."""
    same = [
        other
        for other in things
        if other["kind"] == "cancel" and original_of(other, things) == original
    ]
    single = [
        other
        for other in same
        if all(len(rows) == 1 for rows in other["rows"].values())
        and not _is_second(other, things, sides)
    ]
    held = tuple(side for side in sides if any(side in other["rows"] for other in same))
    lacking = tuple(side for side in sides if side not in held)
    risk = max(_claimed([other], side) for other in single for side in other["rows"])
    if lacking:
        yield f"settle:{original}", (7, held, lacking, risk)


def _settled(
    thing: Thing,
    things: Sequence[Thing],
    sides: Sequence[str],
    item: str,
    held: tuple[str, ...],
    lacking: tuple[str, ...],
) -> Iterator[tuple[str, Told]]:
    states = _states(thing, things, sides)
    found = _by_state(states)
    equal = _made_equal(thing, things, sides)
    family = [thing]
    for other in things:
        if original_of(other, things) is thing:
            if other["kind"] == "cancel":
                if not _is_second(other, things, sides):
                    family.append(other)
            elif (other["kind"] == "adjust" and equal) or all(s in other["rows"] for s in held):
                family.append(other)
    if found is None:
        if not lacking:
            unlike = _unlike(thing, things)
            if equal:
                unlike -= {*AMOUNTS, *SPLITS}
            yield from _compared(thing, family, unlike, item, held)
        return
    there = {side: [each for each in family if side in each["rows"]] for side in sides}
    risk = max(_gap(there[one], one, there[other], other) for one, other in combinations(sides, 2))
    if found == 7:
        held = tuple(side for side in sides if states[side] in {"taken", "alone"})
        lacking = tuple(side for side in sides if states[side] == "stands")
    yield item, (found, held, lacking, risk)


def _compared(
    thing: Thing, family: Sequence[Thing], unlike: set[str], item: str, held: tuple[str, ...]
) -> Iterator[tuple[str, Told]]:
    if not unlike:
        return
    sides = [side for side in SIDES if any(side in each["rows"] for each in family)]
    there = {side: [each for each in family if side in each["rows"]] for side in sides}
    gaps = [_gap(there[one], one, there[other], other) for one, other in combinations(sides, 2)]
    whole = max(_gap(there[side], side, [], side) for side in sides)
    apart = max(gaps, default=0)
    if unlike & set(PERSON):
        found, risk = 10, whole
    elif unlike & set(AMOUNTS):
        found, risk = 5, apart
    elif unlike & set(SPLITS):
        found, risk = 6, apart
    elif unlike - {"record_date", *VERSIONS}:
        found, risk = 13, whole if unlike & set(CLEARED) else 0
    elif "record_date" in unlike:
        months = {rows[0]["record_date"].isoformat()[:7] for rows in thing["rows"].values()}
        own = max(_gap([thing], side, [], side) for side in thing["rows"])
        found, risk = 8, own if len(months) > 1 else 0
    else:
        found, risk = 12, 0
    if thing["kind"] == "deduction":
        found, risk = 11, apart
    yield item, (found, held, (), risk)


def _unlike(thing: Thing, things: Sequence[Thing]) -> set[str]:
    rows = [row for rows in thing["rows"].values() for row in rows]
    names = set()
    for name in rows[0]:
        if name in {"settlement", "kind", "original", "record_time"}:
            continue
        values = {row[name] for row in rows if row[name] is not None}
        if len(values) > 1:
            names.add(name)
    if len({row["settlement"] for row in rows}) > 1:
        names.add("settlement")
    if thing["kind"] != "settle":
        stated = []
        for side, own in thing["rows"].items():
            if own[0]["original"] is not None:
                found = named(side, own[0]["original"], things)
                stated.append(own[0]["original"] if found is None else id(found))
        if len(set(stated)) > 1:
            names.add("original")
    return names


# --- what stands, and money ----------------------------------------------------------------------


def _made_equal(
    original: Thing | str | None, things: Sequence[Thing], sides: Sequence[str]
) -> bool:
    """Return whether all books have the same of a settlement and of what was adjusted of it.

    Nor may what is left after cancels be different where there are any.
    """
    parts = []
    if isinstance(original, dict):
        if any(side not in original["rows"] for side in sides):
            return False
        parts.append(original)
    adjusted, cancels = False, []
    for other in things:
        theirs = original_of(other, things)
        same = theirs is original if isinstance(original, dict) else theirs == original
        if other["kind"] == "adjust" and same:
            adjusted = True
            parts.append(other)
        elif other["kind"] == "cancel" and same and not _is_second(other, things, sides):
            cancels.append(other)
    if not adjusted:
        return False
    for name in (*AMOUNTS, *SPLITS):
        for one, two in combinations(sides, 2):
            if not _same_sum(parts, one, two, name):
                return False
            both = all(any(side in c["rows"] for c in cancels) for side in (one, two))
            if both and not _same_sum([*parts, *cancels], one, two, name):
                return False
    return True


def _same_sum(things: Sequence[Thing], one: str, other: str, name: str) -> bool:
    for side in (one, other):
        for thing in things:
            if side in thing["rows"] and thing["rows"][side][0][name] is None:
                return True
    return _sum(things, one, name) == _sum(things, other, name)


def _states(thing: Thing, things: Sequence[Thing], sides: Sequence[str]) -> dict[str, str]:
    cancels = [t for t in things if t["kind"] == "cancel" and original_of(t, things) is thing]
    adjusts = [t for t in things if t["kind"] == "adjust" and original_of(t, things) is thing]
    states = {}
    for side in sides:
        theirs = [each for each in cancels if side in each["rows"]]
        if side not in thing["rows"]:
            states[side] = "alone" if theirs else "absent"
            continue
        zero = False
        for taking in [*([each] for each in theirs), theirs]:
            for corrections in ([], adjusts):
                parts = [thing, *taking, *(c for c in corrections if side in c["rows"])]
                if taking and all(_sum(parts, side, name) == 0 for name in (*AMOUNTS, *SPLITS)):
                    zero = True
        states[side] = "taken" if zero else "stands"
    return states


def _by_state(states: Mapping[str, str]) -> int | None:
    stands = {side for side, state in states.items() if state == "stands"}
    alone = {side for side, state in states.items() if state == "alone"}
    taken = {side for side, state in states.items() if state == "taken"} | alone
    absent = {side for side, state in states.items() if state == "absent"}
    if not stands:
        if not alone:
            return None
        return 3 if "care" in alone else 2 if "insured" in alone else 14
    if not taken:
        return _missing(stands, absent, len(states)) if absent else None
    if len(stands) == 1:
        if "care" in states and states["care"] in {"absent", "alone"}:
            return 4
        if "care" not in states and alone:
            return 4
    return 7


def _missing(holders: set[str], lacking: set[str], compared: int) -> int:
    if holders == {"care"}:
        return 1
    if "care" in lacking:
        return 4 if compared == 3 and len(holders) == 1 and len(lacking) == 2 else 3
    return 2 if "insured" in lacking else 14


def _sum(things: Sequence[Thing], side: str, name: str) -> int:
    return sum(_payer(thing["rows"][side][0], name) for thing in things if side in thing["rows"])


def _payer(row: Row, name: str) -> int:
    return int(row[name] or 0)


def _claimed(things: Sequence[Thing], side: str) -> int:
    return _gap(things, side, [], side)


def _gap(ones: Sequence[Thing], one: str, others: Sequence[Thing], other: str) -> int:
    more = less = 0
    for name in PAYERS:
        difference = _sum(ones, one, name) - _sum(others, other, name)
        more += max(0, difference)
        less += max(0, -difference)
    return max(more, less)


def _is_second(thing: Thing, things: Sequence[Thing], sides: Sequence[str]) -> bool:
    if len(thing["rows"]) == len(sides) or any(len(rows) > 1 for rows in thing["rows"].values()):
        return False
    if thing["kind"] == "settle":
        if "stands" not in _states(thing, things, sides).values():
            return False
    elif thing["kind"] != "cancel":
        return False
    for other in things:
        if other is thing or other["kind"] != thing["kind"] or _rank(other) >= _rank(thing):
            continue
        for side in thing["rows"]:
            if side not in other["rows"]:
                continue
            if thing["kind"] == "cancel":
                if _same_original(thing, other, side, things):
                    return True
            elif _same_service(thing["rows"][side][0], other["rows"][side][0]) and (
                _states(other, things, sides)[side] == "stands"
            ):
                return True
    return False


def _same_original(one: Thing, other: Thing, side: str, things: Sequence[Thing]) -> bool:
    names = []
    for thing in (one, other):
        row = thing["rows"][side][0]
        name = row["original"] or row["settlement"]
        found = named(side, name, things)
        names.append(f"settle:{id_of(found)}" if found is not None else name)
    return names[0] == names[1]


def _same_service(one: Row, other: Row) -> bool:
    if None in {one["total_fen"], one["person"]}:
        return False
    if (one["total_fen"], one["person"]) != (other["total_fen"], other["person"]):
        return False
    for name in ("insurance_type", "service_date"):
        if None not in {one[name], other[name]} and one[name] != other[name]:
            return False
    for key in KEYS:
        if all(one[name] is not None and one[name] == other[name] for name in key):
            return True
    same_day = one["service_date"] is not None and one["service_date"] == other["service_date"]
    return bool(same_day and one["institution"] != other["institution"])


def _rank(thing: Thing) -> tuple[int, int, str]:
    side = next(side for side in SIDES if side in thing["rows"])
    moment = thing["rows"][side][0]["record_time"]
    return (
        -len(thing["rows"]),
        2**63 if moment is None else moment,
        f"{thing['kind']}:{id_of(thing)}",
    )
