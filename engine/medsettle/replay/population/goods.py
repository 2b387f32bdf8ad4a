"""What an area's bills are made of: the items of its catalogue, with prices and how often used.

Catalogues state ceilings and no prices, so prices are invented: one for each item and hospital
level, the same in every bill. They are rounded to whole fen here, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.dates import Period
from medsettle.core.money import E6_PER_FEN, FenArray
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.catalogue import CLASS_C, IN_SCOPE_POT, NO_CEILING, NO_LIMIT, Catalogue
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.replay.population.accepted import Span
from medsettle.replay.population.marginal_keys import KINDS, LISTS
from medsettle.replay.population.marginals import Marginals

_LIST_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(("101", "102", "103"), "drugs"),
    "201": "services",
    "301": "consumables",
}
"""List types of the catalogue by what they are here."""

_FEN: Final = 100


@dataclass(frozen=True, slots=True)
class Goods:
    """The n items that bills are made of.

    `codes` are their codes; `list_of` (n,) their position in `LISTS`; `price_fen` (n, 3) their unit
    price at the hospital levels 1 to 3, int64 fen, at least 1; `restricted` (n,) whether their use
    needs an approval; `chance` (kinds, n) how often a line of a bill has each item, adding up to 1
    for each kind of visit.
    """

    codes: tuple[str, ...]
    list_of: NDArray[np.int64]
    price_fen: FenArray
    restricted: NDArray[np.bool_]
    chance: NDArray[np.float64]


def usable_items(catalogue: Catalogue, span: Span) -> NDArray[np.int64]:
    """Return the ids of the items that are valid on every day of a span, rising.

    They are valid before it too, as long as a stay may have begun. Items of which so many are paid
    since an approval are none: whoever is billed one has registered it, and nobody here has.
    """
    begin = span.first_day - limits.POPULATION_STAY_DAYS_MAX
    edges = np.concatenate([catalogue.valid_from, catalogue.valid_until]).astype(np.int64)
    inside = edges[(edges > begin) & (edges <= span.last_day)]
    ids = np.arange(len(catalogue.item_codes), dtype=np.int32)
    good = np.ones(len(ids), dtype=np.bool_)
    for day in np.unique(np.concatenate([[begin], inside])).tolist():
        good &= catalogue.rows(ids, np.full(len(ids), day)) >= 0
    since = [
        at
        for at, limit in enumerate(catalogue.quantity_limits)
        if limit.period is Period.TREATMENT_YEAR
    ]
    registered = (catalogue.most_e4[:, since] != NO_LIMIT).any(axis=1)
    good[catalogue.item[registered]] = False
    return np.flatnonzero(good)


def ordinary_item(catalogue: Catalogue, span: Span) -> str:
    """Return an item that is wholly in scope on every day of a span, as far as there is one.

    Raises:
        InvalidRequest: No item is valid on all of these days.
    """
    items = usable_items(catalogue, span)
    if not len(items):
        message = f"no item of {catalogue.file} is valid on every day of the years; name others"
        raise InvalidRequest([Fault("area", message)])
    rows = catalogue.rows(items.astype(np.int32), np.full(len(items), span.first_day))
    free = (catalogue.ceiling_e6[rows] == NO_CEILING).all(axis=1)
    plain = (catalogue.pot[rows] == IN_SCOPE_POT) & ~catalogue.restricted[rows]
    # The better the surer that nothing but the amount decides.
    worth = 4 * plain + 2 * (catalogue.item_class[rows] != CLASS_C) + free
    best = int(items[int(np.argmax(worth - catalogue.item_class[rows]))])
    return catalogue.item_codes[best]


def priced_goods(
    catalogue: Catalogue,
    policies: list[CompiledPolicy],
    marginals: Marginals,
    span: Span,
    random: np.random.Generator,
) -> Goods:
    """Return the items of bills.

    Args:
        catalogue: The area's.
        policies: What settles the bills; special pots that they cannot decide (`gaps`) are left
            out.
        marginals: How much and how often.
        span: The days on which items must be valid.
        random: Draws prices and the order in which items are common.

    Raises:
        InvalidRequest: No item of the catalogue can be billed on all of these days.
    """
    items = usable_items(catalogue, span)
    rows = catalogue.rows(items.astype(np.int32), np.full(len(items), span.first_day))
    gaps = {gap.amount for compiled in policies for gap in compiled.policy.gaps}
    pots = (*POT_NAMES, *catalogue.terms.pots)
    undecided = [at for at, name in enumerate(pots) if name in gaps]
    lists = np.array([_LIST_OF.get(catalogue.list_types[row], "") for row in rows])
    kept = ~np.isin(catalogue.pot[rows], undecided) & (lists != "")
    items, rows, lists = items[kept], rows[kept], lists[kept]
    if not len(items):
        message = f"{catalogue.file} has no drug, service or consumable that policies can decide"
        raise InvalidRequest([Fault("area", f"{message} on every day of the years; name others")])
    list_of = np.array([LISTS.index(name) for name in lists.tolist()], dtype=np.int64)
    ceiling_e6 = catalogue.ceiling_e6[rows][:, : len(PRICE_LEVELS)]
    price_fen = _prices(ceiling_e6, list_of, marginals, random)
    return Goods(
        codes=tuple(catalogue.item_codes[item] for item in items.tolist()),
        list_of=list_of,
        price_fen=price_fen,
        restricted=catalogue.restricted[rows],
        chance=_chances(list_of, price_fen, marginals, random),
    )


def _prices(
    ceiling_e6: NDArray[np.int64],
    list_of: NDArray[np.int64],
    marginals: Marginals,
    random: np.random.Generator,
) -> FenArray:
    """Return unit prices by item and level, fen; where a ceiling is stated they lie around it."""
    count = len(list_of)
    median = np.array([marginals.number("item_price", name) for name in LISTS])[list_of] * _FEN
    usual = random.lognormal(0, marginals.number("item_price_sigma"), count) * median
    by_level = np.array([marginals.number("price_by_level", level) for level in PRICE_LEVELS])
    services = list_of == LISTS.index("services")
    price = usual[:, None] * np.where(services[:, None], by_level, by_level[:1])
    above = random.random(count) < marginals.number("above_ceiling_share")
    least, most = (marginals.number("above_ceiling_part", bound) for bound in ("least", "most"))
    part = random.uniform(least, most, count)[:, None]
    limited = (ceiling_e6 != NO_CEILING) & (ceiling_e6 > 0)
    ceiling = np.where(limited, ceiling_e6, 0) / E6_PER_FEN
    price = np.where(limited & above[:, None], ceiling * part, price)
    price = np.where(limited & ~above[:, None], np.minimum(price, ceiling), price)
    return np.maximum(np.rint(price).astype(np.int64), 1)


def _chances(
    list_of: NDArray[np.int64],
    price_fen: FenArray,
    marginals: Marginals,
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """Return how often a line has each item: the share of its list, and 1/rank within it.

    Cheap items are the more common ones, by and large.
    """
    sigma = marginals.number("item_order_sigma")
    order = np.log(price_fen[:, 0]) + random.normal(0, sigma, len(list_of))
    weight = np.zeros(len(list_of))
    for at in range(len(LISTS)):
        own = np.flatnonzero(list_of == at)
        ranks = np.argsort(np.argsort(order[own])) + 1.0
        weight[own] = ranks ** -marginals.number("item_exponent")
        weight[own] /= weight[own].sum() if len(own) else 1
    chance = np.zeros((len(KINDS), len(list_of)))
    for row, kind in enumerate(KINDS):
        shares = np.array([*marginals.named("lines_by_list", kind).values()])
        # Where a catalogue has no items of a list, the others take its place.
        own = weight * shares[list_of]
        chance[row] = own if own.any() else weight
        chance[row] /= chance[row].sum()
    return chance
