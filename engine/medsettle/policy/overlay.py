"""Reforms as overlays: a small document that changes parts of another from a day on.

An overlay is merged into the tree of its policy before the policy is checked, so that everything
the checker finds is found in the reform too, at the line where it stands, in either document. The
policy itself ends on the day the reform begins; the reformed one goes on from there under a name
of its own, with the counters of the scheme carried.

The merge is by meaning and not by line: blocks key by key, versions of a table by their first day,
stages by their name; any other list or text is replaced whole. `without` names what falls away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from medsettle.errors import Violation
from medsettle.policy import keys, tree, values
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.tree import Entry, Map, Place, Sequence, Text, Value
from medsettle.policy.vocabulary import canonical, quoted, suggestion

# Lists of blocks that are merged item by item, with the key that tells which item is meant.
_ITEM_KEYS = {"versions": "from", "stages": "stage", "payouts": "payout"}
_NAMELESS = "reform"
# What only the reform as a whole may say.
_RESERVED = ("policy", "pooling_area", "format", "in_force")


@dataclass(frozen=True, slots=True)
class Overlay:
    """A read overlay: which policy it changes, from when, and the parts it changes.

    `without` are dotted paths of what falls away, such as `stages.pool.caps`.
    """

    name: str
    changes: str
    start: date
    title: str
    parts: Map
    without: tuple[tuple[str, Place], ...]
    raw: bytes
    place: Place


def read_overlays(paths: Iterable[Path]) -> tuple[list[Overlay], list[Violation]]:
    """Return the overlays of files in order of time, and every fault found in them.

    One with faults is there too where it says which policy it changes, from when and how, so that
    the faults of what it changes are found at the same time.

    Raises:
        OSError: A file cannot be read.
    """
    found: list[Overlay] = []
    faults: list[Violation] = []
    for path in paths:
        raw = path.read_bytes()
        document, violations = tree.parse(raw, str(path))
        check = Checker(violations)
        overlay = _read_overlay(document, raw, check)
        faults += check.violations
        if overlay is not None:
            found.append(overlay)
    return sorted(found, key=lambda overlay: overlay.start), faults


def overlay_faults(overlays: Iterable[Overlay], policies: Iterable[str]) -> list[Violation]:
    """Return a violation for each overlay of a policy that there is not."""
    names = list(policies)
    return [
        overlay.place.violation(
            f"no policy is called {quoted(overlay.changes)}; {suggestion(overlay.changes, names)}"
        )
        for overlay in overlays
        if overlay.changes not in names
    ]


def _read_overlay(document: Map, raw: bytes, check: Checker) -> Overlay | None:
    """Return the overlay of a document, the faults in `check`; None where it changes nothing."""
    found = check.record(document, keys.OVERLAY)
    check.one_of(found.get("format"), [keys.FORMAT])
    check.text(found.get("note"))
    name = check.text(found.get("overlay"))
    if "overlay" in found:
        before = len(check.violations)
        check.check_name(name, found["overlay"].place)
        name = name if len(check.violations) == before else ""
    start = check.parsed(found.get("from"), values.day, date.min)
    parts = found.get("set", Map(document.place))
    if not isinstance(parts, Map):
        check.refuse(parts.place, "a text or a list stands here; write the blocks that change")
        parts = Map(document.place)
    elif found and not parts.entries and "without" not in found:
        check.refuse(document.place, "nothing changes; write what does under `set` or `without`")
    for entry in parts:
        if canonical(entry.key.value) in _RESERVED:
            word = quoted(entry.key.value)
            check.refuse(entry.key.place, f"an overlay does not change {word}; delete it")
    without = tuple(
        (check.text(item), item.place)
        for item in (check.items(found["without"], "paths") if "without" in found else ())
    )
    changes, title = check.text(found.get("changes")), check.text(found.get("title"))
    if not changes or start == date.min or not document.readable:
        return None
    return Overlay(
        name,
        changes,
        start,
        title,
        parts,
        without,
        raw,
        found["changes"].place,
    )


def reformed(base: Map, overlay: Overlay, check: Checker) -> Map:
    """Return the tree of the reformed policy: the base with the overlay in it.

    Its name is that of the policy and of the overlay with a hyphen between, and it is in force from
    the first day of the overlay until the base ends.
    """
    found = base
    for path, place in overlay.without:
        found = _cut(found, path.split("."), place, check)
    merged = _merged_maps(found, _known_tables(base, overlay.parts, check), check)
    # An overlay that has faults may lack its name or title, which is told once.
    texts = {
        "policy": f"{overlay.changes}-{overlay.name or _NAMELESS}",
        "title": overlay.title,
        "in_force.from": overlay.start.isoformat(),
    }
    return _with_texts(merged, {path: text for path, text in texts.items() if text}, overlay.place)


def _known_tables(base: Map, parts: Map, check: Checker) -> Map:
    """Return parts without the tables that are neither in the policy nor new.

    A new table has a unit; without one it is a change of a table that there is not.
    """
    held = [canonical(entry.key.value) for entry in _tables_of(base)]
    strange = [
        entry
        for entry in _tables_of(parts)
        if canonical(entry.key.value) not in held
        and isinstance(entry.value, Map)
        and _text_of(entry.value, "unit") is None
    ]
    for entry in strange:
        hint = suggestion(entry.key.value, [other.key.value for other in _tables_of(base)])
        fault = f"no table is called {quoted(entry.key.value)}; {hint} (a new one says its `unit`)"
        check.refuse(entry.key.place, fault)
    if not strange:
        return parts
    entries = tuple(
        replace(entry, value=replace(entry.value, entries=_without(entry.value, strange)))
        if canonical(entry.key.value) == "tables" and isinstance(entry.value, Map)
        else entry
        for entry in parts
    )
    return replace(parts, entries=entries)


def _without(held: Map, strange: list[Entry]) -> tuple[Entry, ...]:
    return tuple(entry for entry in held if entry not in strange)


def _tables_of(document: Map) -> tuple[Entry, ...]:
    for entry in document:
        if canonical(entry.key.value) == "tables" and isinstance(entry.value, Map):
            return entry.value.entries
    return ()


def ended(base: Map, overlay: Overlay) -> Map:
    """Return the tree of the policy as it is until the overlay begins."""
    return _with_texts(base, {"in_force.until": overlay.start.isoformat()}, overlay.place)


# --- merging ------------------------------------------------------------------------------------


def _merged(name: str, base: Value, change: Value, check: Checker) -> Value:
    """Return a value of the base with a change in it; what is no block is replaced."""
    if isinstance(base, Map) and isinstance(change, Map):
        return _merged_maps(base, change, check)
    key = _ITEM_KEYS.get(canonical(name))
    if key is not None and isinstance(base, Sequence) and isinstance(change, Sequence):
        return _merged_items(key, base, change, check)
    return change


def _merged_maps(base: Map, change: Map, check: Checker) -> Map:
    left = {canonical(entry.key.value): entry for entry in change}
    entries = []
    for entry in base:
        new = left.pop(canonical(entry.key.value), None)
        if new is None:
            entries.append(entry)
        else:
            entries.append(Entry(new.key, _merged(entry.key.value, entry.value, new.value, check)))
    return replace(base, entries=(*entries, *left.values()))


def _merged_items(key: str, base: Sequence, change: Sequence, check: Checker) -> Sequence:
    """Return a list of blocks with those of a change merged in, each found by its key."""
    items = list(base.items)
    for item in change.items:
        name = _text_of(item, key)
        if name is None or not isinstance(item, Map):
            check.refuse(item.place, f"which one changes? write its `{key}`")
            continue
        names = [_text_of(held, key) for held in items]
        if name in names:
            place = names.index(name)
            held = items[place]
            assert isinstance(held, Map)
            items[place] = _merged_maps(held, _without_key(item, "after"), check)
        elif key == "from":
            later = [index for index, held in enumerate(names) if held is not None and held > name]
            items.insert(later[0] if later else len(items), item)
        else:
            items.insert(_place_after(item, names, check), _without_key(item, "after"))
    return replace(base, items=tuple(items))


def _place_after(item: Map, names: list[str | None], check: Checker) -> int:
    """Return where a new stage belongs: after the one it names, or first."""
    after = _text_of(item, "after")
    known = [name for name in names if name is not None]
    if after in ("first", None):
        if after is None:
            fault = "this stage is new; say with `after` which one it follows, or `after: first`"
            check.refuse(item.place, fault)
        return 0
    if after not in known:
        hint = suggestion(after, known)
        check.refuse(item.place, f"no stage is called {quoted(after)} to come after; {hint}")
        return 0
    return names.index(after) + 1


def _text_of(value: Value, key: str) -> str | None:
    if not isinstance(value, Map):
        return None
    words = [entry.key.value for entry in value if canonical(entry.key.value) == key]
    return value.text(words[0]) if words else None


def _without_key(item: Map, key: str) -> Map:
    kept = tuple(entry for entry in item if canonical(entry.key.value) != key)
    return replace(item, entries=kept)


# --- cutting and setting ------------------------------------------------------------------------


def _cut(base: Map, path: list[str], place: Place, check: Checker) -> Map:
    """Return a map without what a path leads to."""
    found = _cut_in(base, path)
    if found is None:
        check.refuse(
            place,
            f"there is no {quoted('.'.join(path))} in the policy; name what falls away by its "
            "keys, stages and payouts by their names, like `stages.pool.caps`",
        )
        return base
    assert isinstance(found, Map)
    return found


def _cut_in(value: Value, path: list[str]) -> Value | None:
    """Return a value without what a path leads to; None where it leads nowhere."""
    head, rest = path[0], path[1:]
    if isinstance(value, Map):
        word = same_name(head, [entry.key.value for entry in value])
        kept: list[Entry] = []
        for entry in value:
            if entry.key.value != word:
                kept.append(entry)
            elif rest:
                inner = _cut_in(entry.value, rest)
                if inner is None:
                    return None
                kept.append(Entry(entry.key, inner))
        return None if word is None else replace(value, entries=tuple(kept))
    if isinstance(value, Sequence):
        return _cut_item(value, head, rest)
    return None


def _cut_item(value: Sequence, head: str, rest: list[str]) -> Value | None:
    """Return a list of blocks without one of them, or without a part of it."""
    items: list[Value] = []
    met = False
    for item in value.items:
        if head not in {_text_of(item, key) for key in _ITEM_KEYS.values()}:
            items.append(item)
            continue
        met = True
        if rest:
            inner = _cut_in(item, rest)
            if inner is None:
                return None
            items.append(inner)
    return replace(value, items=tuple(items)) if met else None


def _with_texts(base: Map, texts: dict[str, str], place: Place) -> Map:
    """Return a map with texts set at dotted paths; the overlay is where they stand."""
    for path, text in texts.items():
        head, _, rest = path.partition(".")
        value: Value = Text(place, text)
        held = next((entry for entry in base if canonical(entry.key.value) == head), None)
        if rest:
            inner = held.value if held is not None and isinstance(held.value, Map) else Map(place)
            value = _with_texts(inner, {rest: text}, place)
        entry = Entry(held.key if held is not None else Text(place, head), value)
        kept = [entry if other is held else other for other in base]
        base = replace(base, entries=tuple(kept if held is not None else [*kept, entry]))
    return base
