"""Which rows of a few books are one record, found slowly, with nothing of the code under test.

Written from `clearing.md` §2.3: by id, then by what a cancel takes back, then by the natural keys;
what could be two things is left apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Thing = dict[str, Any]

SIDES = ("insured", "care", "national")
KEYS = (
    ("institution", "request_id", "kind"),
    ("institution", "institution_settlement", "kind"),
    ("institution", "encounter", "person", "kind"),
)


def things_of(books: Mapping[str, Sequence[Row]], sides: Sequence[str]) -> list[Thing]:
    """Return the records: each with its kind, and its rows by side, those of one id in order."""
    things: list[Thing] = []
    for side in sides:
        for row in books[side]:
            for thing in things:
                if (thing["name"], thing["kind"]) == (row["settlement"], row["kind"]):
                    thing["rows"].setdefault(side, []).append(row)
                    break
            else:
                rows = {side: [row]}
                things.append({"name": row["settlement"], "kind": row["kind"], "rows": rows})
    for thing in things:
        for rows in thing["rows"].values():
            rows.sort(key=lambda row: [(value is None, value) for value in row.values()])
    things = _made_one(things, sides, None)
    for key in KEYS:
        things = _made_one(things, sides, key)
    return things


def _made_one(
    things: list[Thing], sides: Sequence[str], key: tuple[str, ...] | None
) -> list[Thing]:
    """Return the things after those that a key leads to one another have become one."""
    looked_for = [thing for thing in things if len(thing["rows"]) < len(sides)]
    if key is None:
        looked_for = [thing for thing in looked_for if thing["kind"] == "cancel"]
    elif "encounter" in key:
        looked_for = [thing for thing in looked_for if not _gone(thing, things)]
    values = [_values(thing, key) for thing in looked_for]
    left = list(range(len(looked_for)))
    joined: list[list[int]] = []
    while left:
        linked, size = {left[0]}, 0
        while len(linked) > size:
            size = len(linked)
            linked |= {
                other for other in left if any(values[other] & values[one] for one in linked)
            }
        left = [each for each in left if each not in linked]
        members = sorted(linked)
        shared = set.intersection(*(values[each] for each in members))
        holders = [side for each in members for side in looked_for[each]["rows"]]
        if len(members) > 1 and shared and len(holders) == len(set(holders)):
            joined.append(members)
    gone = []
    for members in joined:
        first, *rest = (looked_for[each] for each in members)
        for other in rest:
            first["rows"] |= other["rows"]
            gone.append(other)
    return [thing for thing in things if not any(thing is each for each in gone)]


def _values(thing: Thing, key: tuple[str, ...] | None) -> set[Any]:
    found = set()
    for rows in thing["rows"].values():
        if key is None:
            found.add(rows[0]["original"] or rows[0]["settlement"])
        elif all(rows[0][name] is not None for name in key):
            found.add(tuple(rows[0][name] for name in key))
    return found


def _gone(thing: Thing, things: Sequence[Thing]) -> bool:
    """Return whether each book that has a settlement has a cancel of it, or the other way."""
    for side, rows in thing["rows"].items():
        own = rows[0]["settlement"]
        if thing["kind"] == "settle":
            others = [t for t in things if t["kind"] == "cancel" and side in t["rows"]]
            fits = any(
                (t["rows"][side][0]["original"] or t["rows"][side][0]["settlement"]) == own
                for t in others
            )
        elif thing["kind"] == "cancel":
            back = rows[0]["original"] or own
            others = [t for t in things if t["kind"] == "settle" and side in t["rows"]]
            fits = any(t["rows"][side][0]["settlement"] == back for t in others)
        else:
            fits = False
        if not fits:
            return False
    return True


def id_of(thing: Thing) -> str:
    """Return the id of a record by the first side that has it."""
    return next(
        str(thing["rows"][side][0]["settlement"]) for side in SIDES if side in thing["rows"]
    )


def original_of(thing: Thing, things: Sequence[Thing]) -> Thing | str | None:
    """Return the settlement that a thing belongs to: the thing, else the id."""
    if thing["kind"] == "settle":
        return None
    told = [
        (side, thing["rows"][side][0]["original"] or thing["rows"][side][0]["settlement"])
        for side in SIDES
        if side in thing["rows"]
    ]
    for side, name in told:
        found = named(side, name, things)
        if found is not None:
            return found
    known = [thing["rows"][side][0]["original"] for side, _ in told]
    return next((str(name) for name in known if name is not None), id_of(thing))


def named(side: str, name: str, things: Sequence[Thing]) -> Thing | None:
    """Return the settlement that a side has under an id, else that of any side."""
    settled = [thing for thing in things if thing["kind"] == "settle"]
    for thing in settled:
        if side in thing["rows"] and thing["rows"][side][0]["settlement"] == name:
            return thing
    elsewhere = [
        thing
        for thing in settled
        if any(rows[0]["settlement"] == name for rows in thing["rows"].values())
    ]
    return min(elsewhere, key=id_of) if elsewhere else None
