"""The fee lines of a part's visits: items, quantities and amounts that multiply exactly.

A bill is drawn around an amount (`Visits.target_fen`); its lines take parts of it, and each becomes
a whole number of units at the item's price. **This is the one place where what was drawn is rounded
before money is made of it**: quantities are whole, prices are whole fen, and amounts are their
product in int64. Rounding makes cheap lines dearer, so a trial tells by how much bills are to be
drawn smaller for their mean to come out (`Trimming`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.money import FenArray
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.replay.population.marginal_keys import KINDS, LISTS
from medsettle.replay.population.persons import draw_persons
from medsettle.replay.population.scene import INPATIENT, TRIAL_STREAM, Scene
from medsettle.replay.population.visits import Visits, draw_visits

_ROUNDS: Final = 4
_APPROVED, _REFUSED = 1, 2
_QUANTITY_MOST: Final = limits.QUANTITY_E4_MAX // 10_000


@dataclass(frozen=True, slots=True)
class Lines:
    """The n lines of a part's visits, in their order.

    `visit` (n,) is the position of each one's visit and `position` its place among its lines, from
    0; `item` the position among the goods; `day` the fee date; `quantity` whole units, negative
    where it takes back; `price_fen` and `amount_fen` int64; `approval` the hosp_appr_flag, 0 where
    none is needed; `original` the place in the bill of the line taken back, -1 for none.
    """

    visit: NDArray[np.int64]
    position: NDArray[np.int64]
    item: NDArray[np.int64]
    day: NDArray[np.int64]
    quantity: NDArray[np.int64]
    price_fen: FenArray
    amount_fen: FenArray
    approval: NDArray[np.int64]
    original: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.visit)


@dataclass(frozen=True, slots=True)
class Trimming:
    """By how much bills are drawn smaller, and parts of them by list.

    `bill` is by group, kind and level (g, k, 3): rounding makes small bills dearer than large ones.
    `part` is by kind and list (k, 3).
    """

    bill: NDArray[np.float64]
    part: NDArray[np.float64]


def trimming(scene: Scene) -> Trimming:
    """Return the trimming of a population, from a trial with random numbers of its own."""
    bill, part = np.ones(scene.bill_fen.shape), _parts(scene)
    wanted = np.array([[*scene.marginals.named("amount_by_list", kind).values()] for kind in KINDS])
    random = scene.stream(TRIAL_STREAM, 0)
    persons = draw_persons(scene, 0, limits.POPULATION_TRIAL_PERSONS, random)
    visits, _ = draw_visits(scene, persons, random)
    place = _cells(visits)
    target = np.bincount(place, visits.target_fen, bill.size)
    for number in range(_ROUNDS):
        stream = scene.stream(TRIAL_STREAM, 1 + number)
        lines = _drawn(scene, visits, Trimming(bill, part), stream)
        got = np.bincount(place[lines.visit], lines.amount_fen, bill.size)
        change = np.divide(target, got, out=np.ones(bill.size), where=got > 0)
        bill = bill * change.reshape(bill.shape)
        listed = visits.kind[lines.visit] * len(LISTS) + scene.goods.list_of[lines.item]
        by_list = np.bincount(listed, lines.amount_fen, part.size).reshape(part.shape)
        by_list = by_list / np.maximum(by_list.sum(axis=1, keepdims=True), 1)
        part = part * np.divide(wanted, by_list, out=np.ones(part.shape), where=by_list > 0)
    return Trimming(bill, part)


def draw_lines(
    scene: Scene, visits: Visits, trimmed: Trimming, random: np.random.Generator
) -> Lines:
    """Return the lines of some visits; with refunds where the scene has a share of them."""
    lines = _drawn(scene, visits, trimmed, random)
    return _with_refunds(scene, visits, lines, random) if scene.refunds else lines


def _parts(scene: Scene) -> NDArray[np.float64]:
    """Return the mean part of a line of each list: its share of amounts by that of lines."""
    amounts = np.array(
        [[*scene.marginals.named("amount_by_list", kind).values()] for kind in KINDS]
    )
    lines = np.array([[*scene.marginals.named("lines_by_list", kind).values()] for kind in KINDS])
    parts: NDArray[np.float64] = np.ones(amounts.shape)
    np.divide(amounts, lines, out=parts, where=lines > 0)
    return parts


def _cells(visits: Visits) -> NDArray[np.int64]:
    """Return where each visit stands in a table by group, kind and level."""
    return (visits.group * len(KINDS) + visits.kind) * len(PRICE_LEVELS) + visits.level


def _drawn(scene: Scene, visits: Visits, trimmed: Trimming, random: np.random.Generator) -> Lines:
    goods = scene.goods
    mean = np.array([scene.marginals.number("lines_a_claim", kind) for kind in KINDS])
    count = 1 + random.poisson((mean[visits.kind] - 1) * visits.severity)
    count = np.minimum(count, limits.LINES_PER_CLAIM_MAX // 2)
    visit = np.repeat(np.arange(len(visits)), count)
    first = np.cumsum(count) - count
    position = np.arange(len(visit)) - first[visit]
    kind = visits.kind[visit]
    item = _items(scene, kind, random)
    # Tables are looked up by one place: NumPy takes thrice as long by two.
    listed = kind * len(LISTS) + goods.list_of[item]
    part = random.standard_exponential(len(visit)) * trimmed.part.reshape(-1)[listed]
    whole = np.add.reduceat(part, first) if len(visit) else part
    target = visits.target_fen * trimmed.bill.reshape(-1)[_cells(visits)]
    target = target / np.maximum(whole, 1e-9)
    priced = item * len(PRICE_LEVELS) + visits.level[visit]
    price_fen = goods.price_fen.reshape(-1)[priced]
    units = np.rint(target[visit] * part / price_fen).astype(np.int64)
    quantity = np.clip(units, 1, _QUANTITY_MOST)
    return Lines(
        visit=visit,
        position=position,
        item=item,
        day=_fee_days(visits, visit, random),
        quantity=quantity,
        price_fen=price_fen,
        amount_fen=quantity * price_fen,
        approval=_approvals(scene, item, random),
        original=np.full(len(visit), -1, dtype=np.int64),
    )


def _items(scene: Scene, kind: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return an item for each line, given the kind of its visit.

    How often each comes among so many lines is drawn at once, and then their order: the same as
    drawing one after another, in a third of the time.
    """
    item = np.empty(len(kind), dtype=np.int64)
    every = np.arange(len(scene.goods.codes))
    for number in range(len(KINDS)):
        own = np.flatnonzero(kind == number)
        found = np.repeat(every, random.multinomial(len(own), scene.goods.chance[number]))
        random.shuffle(found)
        item[own] = found
    return item


