"""A ledger that is looked at: an engine before it previews, explains and records nothing.

For processes beside the one that writes, such as the console.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, cast

from medsettle.errors import Precondition
from medsettle.ledger.entries import Entry, Holder, Ledger, LedgerReader

_REFUSED: Final = "this process only looks at the ledger; record it at the server that writes it"


class _Onlooking:
    """Reads as the reader does, and refuses to write."""

    def __init__(self, reader: LedgerReader) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the reader has by that name
        return getattr(self._reader, name)

    def writing(
        self, holders: Iterable[Holder], reading: Iterable[Holder] = ()
    ) -> AbstractContextManager[None]:
        raise Precondition(_REFUSED)

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        raise Precondition(_REFUSED)


def onlooking(reader: LedgerReader) -> Ledger:
    """Return a ledger that reads by `reader`, and raises `Precondition` where it is to record."""
    return cast("Ledger", _Onlooking(reader))
