"""Cancels: the negative settlement that takes one back, and what it gives back to the counters."""

from dataclasses import replace

from medsettle import errors
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.engine.requests import settlement_id
from medsettle.ledger.entries import Entry, Posting, Recorded
from medsettle.ledger.records import decode_postings, decode_settlement, encode_record, named
from medsettle.settle.assemble import negated


def account_key(original: Recorded) -> CounterKey:
    """Return the key of the account of the person of a settlement."""
    return CounterKey(original.pooling_area, original.person, ACCOUNT, 0)


def cancel_entry(
    original: Recorded, sender: tuple[str, str], content_digest: bytes, account_fen: int
) -> tuple[Entry, Settlement]:
    """Return the ledger entry that takes a settlement back, and its answer.

    Args:
        original: The settlement, which has not been cancelled.
        sender: The institution and the request id of the cancel.
        content_digest: What a repeated request is known by.
        account_fen: What the person's account holds now.

    Raises:
        AccountSpent: The settlement put into the account what is no longer there.
    """
    institution, request_id = sender
    postings = tuple(Posting(held.key, -held.delta) for held in decode_postings(original))
    account = account_key(original)
    moved = sum(posting.delta for posting in postings if posting.key == account)
    if account_fen + moved < 0:
        raise _spent(original.settlement, account_fen, -moved)
    negative = negated(decode_settlement(original))
    own_id = settlement_id(original.pooling_area, institution, request_id)
    columns: Row = {
        "kind": "cancel",
        "original": original.settlement,
        "request_id": request_id,
        "account_balance_fen": account_fen + moved,
    }
    answer = named(replace(negative, columns=negative.columns | columns), own_id)
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
        content_digest=content_digest,
        record=encode_record(answer, {}, postings, None),
        postings=postings,
    )
    return entry, answer


def _spent(settlement: str, account_fen: int, taken_fen: int) -> errors.AccountSpent:
    return errors.AccountSpent(
        f"settlement {settlement} put {yuan_from_fen(taken_fen)} yuan into the account, which "
        f"holds {yuan_from_fen(account_fen)}; cancel the later settlements that spent it first",
        settlement=settlement,
        account_fen=str(account_fen),
    )
