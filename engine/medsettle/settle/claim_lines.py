"""The lines of a batch: split by the catalogue of the place of care, summed to pots of home."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.coded import texts_at
from medsettle.core.counters import CounterKey
from medsettle.core.dates import day_number
from medsettle.core.outcome import Rejection, invalid
from medsettle.errors import Fault
from medsettle.policy.area import Area
from medsettle.policy.catalogue import NOT_LISTED, Catalogue
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.item_rows import item_rows
from medsettle.settle.item_use import ItemUse
from medsettle.settle.line_columns import LineColumns, LineSplits
from medsettle.settle.line_source import LineSource, OfClaim, line_columns, marked_lines
from medsettle.settle.place_of_care import Place
from medsettle.settle.refunds import NetLines
from medsettle.settle.scope import pots, split_and_sum, split_lines


@dataclass(frozen=True, slots=True)
class Facts:
    """What the codes of a claim decide: the policy, its class numbers, the price level.

    `area` is the insured area, whose benefits are paid; `place` the one whose catalogue splits the
    lines, with its price levels and first-self-pay ratios (shape X8), None where its engine has
    split them.
    """

    policy: CompiledPolicy
    area: Area
    classes: tuple[int, ...]
    place: Place | None


@dataclass
class Prepared:
    """A batch ready for the waterfall.

    `facts[i]` belongs to claim i where it is not rejected; `pots` has shape (n, 4 + most special
    pots of an area), a claim's own first and zeros behind them. `parts` has shape (4, lines), in
    the order of `POT_NAMES`; `item_class` and `pot`, of shape (lines,), are the class of each item,
    1 to 3, and where the in-scope part goes: a position in `pot_names` of the claim's area. `used`
    is what a claim adds to the counters of items whose quantity is limited (shape L4). `scoped` are
    the lines as they were split here, with the area whose catalogue split them.
    """

    facts: list[Facts | None]
    rejections: dict[int, Rejection]
    pots: NDArray[np.int64]
    parts: NDArray[np.int64]
    item_class: NDArray[np.int8]
    pot: NDArray[np.int8]
    used: dict[int, tuple[tuple[CounterKey, int], ...]] = field(default_factory=dict)
    scoped: "list[tuple[Area, ScopedLines]]" = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class ScopedLines:
    """Lines of one area at one place of care as the split sees them, n of them.

    `chosen` are their positions in the batch, `items` and `days` what is looked up, `entry` the row
    of each in the catalogue of the place of care, negative where there is none.
    """

    chosen: NDArray[np.int64]
    items: Sequence[str]
    days: NDArray[np.int64]
    entry: NDArray[np.int32]
    lines: LineColumns


def scope_lines(
    book: RuleBook,
    areas: tuple[Area, Area],
    batch: ClaimBatch,
    net: NetLines,
    prepared: Prepared,
    use: ItemUse,
) -> None:
    """Split the lines of the claims of one area at one place of care and sum their pots."""
    care, home = areas
    catalogue = book.catalogues[care.code]
    scoped = _scoped_lines(book, areas, batch, net, prepared, use)
    prepared.scoped.append((care, scoped))
    own_parts = prepared.parts if len(scoped.chosen) == len(batch.line_claim) else None
    claim_of = batch.line_claim[scoped.chosen]
    width = len(codes.POT_NAMES) + len(home.special_pots)
    sums = np.zeros((width, len(batch)), dtype=np.int64)
    splits = split_for_home(book, areas, scoped, claim_of, sums, own_parts)
    _keep_splits(prepared, scoped.chosen, splits, catalogue, scoped.entry)
    # The sums of the claims of other areas are zeros.
    prepared.pots[:, :width] += sums.T


def split_for_home(
    book: RuleBook,
    areas: tuple[Area, Area],
    scoped: ScopedLines,
    claim: NDArray[np.int64],
    sums: NDArray[np.int64],
    parts: NDArray[np.int64] | None = None,
) -> LineSplits:
    """Return the splits of lines by the place of care, and add them to the pots of home.

    Args:
        book: The rule book.
        areas: The place of care and the insured area.
        scoped: n lines of both.
        claim: Shape (n,), position of each line's claim; the lines of one stand together.
        sums: Takes the pots, shape (4 + special pots of home, claims), rows contiguous.
        parts: Takes the parts, shape (4, n), rows contiguous; new memory without it.
    """
    care, home = areas
    catalogue = book.catalogues[care.code]
    if care is home:
        return split_and_sum(scoped.lines, catalogue, claim, sums, parts)
    splits = split_lines(scoped.lines, catalogue, parts)
    prices, marked = scoped.lines.unit_price_e6, scoped.lines.marked_pot
    pot = pots_at_home(book.catalogues[home.code], scoped.items, scoped.days, prices)
    if marked is not None:
        pot = np.where(marked >= 0, marked, pot).astype(np.int8)
    splits = replace(splits, special_pot=pot)
    sums += pots(splits, claim, sums.shape[1], len(home.special_pots)).T
    return splits


def _claims_of(areas: tuple[Area, Area], prepared: Prepared) -> list[int]:
    care, home = areas
    return [
        row
        for row, fact in enumerate(prepared.facts)
        if fact is not None
        and fact.place is not None
        and fact.place.area is care
        and fact.area is home
    ]


def _scoped_lines(
    book: RuleBook,
    areas: tuple[Area, Area],
    batch: ClaimBatch,
    net: NetLines,
    prepared: Prepared,
    use: ItemUse,
) -> ScopedLines:
    """Return the lines of the claims of one area at one place of care, ready to be split.

    Claims with lines that cannot be looked up are added to the rejections of `prepared`, and what
    claims use of limited items to `used`.
    """
    care, home = areas
    of_lines = LineSource(batch, net, lines_of_claims(batch, _claims_of(areas, prepared)))
    catalogue = book.catalogues[care.code]
    of_claims = _of_claims(care, batch, prepared)
    scoped = looked_up(of_lines, of_claims, care, catalogue, prepared.rejections)
    lines = marked_lines(scoped.lines, of_lines, home, catalogue, prepared.rejections)
    if catalogue.limits_quantities:
        starts = {
            row: fact.policy.policy.year_start
            for row, fact in enumerate(prepared.facts)
            if fact is not None and row not in prepared.rejections
        }
        lines = use.covered(lines, of_lines, catalogue, starts)
        prepared.used |= use.moved
        prepared.rejections |= use.rejections
    return replace(scoped, lines=lines)


def lines_of_claims(batch: ClaimBatch, rows: Sequence[int]) -> NDArray[np.int64]:
    """Return the positions of the lines of some claims."""
    mine = np.zeros(len(batch), dtype=bool)
    mine[rows] = True
    return np.flatnonzero(mine[batch.line_claim])


def looked_up(
    of_lines: LineSource,
    of_claims: Sequence[OfClaim | None],
    care: Area,
    catalogue: Catalogue,
    rejections: dict[int, Rejection],
) -> ScopedLines:
    """Return some lines as the catalogue of a place of care has them; no mark counts yet.

    Args:
        of_lines: The lines.
        of_claims: What each claim of the batch is in the catalogue.
        care: The place of care.
        catalogue: Its catalogue.
        rejections: Takes the claims with items that it does not list, where it refuses these.
    """
    batch, net, chosen = of_lines.batch, of_lines.net, of_lines.chosen
    every = len(chosen) == len(batch.line_claim) and net.before is None
    source = net.source[chosen]
    items = batch.line_item if every else texts_at(batch.line_item, source)
    days = batch.line_day[source]
    entry = item_rows(catalogue, items, days, batch.unit_price_e6[chosen])
    if care.unlisted_items == "refuse":
        _refuse_unlisted(batch, chosen, entry, care, rejections)
    lines = line_columns(of_lines, entry, of_claims, care, catalogue)
    return ScopedLines(chosen, items, days, entry, lines)


def _of_claims(care: Area, batch: ClaimBatch, prepared: Prepared) -> list[OfClaim | None]:
    """Return what each claim is in the catalogue; the day matters where populations are told."""
    if not care.lines.populations:
        return [
            (place.scheme, place.price_level, 0) if fact and (place := fact.place) else None
            for fact in prepared.facts
        ]
    return [
        (place.scheme, place.price_level, rule_day(fact.policy, batch.rows[row]))
        if fact and (place := fact.place)
        else None
        for row, fact in enumerate(prepared.facts)
    ]


def pots_at_home(
    catalogue: Catalogue,
    items: Sequence[str],
    days: NDArray[np.int64],
    unit_prices_e6: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Return the pot of each line by the insured area's own catalogue, shape (n,).

    A pot is a benefit with a stage of its own, so it is home that says what is in one; an item
    that home does not list is ordinary.
    """
    row = item_rows(catalogue, items, days, unit_prices_e6)
    found: NDArray[np.int8] = catalogue.pot_of_line.take(row)
    return found


