"""What the store of items knows: runs, their differences, items and what became of them.

It is opened here; what is recorded is in `item_store`.
"""

from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.items.facts import differences_of
from medsettle.clearing.items.item import Event, Item, Run, no_item
from medsettle.clearing.items.rows import event_of, item_of, run_of
from medsettle.clearing.items.schema import EVENT_COLUMNS, FORM, ITEM_COLUMNS, RUN_COLUMNS
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.core.settlement import Row
from medsettle.errors import NotFound
from medsettle.ledger.side_file import open_store, private_folder, rows_of, unavailable

ITEMS_FILE: Final = "items.db"


class ItemReading:
    """The runs and items of one clearing centre, as they are recorded."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            self.folder = private_folder(folder)
        self.path = folder / ITEMS_FILE
        self.connection = open_store(self.path, FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self.connection.close()

    # --- runs ------------------------------------------------------------------------------

    def run(self, number: int) -> Run:
        """Return a run.

        Raises:
            NotFound: There is none with this number.
        """
        found = self._execute(f"select {RUN_COLUMNS} from runs where number = ?", number)  # noqa: S608
        if not found:
            raise NotFound(f"there is no run {number}; list them", run=str(number))
        return run_of(found[0])

    def runs(self, *, reconciliation: str | None = None) -> list[Run]:
        """Return all runs, superseded ones among them, the latest last."""
        rows = self._execute(
            f"select {RUN_COLUMNS} from runs where reconciliation = coalesce(?, reconciliation) "  # noqa: S608
            "order by number",
            reconciliation,
        )
        return [run_of(row) for row in rows]

    def differences(self, run: int) -> pa.Table:
        """Return the differences that a run found, also where it was superseded.

        Raises:
            NotFound: There is no such run.
        """
        found = self._execute("select differences from runs where number = ?", run)
        if not found:
            raise NotFound(f"there is no run {run}; list them", run=str(run))
        return differences_of(found[0][0])

    # --- items -----------------------------------------------------------------------------

    def items(
        self,
        *,
        reconciliation: str | None = None,
        owner: Side | None = None,
        difference_class: DifferenceClass | None = None,
        standing: bool = True,
    ) -> list[Item]:
        """Return items by number; those that are open, or with the ones that ended.

        Args:
            reconciliation: Of which; all without it.
            owner: Whose turn it is; anybody's without it.
            difference_class: Of which class; of any without it.
            standing: Whether only those that are neither closed nor settled by a decision.
        """
        rows = self._execute(
            f"select {ITEM_COLUMNS} from items where reconciliation = coalesce(?, reconciliation) "  # noqa: S608
            "and owner = coalesce(?, owner) and difference_class = coalesce(?, difference_class) "
            "and (state <> 'closed' or not ?) order by number",
            reconciliation,
            owner,
            difference_class,
            standing,
        )
        found = [item_of(row) for row in rows]
        return [item for item in found if item.standing] if standing else found

    def item(self, named: str) -> Item:
        """Return an item by its number or its full name.

        Raises:
            NotFound: There is none, or the name is one of several reconciliations.
        """
        by = "number = cast(? as integer)" if named.isascii() and named.isdigit() else "item = ?"
        found = self._execute(f"select {ITEM_COLUMNS} from items where {by}", named)  # noqa: S608
        if len(found) > 1:
            raise NotFound(
                f"{len(found)} reconciliations have an item {named!r}; name it by its number",
                item=named,
            )
        if not found:
            raise no_item(named)
        return item_of(found[0])

    def events(self, number: int) -> list[Event]:
        """Return what happened to an item, in order."""
        rows = self._execute(
            f"select {EVENT_COLUMNS} from events where number = ? order by seq",  # noqa: S608
            number,
        )
        return [event_of(row) for row in rows]

    def difference(self, item: Item) -> Row:
        """Return the difference of an item with both rows, as the last run found it."""
        table = self.differences(item.last_run)
        (row,) = table.filter(pc.field("item") == item.item).to_pylist()
        return dict(row)

    def settlements(self, *, standing: bool = True) -> frozenset[str]:
        """Return the ids of the settlements, in whatever book, that items are about."""
        wanted = {item.number for item in self.items(standing=standing)}
        rows = self._execute("select number, settlement from item_settlements")
        return frozenset(settlement for number, settlement in rows if number in wanted)

    def open_settlements(self) -> frozenset[str]:
        """Return the ids of settlements that a month must not take yet: they differ, or are held.

        What was given up or taken over by a decision is not among them.
        """
        return self.settlements(standing=True)

    def _execute(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)
