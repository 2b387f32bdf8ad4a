"""Who may decide what about money of hospitals: nobody alone takes it from terms to a payment.

Whoever supplies terms approves nothing by them, whoever accepted or reviewed a declaration approves
no slice of its month, and whoever approved a movement does not pay it. What somebody put on hold or
deducted is freed or given up by somebody else.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from medsettle.clearing.hospitals.declarations import Declaration, Status
from medsettle.clearing.hospitals.schema import APPROVER
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.clearing.hospitals.terms import TermsBook
from medsettle.core.persons import same_person
from medsettle.errors import Precondition


def supply(store: HospitalStore, book: TermsBook, decision: Decision) -> str:
    """Record who supplies a document of terms, and return who supplied it first: that one counts.

    Raises:
        InvalidRequest: The decision does not say who.
    """
    decision.check()
    with store.change():
        known = _supplier(store, book)
        if known is not None:
            return known
        store.add(
            "terms",
            {
                "document": book.document,
                "area": book.area,
                "decided_by": decision.by,
                "create_time_us": decision.moment_us,
            },
        )
    return decision.by


def _supplier(store: HospitalStore, book: TermsBook) -> str | None:
    rows = store.rows("select decided_by from terms where document = ?", book.document)
    return None if not rows else str(rows[0][0])


def check_supplied(store: HospitalStore, book: TermsBook, decision: Decision) -> None:
    """Check that somebody else supplied the terms by which something is approved.

    Raises:
        Precondition: Nobody did, or it is who approves.
    """
    supplier = _supplier(store, book)
    if supplier is None:
        raise Precondition(
            f"nobody supplied these terms of {book.area}; somebody else than {decision.by} records "
            "them first: medsettle hospital terms, or Supply terms in the console"
        )
    if same_person(supplier, decision.by):
        raise Precondition(
            f"the terms of {book.area} were supplied by {supplier}; somebody else approves by them"
        )


def check_reviewed(found: Declaration, decision: Decision) -> None:
    """Check that somebody else accepted and reviewed a declaration whose slices are approved.

    Raises:
        Precondition: It is who approves.
    """
    number = found.application.declaration
    # What was before a rejection decided nothing.
    opened = max(at for at, each in enumerate(found.steps) if each.status is Status.APPLIED)
    for each in found.steps[opened:]:
        reviews = each.status in {Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED}
        if reviews and same_person(each.by, decision.by):
            raise Precondition(
                f"declaration {number} was {_DID[each.status]} by {each.by}; somebody else "
                "approves its slices",
                clr_appy_evt_id=number,
            )


_DID = {
    Status.ACCEPTED: "accepted",
    Status.REVIEWING: "taken into review",
    Status.REVIEWED: "reviewed",
}


def check_payer(store: HospitalStore, movements: Iterable[int], decision: Decision) -> None:
    """Check that who pays approved none of these movements.

    Raises:
        Precondition: Some of them were.
    """
    approvers = store.rows(
        f"select distinct {APPROVER} from movements m "  # noqa: S608 - our own condition
        "where m.number in (select value from json_each(?))",
        str(list(movements)),
    )
    for (approver,) in approvers:
        if same_person(approver, decision.by):
            raise Precondition(
                f"some of what waits was approved by {approver}; somebody else pays it"
            )


def check_another(before: str, what: str, decision: Decision) -> None:
    """Check that what somebody decided is taken back by somebody else.

    Args:
        before: Who decided it.
        what: What was done, such as "claim S1 was put on hold".
        decision: Who takes it back.

    Raises:
        Precondition: It is the same person.
    """
    if same_person(before, decision.by):
        raise Precondition(f"{what} by {before}; somebody else decides that it ends")


@contextmanager
def approved(store: HospitalStore, by: str, decision: Decision) -> Iterator[None]:
    """Run a block inside a change, and record who approved the movements that it adds."""
    before = _last(store)
    yield
    after = _last(store)
    if after > before:
        store.add(
            "approvals",
            {
                "last_movement": after,
                "first_movement": before + 1,
                "decided_by": by,
                "create_time_us": decision.moment_us,
            },
        )


def _last(store: HospitalStore) -> int:
    return int(store.rows("select coalesce(max(number), 0) from movements")[0][0])
