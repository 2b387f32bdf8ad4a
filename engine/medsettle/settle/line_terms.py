"""By what the lines of claims are split, told line by line: ceilings, ratios, classes, cuts.

They are looked up where the split looks them up, by the same calls: nothing here decides anything.
"""

from collections.abc import Iterator

import numpy as np

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterValues
from medsettle.core.outcome import Rejection
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import LineTerm
from medsettle.policy.catalogue import CLASS_C, NO_CEILING, Catalogue
from medsettle.settle.assemble import CLASS_CODES
from medsettle.settle.claim_lines import Prepared, ScopedLines
from medsettle.settle.grounds import cells
from medsettle.settle.line_reasons import LineReasons, split_elsewhere
from medsettle.settle.prepare import Preparer
from medsettle.settle.scope import ratios


def line_terms(
    preparer: Preparer, claims: ClaimBatch, counters: CounterValues
) -> list[tuple[LineTerm, ...] | Rejection]:
    """Return the terms of each claim's lines, in order, or why it cannot be split.

    Args:
        preparer: What looks claims up in the rule book.
        claims: The batch; of items whose quantity is limited, claims use up what is left in order.
        counters: Reads what was used of such items before.
    """
    rows = [row for row in range(len(claims)) if row not in claims.rejections]
    prepared = preparer.prepare(claims, rows, counters)
    terms: dict[int, list[LineTerm]] = {row: [] for row in rows}
    for care, lines in prepared.scoped:
        owners = claims.line_claim[lines.chosen].tolist()
        parts = prepared.parts[:, lines.chosen].T.tolist()
        told = _told(claims, lines, preparer.book.catalogues[care.code], parts)
        for row, each in zip(owners, told, strict=True):
            terms[row].append(each)
    for row, scope in claims.scopes.items():
        if prepared.facts[row] is not None:
            terms[row] = [*_told_elsewhere(claims, row, scope, prepared)]
    refused = claims.rejections | prepared.rejections
    return [refused[row] if row in refused else tuple(terms[row]) for row in range(len(claims))]


def _told_elsewhere(
    claims: ClaimBatch, row: int, scope: CareScope, prepared: Prepared
) -> Iterator[LineTerm]:
    """Yield the terms of the lines of a claim that another engine split, as far as it said them."""
    first, last = np.searchsorted(claims.line_claim, [row, row + 1]).tolist()
    parts = prepared.parts[:, first:last].T.tolist()
    classes = prepared.item_class[first:last].tolist()
    why = split_elsewhere(scope)
    for at, (split, item_class) in enumerate(zip(parts, classes, strict=True)):
        yield LineTerm(
            parts_fen=dict(zip(codes.POT_NAMES, split, strict=True)),
            ceiling_e6=None,
            pre_self_pay_ppm=None,
            item_class=CLASS_CODES[item_class],
            charge_type=scope.charge_types[at],
            list_type="",
            name="",
            restricted=False,
            cut_en=why.english,
            cut_zh=why.chinese,
        )


def _told(
    claims: ClaimBatch, scoped: ScopedLines, catalogue: Catalogue, parts: list[list[int]]
) -> Iterator[LineTerm]:
    """Yield the terms of lines that one catalogue splits."""
    why = LineReasons(claims, scoped, catalogue)
    ceilings = cells(scoped.lines, catalogue)[0].tolist()
    found = zip(
        scoped.entry.tolist(),
        ceilings,
        ratios(scoped.lines, catalogue).tolist(),
        parts,
        strict=True,
    )
    for at, (entry, ceiling, ratio, split) in enumerate(found):
        listed = entry >= 0
        cuts = why.cuts(at)
        yield LineTerm(
            parts_fen=dict(zip(codes.POT_NAMES, split, strict=True)),
            ceiling_e6=ceiling if listed and ceiling != NO_CEILING else None,
            pre_self_pay_ppm=ratio,
            item_class=CLASS_CODES[int(catalogue.item_class[entry]) if listed else CLASS_C],
            charge_type=catalogue.charge_types[entry] if listed else "",
            list_type=catalogue.list_types[entry] if listed else "",
            name=catalogue.names[entry] if listed else "",
            restricted=listed and bool(catalogue.restricted[entry]),
            cut_en="; ".join(cut.english for cut in cuts),
            cut_zh="；".join(cut.chinese for cut in cuts),
        )
