"""Books whose persons cannot be compared, because each side tells them by a key of its own.

Two provinces share no key, so the pseudonyms of their audit tables are different for one and the
same person, as if each settlement had another. Everything else that names a settlement is compared.
"""

from collections.abc import Sequence
from dataclasses import replace

from medsettle.clearing.matching.sources import Book
from medsettle.privacy.pseudonyms import made_under

_PERSONAL = ("person", "card")
_LOOKED_AT = 1_000


def comparable_persons(books: Sequence[Book]) -> list[Book]:
    """Return books without persons and cards where not all tell them under one key, or plain."""
    keys = frozenset().union(*(_persons(book) for book in books))
    return [*books] if len(keys) <= 1 else [_without(book) for book in books]


def _persons(book: Book) -> frozenset[str | None]:
    """Return under which keys a book has persons; of what does not say by its first rows."""
    if book.persons is not None:
        return book.persons
    if "person" not in book.columns:
        return frozenset()
    first = next(iter(book.batches(("person",))), None)
    if first is None:
        return frozenset()
    values = first.column(0).slice(0, _LOOKED_AT).to_pylist()
    return frozenset(made_under(value) for value in values if value is not None)


def _without(book: Book) -> Book:
    columns = tuple(name for name in book.columns if name not in _PERSONAL)
    return replace(book, columns=columns)