def _refuse_unlisted(
    batch: ClaimBatch,
    chosen: NDArray[np.int64],
    entry: NDArray[np.int32],
    area: Area,
    rejections: dict[int, Rejection],
) -> None:
    faults: dict[int, list[Fault]] = {}
    for position in np.flatnonzero(entry < 0):
        line = int(chosen[position])
        row = int(batch.line_claim[line])
        index = line - int(np.searchsorted(batch.line_claim, row))
        why = "not in" if entry[position] == NOT_LISTED else "not valid on that day in"
        faults.setdefault(row, []).append(
            Fault(
                f"lines[{index}].item_code",
                f"{batch.line_item[line]!r} is {why} the catalogue of {area.code}; "
                "send the national code of the item",
            )
        )
    for row, found in faults.items():
        rejections[row] = invalid(tuple(found))


def _keep_splits(
    prepared: Prepared,
    chosen: NDArray[np.int64],
    splits: LineSplits,
    catalogue: Catalogue,
    entry: NDArray[np.int32],
) -> None:
    """Write the splits of one area's lines to their places in the batch."""
    if splits.parts is not prepared.parts:
        prepared.parts[:, chosen] = splits.parts
    prepared.item_class[chosen] = item_classes(catalogue, entry)
    prepared.pot[chosen] = splits.pot


def item_classes(catalogue: Catalogue, entry: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the class of the item of each line.

    An item that is not listed is wholly own expense, which is what class C says.
    """
    found: NDArray[np.int8] = catalogue.class_of_line.take(entry)
    return found


def pot_names(area: Area) -> tuple[str, ...]:
    """Return the pots of an area in the order of their numbers."""
    return (*codes.POT_NAMES, *area.special_pots)


def rule_day(policy: CompiledPolicy, claim: dict[str, object]) -> int:
    """Return the day that decides rule version and period of one claim."""
    return day_number(claim[policy.policy.rule_date])  # type: ignore[arg-type]
