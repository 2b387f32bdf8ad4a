"""The toolkit of the checker: reads tree values and collects every fault with its place.

Nothing here stops at the first fault. A method that cannot read its value records a violation and
returns a stand-in, so that one run shows a policy officer everything there is to mend.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeVar

from medsettle.errors import Violation
from medsettle.policy.tree import Map, Place, Sequence, Text, Value
from medsettle.policy.vocabulary import canonical, suggestion

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def canonical_name(word: str) -> str:
    """Return a dotted name with every part in its English keyword, `统筹.自付` as `统筹.own`."""
    return ".".join(canonical(part) for part in word.split("."))


class Checker:
    """Collects the violations of one document while its parts are read."""

    def __init__(self, violations: Iterable[Violation] = ()) -> None:
        self.violations = list(violations)

    def refuse(self, place: Place, message: str) -> None:
        """Record a violation at a place."""
        self.violations.append(place.violation(message))

    def fields(self, value: Value, required: set[str], optional: set[str]) -> dict[str, Value]:
        """Return the values of a map by English keyword, refusing unknown and missing keys."""
        if not isinstance(value, Map):
            self.refuse(value.place, f"expected a map with {', '.join(sorted(required))}")
            return {}
        found: dict[str, Value] = {}
        known = required | optional
        for entry in value:
            word = canonical(entry.key.value)
            if word not in known:
                hint = suggestion(entry.key.value, known - set(found))
                self.refuse(entry.key.place, f"unknown word {entry.key.value!r}; {hint}")
            elif word in found:
                self.refuse(entry.key.place, f"{word!r} is written twice, in two languages")
            else:
                found[word] = entry.value
        for word in sorted(required - set(found)):
            self.refuse(value.place, f"{word!r} is missing; it has no default, so write it")
        return found

    def entries(self, value: Value | None, what: str) -> list[tuple[str, Place, Value]]:
        """Return name, place and value of each entry of a map with free keys."""
        if value is None:
            return []
        if not isinstance(value, Map):
            self.refuse(value.place, f"expected a map of {what}")
            return []
        return [(canonical(entry.key.value), entry.key.place, entry.value) for entry in value]

    def items(self, value: Value | None, what: str) -> tuple[Value, ...]:
        """Return the items of a list; a single text counts as a list of one."""
        if value is None:
            return ()
        if isinstance(value, Sequence):
            return value.items
        if isinstance(value, Text):
            return (value,)
        self.refuse(value.place, f"expected a list of {what}")
        return ()

    def text(self, value: Value | None) -> str:
        """Return a text that is not empty."""
        if value is None:
            return ""
        if not isinstance(value, Text) or not value.value.strip():
            self.refuse(value.place, "expected a text")
            return ""
        return value.value.strip()

    def texts(self, value: Value | None, what: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(self.text(item) for item in self.items(value, what))

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
        if value is None:
            return stand_in
        word = canonical(self.text(value))
        known = [kind.value for kind in kinds]
        if word in known:
            return kinds(word)
        if word:
            self.refuse(value.place, f"{word!r} is no choice here; {suggestion(word, known)}")
        return stand_in

    def known(self, value: Value | None, names: Iterable[str], what: str) -> str | None:
        """Return a name that must be one of `names`; None after recording a violation."""
        if value is None:
            return None
        word = canonical_name(self.text(value))
        names = list(names)
        if word in names:
            return word
        if word:
            self.refuse(value.place, f"no {what} is called {word!r}; {suggestion(word, names)}")
        return None

    def known_all(self, value: Value | None, names: Iterable[str], what: str) -> tuple[str, ...]:
        """Return a list of names that must all be among `names`."""
        names = list(names)
        found = (self.known(item, names, what) for item in self.items(value, f"{what}s"))
        return tuple(name for name in found if name is not None)
