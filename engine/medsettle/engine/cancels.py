"""Cancels: the negative settlement that takes one back, and what it gives back to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from medsettle import errors
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.money import yuan_from_fen
from medsettle.core.relatives import Person, Relation, received
from medsettle.core.settlement import Row, Settlement
from medsettle.engine.requests import settlement_id
from medsettle.ledger.entries import Entry, LedgerReader, Posting, Recorded
from medsettle.ledger.records import decode_postings, decode_settlement, encode_record, named
from medsettle.settle.assemble import negated


def cancel_entry(
    ledger: LedgerReader, original: Recorded, institution: str, request_id: str, digest: bytes
) -> tuple[Entry, Settlement]:
    """Return the entry that takes a settlement back, and the negative settlement it records.

    Args:
        ledger: Where counters and relations stand.
        original: The settlement, which has not been cancelled.
        institution: Who asks.
        request_id: The new request.
        digest: Of the content of the request.

    Raises:
        CreditSpent: It put into the account what has been spent, or set aside, since.
    """
    postings, returned = _opposite(ledger, original)
    account = CounterKey(original.pooling_area, original.person, ACCOUNT, 0)
    held = ledger.counters([account, *returned])
    moved: dict[CounterKey, int] = {}
    for posting in postings:
        moved[posting.key] = moved.get(posting.key, 0) + posting.delta
    balance = held.get(account, 0) + moved.get(account, 0)
    if balance < 0:
        raise errors.CreditSpent(
            f"cancelling {original.settlement} would leave the account at "
            f"{yuan_from_fen(balance)} yuan: what it credited has been spent or set aside since; "
            "cancel the settlements that spent it, lower the limits of relatives",
            settlement=original.settlement,
            balance_fen=str(balance),
        )
    negative = negated(decode_settlement(original))
    own_id = settlement_id(original.pooling_area, institution, request_id)
    columns: Row = {
        "kind": "cancel",
        "original": original.settlement,
        "request_id": request_id,
        "account_balance_fen": balance,
    }
    left = {key: held.get(key, 0) + moved.get(key, 0) for key in returned}
    answer = replace(
        negative,
        columns=negative.columns | columns,
        relatives=_given_back(original, negative.relatives, left, moved),
    )
    answer = named(answer, own_id)
    entry = Entry(
        kind="cancel",
        settlement=own_id,
        original=original.settlement,
        institution=institution,
        request_id=request_id,
        institution_settlement=None,
        pooling_area=original.pooling_area,
        person=original.person,
        service_day=original.service_day,
        content_digest=digest,
        record=encode_record(answer, {}, postings, None),
        postings=postings,
    )
    return entry, answer


def _opposite(
    ledger: LedgerReader, original: Recorded
) -> tuple[tuple[Posting, ...], list[CounterKey]]:
    """Return the postings that take an entry back, and the limits that it had taken from.

    What came out of the limit of a relation that was dissolved since goes to the giver's account.
    """
    posted = decode_postings(original)
    receiver = Person(original.pooling_area, original.person)
    relations = {
        posting.key: relation
        for posting in posted
        if (relation := received(receiver, posting.key.counter, posting.key.period)) is not None
    }
    bound = ledger.counters([each.bound for each in relations.values()])
    postings = []
    for posting in posted:
        relation = relations.get(posting.key)
        dissolved = relation is not None and not bound.get(relation.bound)
        key = relation.giver.account if relation is not None and dissolved else posting.key
        postings.append(Posting(key, -posting.delta))
    return tuple(postings), list(relations)


def _given_back(
    original: Recorded,
    rows: Sequence[Row],
    left: Mapping[CounterKey, int],
    moved: Mapping[CounterKey, int],
) -> tuple[Row, ...]:
    """Return the shares of relatives with where each went back to, and what limits hold then."""
    receiver = Person(original.pooling_area, original.person)
    found = []
    for row in rows:
        giver = Person(str(row["giver_area"]), str(row["giver"]))
        limit = Relation(giver, receiver, int(str(row["relation"]))).limit
        back: Row = {
            "booked_on": "limit" if limit in moved else "account",
            "limit_left_fen": left[limit],
        }
        found.append(row | back)
    return tuple(found)
