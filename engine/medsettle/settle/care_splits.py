"""Lines that the engine of the place of care split: taken as it says, summed to the pots of home.

Nothing of that area is looked up here, neither catalogue nor price levels. What home decides about
a line is what is a benefit: into which of its own pots the in-scope part falls, and what a mark of
the institution makes of the line.
"""

from collections.abc import Iterator

import numpy as np

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.coded import texts_at
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.scopes import CareScope, Scope
from medsettle.policy.area import Area
from medsettle.policy.line_terms import OWN_EXPENSE
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.claim_lines import Facts, Prepared, lines_of_claims, pots_at_home
from medsettle.settle.line_columns import LineSplits
from medsettle.settle.line_source import LineSource, earmarked
from medsettle.settle.refunds import NetLines
from medsettle.settle.scope import pots


def refuse_missing_splits(
    batch: ClaimBatch, facts: list[Facts | None], rejections: dict[int, Rejection]
) -> None:
    """Reject the claims for whose insurance type the place of care sent no split.

    Args:
        batch: The batch.
        facts: What the codes of each claim decide; those of rejected ones are taken out.
        rejections: Takes the rejections.
    """
    for row, scope in batch.scopes.items():
        insurance_type = str(batch.rows[row]["insurance_type"])
        if facts[row] is not None and insurance_type not in scope.by_type:
            facts[row] = None
            rejections[row] = _no_split(insurance_type, scope)


def _no_split(insurance_type: str, scope: CareScope) -> Rejection:
    return Rejection(
        Outcome.CLASS_NOT_COVERED,
        f"area {scope.care_area}, the place of care, sent no split of the lines for insurance_type "
        f"{insurance_type!r}; correct the code, or have its catalogue state ratios for it",
        metadata={"column": "insurance_type", "code": insurance_type},
    )


def take_splits(
    book: RuleBook, home: Area, batch: ClaimBatch, net: NetLines, prepared: Prepared
) -> None:
    """Take the splits of the claims of one area that other engines split, and sum their pots.

    Args:
        book: The rule book, with the catalogue of `home`.
        home: The insured area.
        batch: The batch.
        net: Its lines with what negative ones leave.
        prepared: Takes pots, splits, and the rejections of claims with unknown marks.
    """
    scopes = dict(_own_scopes(home, batch, prepared))
    chosen = lines_of_claims(batch, [*scopes])
    # The lines of a batch stand in the order of its claims, and so do the splits.
    splits = [scopes[row] for row in sorted(scopes)]
    # Rows contiguous whatever was sent, as the loops in machine code take them.
    parts = np.ascontiguousarray(np.concatenate([each.parts for each in splits], axis=1))
    source = net.source[chosen]
    pot = pots_at_home(
        book.catalogues[home.code],
        texts_at(batch.line_item, source),
        batch.line_day[source],
        batch.unit_price_e6[chosen],
    )
    for at, earmark in earmarked(LineSource(batch, net, chosen), home, prepared.rejections):
        line = int(chosen[at])
        if earmark.pot == OWN_EXPENSE:
            parts[:, at] = 0
            parts[_OWN_EXPENSE, at] = batch.amount_fen[line]
            continue
        pot[at] = len(codes.POT_NAMES) + home.special_pots.index(earmark.pot)
        row = int(batch.line_claim[line])
        other = batch.scopes[row].by_type.get(earmark.pre_self_pay_as or "")
        # Where the place of care has no ratios for the fund, those of the claim count.
        if other is not None:
            parts[:, at] = other.parts[:, line - int(np.searchsorted(batch.line_claim, row))]
    prepared.parts[:, chosen] = parts
    prepared.item_class[chosen] = np.concatenate([each.item_class for each in splits])
    prepared.pot[chosen] = pot
    sums = pots(
        LineSplits(parts, pot), batch.line_claim[chosen], len(batch), len(home.special_pots)
    )
    # The sums of the claims of other areas are zeros.
    prepared.pots[:, : sums.shape[1]] += sums


_OWN_EXPENSE = codes.POT_NAMES.index("own_expense")


def _own_scopes(home: Area, batch: ClaimBatch, prepared: Prepared) -> Iterator[tuple[int, Scope]]:
    """Yield the claims of an area that other engines split, each with its split."""
    for row, scope in batch.scopes.items():
        fact = prepared.facts[row]
        if fact is not None and fact.area is home:
            yield row, scope.by_type[str(batch.rows[row]["insurance_type"])]
