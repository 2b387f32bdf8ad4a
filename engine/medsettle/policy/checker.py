"""The toolkit of the checker: reads tree values and collects every fault with its place.

Nothing here stops at the first fault. A method that cannot read its value records a violation and
returns a stand-in, so that one run shows a policy officer everything there is to mend. What cannot
be read because of a fault that is recorded already is passed over in silence: one slip of the pen
is one message.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from medsettle.errors import Violation
from medsettle.policy import example_keys, exclusion_keys, routing_keys
from medsettle.policy.key_types import Shape
from medsettle.policy.keys import NAME_PATTERN, SHAPES
from medsettle.policy.tree import Map, Place, Sequence, Text, Value
from medsettle.policy.vocabulary import (
    canonical,
    code_hint,
    in_chinese,
    is_chinese,
    nearest,
    quoted,
    suggestion,
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def canonical_name(word: str) -> str:
    """Return a dotted name with every part in its English keyword, `统筹.自付` as `统筹.own`."""
    return ".".join(canonical(part) for part in word.split("."))


def same_name(word: str, names: Iterable[str]) -> str | None:
    """Return the name a word stands for, in either language; None where there is none.

    Names are kept as their document writes them, so that a word which joins the vocabulary later
    never renames a counter that the ledger holds already.
    """
    names = list(names)
    if word in names:
        return word
    meant = canonical_name(word)
    return next((name for name in names if canonical_name(name) == meant), None)


# Words that are taken for one another: what a thing is picked by, where it comes from, and so on.
_TAKEN_FOR_ANOTHER: Final = (
    {"by", "per", "dimensions", "along"},
    {"sources", "source"},
    {"counters", "counter", "per"},
    {"tables", "table"},
    {"bands", "limits"},
    {"limit", "caps", "at_most"},
    {"value", "rows"},
    {"from", "since"},
    {"benefit_year", "period"},
    {"pooling_area", "area"},
    {"title", "name"},
    {"visit_types", "visit_type"},
    {"institution_levels", "institution_level"},
    {"counters", "before"},
)


def _holders(word: str, shapes: Iterable[Shape]) -> list[str]:
    """Return the blocks that have a key."""
    return [shape.name for shape in shapes if word in {key.name for key in shape}]


def _unknown(word: str, left: list[str], shape: Shape | None) -> tuple[str, str | None]:
    """Return why a key cannot stand where it does, and which key was probably meant."""
    meant = canonical(word)
    documents = (SHAPES, example_keys.SHAPES, routing_keys.SHAPES, exclusion_keys.SHAPES)
    own = next((shapes for shapes in documents if shape in shapes), SHAPES)
    homes = _holders(meant, own) or _holders(meant, (*SHAPES, *example_keys.SHAPES))
    if not homes:
        return f"unknown word {quoted(word)}; {suggestion(word, left)}", nearest(word, left)
    kin = {other for words in _TAKEN_FOR_ANOTHER if meant in words for other in words} - {meant}
    home = f"{quoted(word)} belongs in {' or '.join(homes)}"
    home += f", not in {shape.name}" if shape is not None else ", not here"
    here = next((name for name in left if name in kin), None)
    if here is None:
        return f"{home}; indent it with the block it belongs to", None
    words = (in_chinese(here), here) if is_chinese(word) else (here,)
    return f"{home}; here the word is {' or '.join(map(quoted, words))}", here


class Checker:
    """Collects the violations of one document while its parts are read."""

    def __init__(self, violations: Iterable[Violation] = ()) -> None:
        self.violations = list(violations)

    def refuse(self, place: Place, message: str) -> None:
        """Record a violation at a place."""
        self.violations.append(place.violation(message))

    # --- maps --------------------------------------------------------------------------------

    def record(self, value: Value | None, shape: Shape) -> dict[str, Value]:
        """Return the values of a map by English keyword, refusing unknown and missing keys."""
        if value is None:
            return {}
        required = [key.name for key in shape.required]
        return self._fields(value, required, [key.name for key in shape], shape)

    def fields(
        self, value: Value, required: Iterable[str], optional: Iterable[str]
    ) -> dict[str, Value]:
        """Return the values of a map whose keys have no descriptions; as `record` otherwise."""
        required = sorted(required)
        return self._fields(value, required, [*required, *sorted(optional)], None)

    def _fields(
        self, value: Value, required: list[str], known: list[str], shape: Shape | None
    ) -> dict[str, Value]:
        if not isinstance(value, Map):
            self._refuse_no_map(value, f"the keys {', '.join(required or known)}")
            return {}
        if not value.readable:
            return {}
        found: dict[str, Value] = {}
        for entry in value:
            word = canonical(entry.key.value, known)
            if word not in known:
                written = {canonical(other.key.value, known) for other in value}
                left = [name for name in known if name not in written]
                fault, meant = _unknown(entry.key.value, left, shape)
                self.refuse(entry.key.place, fault)
                if meant is not None:
                    found.setdefault(meant, entry.value)
            elif word in found:
                other = f"{word} and {in_chinese(word)}"
                self.refuse(entry.key.place, f"{other} are the same word; keep one of the two")
            else:
                found[word] = entry.value
        chinese = any(is_chinese(entry.key.value) for entry in value)
        says = {key.name: key.english for key in shape or ()}
        for word in required:
            if word not in found:
                self.refuse_missing(value.place, word, says.get(word, ""), chinese=chinese)
        return found

    def is_blank(self, value: Value | None) -> bool:
        """Return whether a value is a block without any key."""
        return isinstance(value, Map) and value.readable and not value.entries

    def refuse_missing(self, place: Place, word: str, says: str, *, chinese: bool = False) -> None:
        """Record that a key is missing, with what its value would say."""
        shown = quoted(in_chinese(word) if chinese else word)
        meaning = f" ({says})" if says else ""
        self.refuse(place, f"{shown}{meaning} is missing; it has no default, so write it")

    def _refuse_no_map(self, value: Value, wanted: str) -> None:
        if isinstance(value, Text) and not value.readable:
            return
        found = "a list stands here"
        if isinstance(value, Text):
            found = f"found {quoted(value.value)}" if value.value else "nothing stands here"
        wide = isinstance(value, Text) and "：" in value.value
        next_step = "write the narrow colon and a blank: `: `" if wide else f"write {wanted}"
        self.refuse(value.place, f"{found} where a block is expected; {next_step}")

    def entries(self, value: Value | None, what: str) -> list[tuple[str, Place, Value]]:
        """Return name, place and value of each entry of a map with names of its own."""
        if value is None:
            return []
        if not isinstance(value, Map):
            self._refuse_no_map(value, f"{what}, each under its name")
            return []
        found: list[tuple[str, Place, Value]] = []
        for entry in value:
            names = [name for name, _, _ in found]
            if (other := same_name(entry.key.value, names)) is not None:
                both = f"{quoted(entry.key.value)} and {quoted(other)}"
                self.refuse(entry.key.place, f"{both} are the same word; rename one")
            else:
                found.append((entry.key.value, entry.key.place, entry.value))
        return found

    def quietly_named(self, value: Value | None) -> list[tuple[str, Place, Value]]:
        """Return the entries of a map that was read before, without telling its faults again."""
        violations, self.violations = self.violations, []
        entries = self.entries(value, "")
        self.violations = violations
        return entries

    def named(
        self, value: Value | None, what: str, pattern: str = NAME_PATTERN
    ) -> list[tuple[str, Place, Value]]:
        """Return the entries of a map that defines names, refusing those that are none."""
        entries = self.entries(value, what)
        for name, place, _ in entries:
            self.check_name(name, place, pattern)
        return entries

    def check_name(self, name: str, place: Place, pattern: str = NAME_PATTERN) -> None:
        """Refuse a name that other parts of the document could not write."""
        if name and re.fullmatch(pattern, name) is None:
            begin = " and begins with a letter" if pattern == NAME_PATTERN else ""
            self.refuse(
                place,
                f"{quoted(name)} is no name; a name has up to 50 letters, digits, `_` and `-`"
                f"{begin}; rename it",
            )

    # --- lists and texts ---------------------------------------------------------------------

    def items(self, value: Value | None, what: str) -> tuple[Value, ...]:
        """Return the items of a list that is not empty; a single text counts as a list of one."""
        if value is None:
            return ()
        if isinstance(value, Sequence):
            if not value.items:
                self.refuse(value.place, f"the list is empty; name the {what} or delete the key")
            return value.items
        if isinstance(value, Text):
            return (value,)
        keys = ", ".join(entry.key.value for entry in value)
        self.refuse(
            value.place, f"found a block with {keys} where a list is expected; list the {what}"
        )
        return ()

    def text(self, value: Value | None) -> str:
        """Return a text that is not empty."""
        if value is None:
            return ""
        if not isinstance(value, Text):
            kind = "a list" if isinstance(value, Sequence) else "a block"
            self.refuse(value.place, f"found {kind} where one text is expected; write the text")
            return ""
        if value.readable and not value.value.strip():
            self.refuse(value.place, "nothing stands here; write the value or delete the key")
        return value.value.strip()

    def texts(self, value: Value | None, what: str) -> tuple[str, ...]:
        """Return a list of different texts."""
        found: list[str] = []
        for item in self.items(value, what):
            text = self.text(item)
            if text and text in found:
                self.refuse(item.place, f"{quoted(text)} is listed twice; keep one of the two")
            elif text:
                found.append(text)
        return tuple(found)

    def parsed(self, value: Value | None, parse: Callable[[str], T], stand_in: T) -> T:
        """Return a text read by `parse`; its ValueError becomes the violation."""
        if value is None:
            return stand_in
        text = self.text(value)
        try:
            return parse(text) if text else stand_in
        except ValueError as error:
            self.refuse(value.place, str(error))
            return stand_in

    def choice(self, value: Value | None, kinds: type[E], stand_in: E) -> E:
        """Return a member of an enumeration, refusing words that are none."""
        word = self.one_of(value, [kind.value for kind in kinds])
        return kinds(word) if word is not None else stand_in

    def one_of(self, value: Value | None, choices: Iterable[str]) -> str | None:
        """Return one of the words a key may have; None after recording a violation."""
        if value is None:
            return None
        choices = list(choices)
        word = self.text(value)
        if (chosen := canonical(word, choices)) in choices:
            return chosen
        if word:
            hint = suggestion(word, choices)
            self.refuse(value.place, f"{quoted(word)} is no choice here; {hint}")
        return None

    # --- names defined elsewhere -------------------------------------------------------------

    def known(self, value: Value | None, names: Iterable[str], what: str) -> str | None:
        """Return a name that must be one of `names`; None after recording a violation."""
        return self._among(value, names, what, suggestion)

    def code(self, value: Value | None, what: str, words: Mapping[str, str]) -> str | None:
        """Return a code that must be one of a list; it has no near one, so all are shown."""
        return self._among(value, words, what, lambda word, _: code_hint(word, words))

    def _among(
        self, value: Value | None, names: Iterable[str], what: str, hint: Callable[..., str]
    ) -> str | None:
        if value is None:
            return None
        names = list(names)
        word = self.text(value)
        name = same_name(word, names)
        if name is None and word:
            self.refuse(value.place, f"no {what} is called {quoted(word)}; {hint(word, names)}")
        return name

    def known_all(self, value: Value | None, names: Iterable[str], what: str) -> tuple[str, ...]:
        """Return a list of different names that must all be among `names`."""
        names = list(names)
        return self._different(value, what, lambda item: self.known(item, names, what))

    def codes(self, value: Value | None, what: str, words: Mapping[str, str]) -> tuple[str, ...]:
        """Return a list of different codes that must all be in a list."""
        return self._different(value, what, lambda item: self.code(item, what, words))

    def _different(
        self, value: Value | None, what: str, one: Callable[[Value], str | None]
    ) -> tuple[str, ...]:
        found: list[str] = []
        for item in self.items(value, f"{what}s"):
            name = one(item)
            if name is not None and name in found:
                self.refuse(item.place, f"{quoted(name)} is listed twice; keep one of the two")
            elif name is not None:
                found.append(name)
        return tuple(found)