def _fee_days(
    visits: Visits, visit: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return the day of each fee: of a stay any of its days, else the day of the visit."""
    day = visits.day[visit]
    stay = np.flatnonzero(visits.kind[visit] == INPATIENT)
    own = visit[stay]
    day[stay] = random.integers(visits.admission[own], visits.day[own], endpoint=True)
    return day


def _approvals(
    scene: Scene, item: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    approval = np.zeros(len(item), dtype=np.int64)
    restricted = np.flatnonzero(scene.goods.restricted[item])
    good = random.random(len(restricted)) < scene.marginals.number("restricted_approved_share")
    approval[restricted] = np.where(good, _APPROVED, _REFUSED)
    return approval


def _with_refunds(scene: Scene, visits: Visits, lines: Lines, random: np.random.Generator) -> Lines:
    """Return the lines with a negative one more at the end of some bills.

    It takes back a part of one line of the bill, on its day: up to all of its units, at its price.
    """
    count = np.bincount(lines.visit, minlength=len(visits))
    ends = np.cumsum(count)
    chosen = np.flatnonzero(random.random(len(visits)) < scene.refunds)
    original = random.integers(0, count[chosen])
    taken = (ends - count)[chosen] + original
    units = random.integers(1, lines.quantity[taken], endpoint=True)
    added = {
        "visit": chosen,
        "position": count[chosen],
        "item": lines.item[taken],
        "day": lines.day[taken],
        "quantity": -units,
        "price_fen": lines.price_fen[taken],
        "amount_fen": -units * lines.price_fen[taken],
        "approval": lines.approval[taken],
        "original": original,
    }
    return Lines(
        **{name: np.insert(getattr(lines, name), ends[chosen], added[name]) for name in added}
    )
