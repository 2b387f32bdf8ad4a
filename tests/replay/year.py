"""A year settled online in which everything happened that a history must tell, and its oracle.

`live` lets it happen at an engine of the invented areas. `settled_again` settles a history once
more, claim by claim through `settle.run.Settler`, with counters that are nothing but the moves of
the history and what its own settlements move; so it needs no ledger, and whoever replays by other
ways can be held to it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from medsettle.audit import Projector
from medsettle.core import codes, schema
from medsettle.core.adjustments import Adjustment
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Granted, Person, received
from medsettle.core.scopes import CareScope, Scope
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine
from medsettle.engine.elsewhere import Elsewhere, Taking
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import claim_digest
from medsettle.ledger.opening import LedgerPlace, open_ledger
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.history import History
from medsettle.settle.run import Settled, Settler

from tests.books import histories
from tests.engine import relatives, visits
from tests.engine.engines import id_of, rule_book, settle, settled
from tests.engine.relatives import RULES
from tests.service.claims import claim, line
from tests.settle.apart_books import CARE, scoped

REFORMED, YEAR_END = "999902", "999914"
BOOK = RULES
"""The rules of the year; a policy of `REFORMED` follows another one on 1 February 2023."""

_ITEM, _CLASS_B = "009902000001000990200000100", "XY01AAA001A001010100001"
_START = datetime(2025, 3, 2, tzinfo=UTC)

Row = dict[str, Any]


@contextmanager
def lived(place: LedgerPlace, audit: Path, segment_rows: int = 11) -> Iterator[Engine]:
    """Yield an engine after its year, its audit tables written to the end in some segments."""
    hours = count()
    with open_ledger(place) as ledger:
        engine = Engine(rule_book(BOOK), ledger, lambda: _START + timedelta(hours=5 * next(hours)))
        live(engine, audit.parent)
        with Projector(ledger, audit) as projector:
            while projector.run_once(max_rows=segment_rows):
                pass
        yield engine


def live(engine: Engine, folder: Path) -> None:
    """Let the year happen; the folder is for the ledger of another engine, whose copy is taken."""
    histories.live(engine)
    _reform(engine)
    _stays(engine)
    _adjusted(engine)
    _split_elsewhere(engine)
    _copied(engine, folder)


def _visit(number: int, day: date, *lines: Row, **changes: object) -> Row:
    own = {"pooling_area": REFORMED, "insurance_type": "390", "person_type": "1501"}
    kind = {"visit_type": "41", "institution_level": "02", "person": "M"}
    days = {"admission_date": day, "service_date": day}
    of_day = [each | {"fee_date": day} for each in lines]
    row = claim(number, lines=of_day) | own | kind | days
    return row | {"request_id": f"Y{number}"} | changes


def _priced(number: int, fen: int, **changes: object) -> Row:
    return line(fen, item_code=_ITEM, line_id=str(number)) | changes


def _reform(engine: Engine) -> None:
    """Bring something along, settle before and after a reform, cancel and reverse on both sides."""
    brought = (("390.old_deductible", 2023, 50_000),)
    engine.open_person(Opening("H1", "YO", REFORMED, "M", 70_000, brought))
    first = settled(engine, _visit(1, date(2023, 1, 10), _priced(1, 320_000)))
    unit = {"unit_price_e6": 450_000_000}
    two = _priced(1, 90_000, quantity_e4=20_000, **unit)
    back = _priced(2, -45_000, quantity_e4=-10_000, original_line="1", **unit)
    settled(engine, _visit(2, date(2023, 1, 20), two, back, diagnosis="J18.9"))
    settled(engine, _visit(3, date(2023, 2, 1), _priced(1, 250_000)))
    engine.cancel("H1", "YC1", id_of(first))
    settled(engine, _visit(4, date(2023, 1, 25), _priced(1, 100_000)))
    settled(engine, _visit(5, date(2023, 3, 1), _priced(1, 60_000), _priced(2, 0)))
    engine.reverse("H1", "Y5", "YV5")
    settled(engine, _visit(6, date(2023, 3, 2), _priced(1, 61_000), approved_diseases=["M1", "M2"]))
    (refused,) = settle(engine, _visit(7, date(2021, 3, 2), _priced(1, 61_000)))
    assert isinstance(refused, Rejection)


def _stays(engine: Engine) -> None:
    """Stays over the end of a year, and interim settlements of one stay."""
    for number, (admitted, left, fen) in enumerate(
        [
            (date(2024, 3, 1), date(2024, 3, 10), 1_080_000),
            (date(2024, 12, 20), date(2025, 1, 10), 2_080_000),
            (date(2025, 2, 1), date(2025, 2, 10), 1_060_000),
        ],
        10,
    ):
        stay = _visit(number, left, _priced(1, fen), person="S", pooling_area=YEAR_END)
        of_stay = {"visit_type": "22", "insurance_type": "310", "person_type": "1101"}
        settled(engine, stay | of_stay | {"admission_date": admitted, "stay_days": 9})
    for number, encounter in ((20, "E1"), (21, "E1"), (22, None)):
        row = _visit(number, date(2024, 3, number), _priced(1, 650_000), encounter=encounter)
        of_stay = {"visit_type": "22", "insurance_type": "310", "person_type": "1101"}
        settled(engine, row | of_stay | {"stay_days": 80, "person": "E"})


def _adjusted(engine: Engine) -> None:
    """Adjust settlements, their counters and the account too, and take one of each back."""
    less = {"pooled_fund_fen": -700, "fund_total_fen": -700}
    less |= {"person_total_fen": 700, "cash_fen": 700}
    engine.open_person(Opening("H1", "YOA", REFORMED, "A", 500_000, ()))
    for number in (30, 31):
        row = _visit(number, date(2023, 4, number - 20), _priced(1, 130_000), person="A")
        one = settled(engine, row)
        _adjust(engine, one, less, ("390.paid", 2023, -700))
    engine.cancel("H1", "YC31", id_of(one))
    settled(engine, _visit(32, date(2023, 5, 1), _priced(1, 80_000), person="A"))
    relatives.opened(engine, "Z", 900_000)
    for number in (40, 41):
        of_account = relatives.visit(number, "Z", 230_000) | {"request_id": f"Y{number}"}
        one = settled(engine, of_account)
        _adjust(engine, one, {"account_fen": -500, "cash_fen": 500})
    engine.reverse("H1", "Y41", "YV41")
    settled(engine, relatives.visit(42, "Z", 30_000) | {"request_id": "Y42"})
    # What B had of A's limit went back to A's account when it was cancelled too late.
    settled(engine, relatives.visit(43, "A", 400_000) | {"request_id": "Y43"})


def _adjust(
    engine: Engine, one: Settlement, amounts: Mapping[str, int], *moves: tuple[str, int, int]
) -> None:
    request = f"A-{one.columns['request_id']}"
    said = ("settle/1", "the other book has less", "an", "bo")
    engine.adjustments.adjust(Adjustment("H1", request, id_of(one), amounts, *said, moves))


def _split_elsewhere(engine: Engine) -> None:
    """Settle what another engine split: a claim, and a visit over several schemes."""
    lines = (
        visits.line(1, visits.SURGERY, 2_000),
        visits.line(2, visits.DIABETES, 100, approval="1"),
    )
    row = visits.visit_row(*lines, request_id="YQ1", care_area=CARE, person="Q")
    (answer,) = engine.settle(scoped(ClaimBatch.from_rows([row]), every=False))
    assert isinstance(answer, Settlement), answer


def _copied(engine: Engine, folder: Path) -> None:
    """Take the copy of what another engine decided."""
    lines = (
        visits.line(1, visits.SURGERY, 3_000),
        visits.line(2, visits.DIABETES, 100, approval="1"),
    )
    row = visits.visit_row(*lines, request_id="YQ2", care_area=CARE, person="W")
    with open_ledger(folder / "other.db") as ledger:
        other = Engine(rule_book(BOOK), ledger, lambda: _START)
        batch = scoped(ClaimBatch.from_rows([row]), every=False)
        (answer,) = other.settle(batch)
    assert isinstance(answer, Settlement), answer
    asked = Asked("H1", "YQ2", claim_digest("settle", batch.rows[0]), visits.AREA, "W")
    elsewhere = Elsewhere(engine.ledger, engine.log)
    (copy,) = elsewhere.take([Taking(asked, answer, batch.rows[0])])
    assert isinstance(copy, Settlement), copy


# --- the oracle --------------------------------------------------------------------------------


@dataclass
class Counters:
    """What counters hold, and what has moved them."""

    held: defaultdict[CounterKey, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, moved: Sequence[tuple[CounterKey, int]], sign: int = 1) -> None:
        """Add moves, or take them back."""
        for key, delta in moved:
            self.held[key] += sign * delta

    def takes_back(self, key: CounterKey) -> bool:
        """Whether a counter gets back what was taken of it: no limit of one who is not bound."""
        relation = received(Person(key.pooling_area, key.person), key.counter, key.period)
        return relation is None or self.held[relation.bound] == 1

    def values(self, keys: Sequence[CounterKey]) -> Mapping[CounterKey, int]:
        """Return what some counters hold."""
        return {key: self.held[key] for key in keys}

    def limits(self, persons: Sequence[Person]) -> Mapping[Person, Sequence[Granted]]:
        """Return what relatives have set aside, in the order of binding."""
        found: dict[Person, list[Granted]] = {}
        for key, fen in sorted(self.held.items(), key=lambda each: each[0].period):
            relation = received(Person(key.pooling_area, key.person), key.counter, key.period)
            if relation is not None and relation.receiver in persons and fen:
                found.setdefault(relation.receiver, []).append(Granted(relation, fen))
        return found


def rows_of(history: History, table: str) -> list[Row]:
    """Return the rows of a table over all parts, in order."""
    return [row for part in history.parts for row in history.read(part, table).to_pylist()]


def claim_rows(history: History) -> list[Row]:
    """Return the claims of a history with their lines and what else is told of each."""
    claims = rows_of(history, "claims")
    for row in claims:
        row |= {"lines": [], "splits": []}
    for table in ("lines", "splits"):
        for row in rows_of(history, table):
            claims[row["claim"]][table].append(row)
    return claims


def settled_again(
    history: History, book: RuleBook
) -> tuple[dict[int, Settled | Rejection], Counters]:
    """Return what each claim is settled to, by its number, and what counters hold at the end."""
    settler, counters = Settler(book), Counters()
    results: dict[int, Settled | Rejection] = {}
    events = [(move["order"], 0, move) for move in rows_of(history, "moves")]
    for row in claim_rows(history):
        events.append((row["order"], 1, row))
        if row["taken_back"] is not None:
            events.append((row["taken_back"], 2, row))
    for _, kind, row in sorted(events, key=lambda each: each[:2]):
        if kind == 0:
            key = CounterKey(*(row[name] for name in CounterKey._fields))
            counters.move([(key, row["delta"])])
            continue
        if kind == 1:
            results[row["claim"]] = _one(settler, row, counters)
        result = results[row["claim"]]
        if not isinstance(result, Settled):
            continue
        if kind == 1:
            counters.move(result.moved)
        else:
            counters.move([each for each in result.moved if counters.takes_back(each[0])], -1)
    return results, counters


def _one(settler: Settler, row: Row, counters: Counters) -> Settled | Rejection:
    lines = [{each.name: line[each.name] for each in schema.LINE} for line in row["lines"]]
    claim_row = {each.name: row[each.name] for each in schema.CLAIM} | {"lines": lines}
    batch = ClaimBatch.from_rows([claim_row])
    assert not batch.rejections, batch.rejections
    if row["splits"]:
        batch = batch.scoped({0: _scope(row)})
        assert not batch.rejections, batch.rejections
    results = settler.run(batch, [0], counters.values, refuse_gaps=True, limits_of=counters.limits)
    return results[0]


def _scope(row: Row) -> CareScope:
    lines = row["splits"]
    scope = Scope(
        parts=np.array([[each[f"{pot}_fen"] for each in lines] for pot in codes.POT_NAMES]),
        item_class=np.array([int(each["item_class"]) for each in lines], dtype=np.int8),
        outside=np.array([each["outside"] for each in lines]),
    )
    first = lines[0]
    by_type = {row["insurance_type"]: scope}
    types = tuple(first["charge_types"])
    return CareScope(row["care_area"], first["catalogue_digest"], types, by_type)
