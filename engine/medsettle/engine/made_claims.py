"""Settling claims that are made inside the write that settles them.

A claim made of records, such as the lines that messages told, rests on them. Whoever reads them
first and settles afterwards may settle lines that another process has withdrawn in between.
"""

from collections.abc import Callable, Mapping, Sequence

from medsettle.core.claims import ClaimBatch
from medsettle.core.making import Made, Making
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine.concerned import concerned
from medsettle.engine.request_log import OUTAGES, RequestLog
from medsettle.engine.requests import claim_digests
from medsettle.errors import SettlementError
from medsettle.ledger.entries import Holder, Overtaken
from medsettle.policy.rule_book import RuleBook

Settle = Callable[[ClaimBatch, Mapping[int, bytes]], Sequence[Settlement | Rejection]]


def settle_made(
    log: RequestLog, rulebook: RuleBook, settle: Settle, makings: Sequence[Making]
) -> list[Made]:
    """Return what each claim was settled to, in order, after one durable commit.

    Args:
        log: What keeps others from what the claims are made of.
        rulebook: The rules in use.
        settle: Settles a batch by the digests of its claims, inside a write.
        makings: The claims; those of one visit in one batch do not see one another's settlements.

    Raises:
        LedgerUnavailable: Nothing was recorded.
        InternalError: A bug of ours; nothing was recorded.
    """
    kept: set[Holder] = {holder for each in makings for holder in each.holders}
    looked_at: set[Holder] = set()

    def decide() -> list[Made]:
        told: dict[int, Made] = {}
        made: dict[int, ClaimBatch] = {}
        for at, making in enumerate(makings):
            try:
                claim = making.make()
            except OUTAGES:
                raise
            except SettlementError as error:
                told[at] = error
                continue
            if isinstance(claim, Settlement):
                told[at] = claim
            else:
                made[at] = claim
        if made:
            claims = _together(list(made.values()))
            own, besides = concerned(claims, range(len(claims)), rulebook)
            if not (own <= kept and besides <= looked_at):
                # Known only now that the claims are there; the next time they are kept from others.
                kept.update(own)
                looked_at.update(besides)
                raise Overtaken("claims were made of others besides", own, besides)
            told |= dict(zip(made, settle(claims, claim_digests("settle", claims)), strict=True))
        return [told[at] for at in range(len(makings))]

    return log.undisturbed(decide, frozenset(kept))


def _together(batches: Sequence[ClaimBatch]) -> ClaimBatch:
    if len(batches) == 1:
        return batches[0]
    return ClaimBatch.from_rows([row for batch in batches for row in batch.rows])
