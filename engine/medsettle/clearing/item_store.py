"""The runs of a clearing centre, the items they opened, and what became of them: `items.db`.

Nothing is deleted. Each change is one transaction that first reads what it builds on. What a person
decides is decided about the difference as it was last found: where a run finds it otherwise, the
proposal is void (`item_runs`).
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.book import Side
from medsettle.clearing.classes import Action, DifferenceClass
from medsettle.clearing.item_rows import event_of, item_of, run_of
from medsettle.clearing.item_runs import (
    RunRecorder,
    differences_of,
    microseconds,
    table_bytes,
)
from medsettle.clearing.item_schema import EVENT_COLUMNS, FORM, ITEM_COLUMNS, RUN_COLUMNS
from medsettle.clearing.items import (
    ALLOWED,
    Event,
    Happened,
    Item,
    Run,
    Scope,
    State,
    Terms,
    check_said,
    no_item,
    not_now,
    same_person,
)
from medsettle.clearing.terms import terms_of
from medsettle.core.settlement import Row
from medsettle.errors import NotFound
from medsettle.ledger.side_file import (
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)

ITEMS_FILE: Final = "items.db"


class ItemStore:
    """The runs and items of one clearing centre. One thread uses it; so may processes."""

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

    def record_run(
        self, scope: Scope, differences: pa.Table, matched: int, moment: datetime
    ) -> Run:
        """Record a run: supersede earlier ones of its days, open and close items.

        Args:
            scope: What was compared.
            differences: What was found, a table of `difference_schema`.
            matched: How many records all books have alike.
            moment: The present moment, with a time zone.

        Raises:
            InvalidRequest: The table is none of differences, or larger than a run keeps.
            StoreUnavailable: Nothing was recorded.
        """
        content = table_bytes(differences)
        rows = differences.to_pylist()
        with transaction(self.connection, self.path):
            number = RunRecorder(self.connection, scope, moment).record(rows, content, matched)
        return self.run(number)

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

    # --- decisions -------------------------------------------------------------------------

    def propose(
        self,
        named: str,
        action: Action,
        person: str,
        reason: str,
        moment: datetime,
        terms: Terms | None = None,
    ) -> Item:
        """Record what somebody proposes to do about an item, instead of what was proposed before.

        Without `terms` they are those that the difference leaves no doubt about.

        Raises:
            InvalidRequest: Person or reason are none, or the terms are not those of the action.
            NotFound: There is no such item.
            Precondition: The item has ended or is applied, or its class allows no such action.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            item = self.item(named)
            self._refuse_ended(item)
            if action not in ALLOWED[item.difference_class]:
                allowed = ", ".join(sorted(ALLOWED[item.difference_class]))
                raise not_now(
                    item,
                    f"is of class {item.difference_class}, for which {action} is no remedy; "
                    f"propose one of {allowed}, or hold it",
                )
            agreed = terms_of(self.difference(item), action, terms)
            self._execute(
                "update items set state = 'proposed', action = ?, terms = ?, proposer = ?, "
                "approver = null, held = 0 where number = ?",
                action,
                agreed.text(),
                person,
                item.number,
            )
            self._happened(item, Happened.PROPOSED, person, reason, moment)
        return self.item(str(item.number))

    def approve(self, named: str, person: str, reason: str, moment: datetime) -> Item:
        """Record that another person agrees with what is proposed (four eyes).

        Raises:
            InvalidRequest: Person or reason are none.
            NotFound: There is no such item.
            Precondition: Nothing is proposed, or it was proposed by the same person.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            item = self.item(named)
            if item.state is not State.PROPOSED:
                raise not_now(item, f"is {item.state}, and nothing is proposed; propose first")
            if same_person(item.proposer, person):
                raise not_now(
                    item,
                    f"was proposed by {person}, who cannot approve it too; ask another person",
                )
            self._execute(
                "update items set state = 'approved', approver = ? where number = ?",
                person,
                item.number,
            )
            self._happened(item, Happened.APPROVED, person, reason, moment)
        return self.item(str(item.number))

    def hold(self, named: str, person: str, reason: str, moment: datetime) -> Item:
        """Put an item on hold until somebody proposes something; what was proposed is void.

        Raises:
            InvalidRequest: Person or reason are none.
            NotFound: There is no such item.
            Precondition: The item has ended or is applied.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            item = self.item(named)
            self._refuse_ended(item)
            self._execute(
                "update items set state = 'open', held = 1, terms = null, proposer = null, "
                "approver = null where number = ?",
                item.number,
            )
            self._happened(item, Happened.HELD, person, reason, moment)
        return self.item(str(item.number))

    def ready(self, named: str) -> Item:
        """Return an item whose action may be applied.

        One that was applied already is returned too: applying again finds what was recorded.

        Raises:
            NotFound: There is no such item.
            Precondition: Nothing is proposed, or the approval is missing.
        """
        item = self.item(named)
        if item.state in {State.APPROVED, State.APPLIED}:
            return item
        if item.state is State.PROPOSED and not item.needs_approval:
            return item
        missing = (
            "its approval by another person is missing"
            if item.state is State.PROPOSED
            else "nothing is proposed"
        )
        raise not_now(item, f"is {item.state}, and {missing}; {item.next_step}")

    def applied(
        self, item: Item, person: str, entry: str | None, reason: str, moment: datetime
    ) -> Item:
        """Record that the action of an item is done, once.

        Args:
            item: The item, as `ready` returned it.
            person: Who did it.
            entry: The id of the ledger record that was made, None where none was.
            reason: What was done, in words.
            moment: The present moment.

        Raises:
            InvalidRequest: Person or reason are none.
            Precondition: The item was decided otherwise meanwhile; the record is made, and the next
                run shows what it did.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            now = self.item(str(item.number))
            if now.state is State.APPLIED and now.entry == entry:
                return now
            if (now.state, now.fingerprint, now.action) != (
                item.state,
                item.fingerprint,
                item.action,
            ):
                made = "nothing was recorded" if entry is None else f"{entry} is recorded"
                raise not_now(
                    now, f"became {now.state} meanwhile, and {made}; reconcile its day again"
                )
            self._execute(
                "update items set state = 'applied', entry = ? where number = ?",
                entry,
                item.number,
            )
            self._happened(now, Happened.APPLIED, person, reason, moment, entry)
        return self.item(str(item.number))

    def settles_otherwise(self, item: Item, person: str, reason: str, moment: datetime) -> Item:
        """Record that what was to be inserted came out otherwise: it is a difference of amounts.

        Nothing was recorded in a book, so what was approved is void.

        Raises:
            InvalidRequest: Person or reason are none.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            self._execute(
                "update items set difference_class = ?, action = ?, state = 'open', terms = null, "
                "proposer = null, approver = null where number = ?",
                DifferenceClass.AMOUNT,
                Action.ADJUST,
                item.number,
            )
            self._happened(item, Happened.CHANGED, person, reason, moment)
        return self.item(str(item.number))

    def _refuse_ended(self, item: Item) -> None:
        if item.state in {State.CLOSED, State.APPLIED}:
            raise not_now(item, f"is {item.state}; {item.next_step}")

    def _happened(
        self,
        item: Item,
        happened: Happened,
        person: str,
        reason: str,
        moment: datetime,
        entry: str | None = None,
    ) -> None:
        self._execute(
            "insert into events select null, number, ?, ?, difference_class, action, at_risk_fen, "
            "null, ?, terms, ?, ? from items where number = ?",
            microseconds(moment),
            happened,
            person,
            entry,
            reason,
            item.number,
        )

    def _execute(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)
