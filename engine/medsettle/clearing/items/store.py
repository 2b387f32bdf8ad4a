"""The runs of a clearing centre, the items they opened, and what became of them: `items.db`.

Nothing is deleted. Each change is one transaction that first reads what it builds on. What a person
decides is decided about the difference as it was last found: where a run finds it otherwise, the
proposal is void (`item_runs`).
"""

from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from medsettle.clearing.items.facts import table_bytes
from medsettle.clearing.items.item import (
    ALLOWED,
    RECORDS,
    Happened,
    Item,
    Run,
    Scope,
    State,
    Terms,
    check_said,
    not_now,
)
from medsettle.clearing.items.plans import digest_of_plan, plan_of
from medsettle.clearing.items.reading import ItemReading
from medsettle.clearing.items.runs import RunRecorder
from medsettle.clearing.items.terms import terms_of
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.core.dates import microseconds
from medsettle.core.persons import same_person
from medsettle.ledger.side_file import transaction


class ItemStore(ItemReading):
    """The runs and items of one clearing centre. One thread uses it; so may processes."""

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

    # --- decisions -------------------------------------------------------------------------

    def propose(
        self,
        named: str,
        action: Action,
        person: str,
        reason: str,
        moment: datetime,
        terms: Terms | None = None,
        *,
        seen: str | None = None,
    ) -> Item:
        """Record what somebody proposes to do about an item, instead of what was proposed before.

        Without `terms` they are those that the difference leaves no doubt about. `seen` is
        `Item.seen` of what the person looked at, where somebody knows: nothing that was proposed
        or approved since is voided unseen.

        Raises:
            InvalidRequest: Person or reason are none, the terms are not those of the action, or a
                book lacks what its records need.
            NotFound: There is no such item.
            Precondition: The item has ended or is applied, is not as it was seen, its class allows
                no such action, or nothing is left to be done.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            item = self.item(named)
            self._refuse_ended(item)
            _refuse_unseen(item, seen)
            if action not in ALLOWED[item.difference_class]:
                allowed = ", ".join(sorted(ALLOWED[item.difference_class]))
                raise not_now(
                    item,
                    f"is of class {item.difference_class}, for which {action} is no remedy; "
                    f"propose one of {allowed}, or hold it",
                )
            difference = self.difference(item)
            agreed = terms_of(difference, action, terms)
            proposed = replace(item, action=action, terms=agreed, proposer=person)
            self._execute(
                "update items set state = 'proposed', action = ?, terms = ?, proposer = ?, "
                "approver = null, held = 0, plan = ? where number = ?",
                action,
                agreed.text(),
                person,
                digest_of_plan(proposed, difference),
                item.number,
            )
            self._happened(item, Happened.PROPOSED, person, reason, moment)
        return self.item(str(item.number))

    def approve(self, named: str, plan: str, person: str, reason: str, moment: datetime) -> Item:
        """Record that another person agrees with what is proposed (four eyes).

        Args:
            named: The item.
            plan: `Item.plan` of what the person has seen.
            person: Who agrees.
            reason: Why.
            moment: The present moment.

        Raises:
            InvalidRequest: Person or reason are none.
            NotFound: There is no such item.
            Precondition: Nothing is proposed, or something else, or it was proposed by the same
                person.
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
            if plan != item.plan:
                raise not_now(
                    item,
                    f"has the plan {item.plan}, and {plan!r} was to be approved; look at it with "
                    "medsettle reconcile show, and approve the plan that you see",
                )
            self._refuse_changed_plan(item)
            self._execute(
                "update items set state = 'approved', approver = ? where number = ?",
                person,
                item.number,
            )
            self._happened(item, Happened.APPROVED, person, reason, moment)
        return self.item(str(item.number))

    def hold(
        self,
        named: str,
        person: str,
        reason: str,
        moment: datetime,
        *,
        seen: str | None = None,
    ) -> Item:
        """Put an item on hold until somebody proposes something; what was proposed is void.

        `seen` is as in `propose`.

        Raises:
            InvalidRequest: Person or reason are none.
            NotFound: There is no such item.
            Precondition: The item has ended or is applied, or is not as it was seen.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            item = self.item(named)
            self._refuse_ended(item)
            _refuse_unseen(item, seen)
            self._execute(
                "update items set state = 'open', held = 1, terms = null, proposer = null, "
                "approver = null, plan = null where number = ?",
                item.number,
            )
            self._happened(item, Happened.HELD, person, reason, moment)
        return self.item(str(item.number))

    def ready(self, named: str) -> Item:
        """Return an item whose action may be applied.

        One that was applied already is returned too: applying again finds what was recorded.

        Raises:
            NotFound: There is no such item.
            Precondition: Nothing is proposed, the approval is missing, or the records that would be
                made are no longer those that were agreed upon.
        """
        item = self.item(named)
        agreed = item.state is State.PROPOSED and not item.needs_approval
        if agreed or item.state in {State.APPROVED, State.APPLIED}:
            self._refuse_changed_plan(item)
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
            self._refuse_changed(item, now, entry)
            self._execute(
                "update items set state = 'applied', entry = ? where number = ?",
                entry,
                item.number,
            )
            self._happened(now, Happened.APPLIED, person, reason, moment, entry)
        return self.item(str(item.number))

    def noted(self, named: str, person: str, moment: datetime) -> Item:
        """Record that a decision is carried out that makes no record in any book, once.

        Raises:
            InvalidRequest: The person is none.
            NotFound: There is no such item.
            Precondition: As for `ready`, or the action makes records in a book.
        """
        item = self.ready(named)
        if item.action in RECORDS:
            raise not_now(item, f"takes a record to {item.action}; apply it at the engine")
        plan_of(item, self.difference(item))
        return self.applied(item, person, None, "noted here; no engine was named", moment)

    def settles_otherwise(self, item: Item, person: str, reason: str, moment: datetime) -> Item:
        """Record that what was to be inserted came out otherwise: it is a difference of amounts.

        Nothing was recorded in a book, so what was approved is void.

        Args:
            item: The item, as `ready` returned it.
            person: Who tried it.
            reason: What came out, in words.
            moment: The present moment.

        Raises:
            InvalidRequest: Person or reason are none.
            Precondition: The item was decided otherwise, or found otherwise, meanwhile.
        """
        check_said(person, reason)
        with transaction(self.connection, self.path):
            self._refuse_changed(item, self.item(str(item.number)), None)
            self._execute(
                "update items set difference_class = ?, action = ?, state = 'open', terms = null, "
                "proposer = null, approver = null, plan = null where number = ?",
                DifferenceClass.AMOUNT,
                Action.ADJUST,
                item.number,
            )
            self._happened(item, Happened.CHANGED, person, reason, moment)
        return self.item(str(item.number))

    def _refuse_changed(self, item: Item, now: Item, entry: str | None) -> None:
        """Refuse to note about an item what was done about it as it no longer is."""
        asked = (item.state, item.fingerprint, item.action, item.plan)
        if asked != (now.state, now.fingerprint, now.action, now.plan):
            made = "nothing was recorded" if entry is None else f"{entry} is recorded"
            raise not_now(now, f"became {now.state} meanwhile, and {made}; reconcile its day again")

    def _refuse_changed_plan(self, item: Item) -> None:
        """Refuse what would be done otherwise than it was proposed, as by another medsettle."""
        plan = digest_of_plan(item, self.difference(item))
        if plan != item.plan:
            raise not_now(
                item,
                f"was proposed with the plan {item.plan}, and what would be done now is {plan}; "
                f"reconcile {item.record_date} again, and propose anew what is left",
            )

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


def _refuse_unseen(item: Item, seen: str | None) -> None:
    if seen is not None and seen != item.seen:
        raise not_now(
            item,
            f"is {item.state} now and not as you saw it; look at what it has become, and decide",
        )
