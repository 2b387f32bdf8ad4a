"""What a key and a block of keys are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """One key: its English keyword and what its value says, in English and Chinese."""

    name: str
    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of one kind of block, in the order in which messages and editors list them."""

    name: str
    required: tuple[Key, ...]
    optional: tuple[Key, ...] = ()

    def __iter__(self) -> Iterator[Key]:
        return iter((*self.required, *self.optional))
