"""The pieces of the rounds between two areas: what is drawn, dealt and found, without servers."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeAlias

import orjson
import pytest
from medsettle.engine import Engine
from medsettle.ledger.entries import Recorded
from medsettle.torture.acknowledged import Key
from medsettle.torture.checking import entries_of
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.torture.named_steps import COMMIT_STEPS
from medsettle.torture.network_proxy import Trigger
from medsettle.torture.provinces import Deck
from medsettle.torture.provinces_books import Book, book_faults
from medsettle.torture.provinces_model import HomeModel
from medsettle.torture.provinces_servers import NAMES, Link, book_of_both, peers_file
from medsettle.torture.provinces_workload import (
    AREAS,
    ProvincesWorkload,
    area_of,
    area_of_institution,
    persons_of,
)
from medsettle.torture.requests import Request, replayed

RULES = Path(__file__).parents[2] / "fixtures" / "provinces"
BOOK = book_of_both(RULES)
A, B = AREAS
HUB = "hub"

Entries: TypeAlias = dict[str, list[Recorded]]


def _day_at_one_engine(seed: int, count: int) -> tuple[list[Recorded], dict[Key, Request], Engine]:
    """Return what one engine with both areas records of a workload, and who asked for it."""
    ledger = MemoryLedger()
    moments = iter(range(1_000_000))
    engine = Engine(BOOK, ledger, lambda: datetime.fromtimestamp(next(moments), UTC))
    workload = ProvincesWorkload(Random(seed))
    sent: dict[Key, Request] = {}
    drawn = workload.beginning()
    for number in range(len(drawn) + count):
        request = drawn[number] if number < len(drawn) else workload.request()
        if request.kind != "find":
            sent.setdefault(request.key, request)
        workload.heard(request, replayed(engine, request))
    return entries_of(ledger), sent, engine


def _between(entries: Sequence[Recorded]) -> Entries:
    """Return the three books that engines and a hub between them hold when nothing fails."""
    books: Entries = {A: [], B: [], HUB: []}
    for entry in entries:
        care, home = area_of_institution(entry.institution), entry.pooling_area
        decided_only = not home or entry.kind in {"refusal", "tombstone"}
        if decided_only:
            books[care].append(entry)
            continue
        for name in {care, home}:
            books[name].append(entry)
        if care != home:
            books[HUB].append(entry)
    return books


DAY, SENT, ENGINE = _day_at_one_engine(3, 400)


def _faults(books: Entries) -> list[str]:
    areas = {area: Book.of(books[area]) for area in AREAS}
    return [*book_faults(areas, Book.of(books[HUB]))]


def _crossing(books: Entries, kind: str, *, standing: bool = False, paid_fen: int = 0) -> Recorded:
    """Return an entry of B's book for care at A, of no visit over several schemes."""
    taken_back = {each.original for each in books[B]}
    return next(
        each
        for each in books[B]
        if each.kind == kind
        and area_of_institution(each.institution) == A
        and each.pooling_area == B
        and (columns := orjson.loads(each.record)["settlement"])["visit"] is None
        and columns["pooled_fund_fen"] >= paid_fen
        and not (standing and each.settlement in taken_back)
    )


def test_the_same_seed_draws_the_same_requests() -> None:
    """Where answers are the same, so are the requests; another seed asks for other things."""
    first, again, other = (_day_at_one_engine(seed, 80)[1] for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_a_workload_has_all_that_is_to_go_wrong() -> None:
    """Care at home and elsewhere in both directions, visits, cancels, reversals and refusals."""
    kinds = Counter(
        (each.kind, area_of_institution(each.institution), each.pooling_area) for each in DAY
    )

    for kind in ("settle", "cancel", "visit"):
        assert all(kinds[kind, care, home] for care in AREAS for home in AREAS), kind
    assert {"refusal", "opening", "relation"} <= {each.kind for each in DAY}
    assert {"reverse", "visit_cancel"} <= {each.kind for each in SENT.values()}
    assert all(area_of(each) in AREAS for each in SENT.values())


def test_faults_come_in_turn() -> None:
    """Thirty cards: each process and link in each way, at a moment, at a count, at a commit."""
    deck, again = Deck(Random(1)), Deck(Random(1))
    dealt = [deck.deal() for _ in range(30)]

    assert dealt == [again.deal() for _ in range(30)]
    kinds = Counter(str(each) for each in dealt)
    whole = [f"{kind} {name}" for kind in ("kill", "freeze") for name in NAMES]
    whole += [f"{kind} {area}" for kind in ("drop", "stall", "cut") for area in AREAS]
    at_commits = [f"{step} {name}" for step in COMMIT_STEPS for name in NAMES]
    assert dict.fromkeys(whole, 2) | dict.fromkeys(at_commits, 1) == kinds
    assert 18 == sum(each.after is not None for each in dealt)
    assert 6 == sum(isinstance(each.after, Trigger) for each in dealt)


def test_books_of_a_day_without_faults_agree() -> None:
    """Three books made of one engine's entries have no faults, and the models none either."""
    books = _between(DAY)

    assert [] == _faults(books)
    for area in AREAS:
        model = HomeModel(BOOK, area)
        assert [] == [*model.follow(books[area], SENT)]
        for person in persons_of(area):
            assert ENGINE.person(area, person) == model.person(person)


def _without(books: Entries, name: str, entry: Recorded) -> None:
    books[name] = [each for each in books[name] if each.settlement != entry.settlement]


def _lost_at_care(books: Entries) -> None:
    _without(books, A, _crossing(books, "settle", standing=True))


def _lost_at_home(books: Entries) -> None:
    _without(books, B, _crossing(books, "settle", standing=True))


def _lost_at_hub(books: Entries) -> None:
    _without(books, HUB, _crossing(books, "settle"))


def _cancel_lost_at_care(books: Entries) -> None:
    _without(books, A, _crossing(books, "cancel"))


def _cancel_lost_at_hub(books: Entries) -> None:
    _without(books, HUB, _crossing(books, "cancel"))


def _altered_at(name: str) -> Callable[[Entries], None]:
    def alter(books: Entries) -> None:
        entry = _crossing(books, "settle")
        record = orjson.loads(entry.record)
        record["settlement"]["cash_fen"] += 1
        other = replace(entry, record=orjson.dumps(record))
        books[name] = [
            other if each.settlement == entry.settlement else each for each in books[name]
        ]

    return alter


def _local_at_hub(books: Entries) -> None:
    books[HUB].append(
        next(
            each
            for each in DAY
            if each.kind == "settle" and each.institution[1:7] == A and each.pooling_area == A
        )
    )


def _charged_twice(books: Entries) -> None:
    entry = _crossing(books, "settle", standing=True)
    for name in books:
        if any(each.settlement == entry.settlement for each in books[name]):
            books[name].append(replace(entry, settlement=f"{B}again"))


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (_lost_at_care, "is not recorded at"),
        (_lost_at_home, "and not at"),
        (_lost_at_hub, "and not at the hub"),
        (_cancel_lost_at_care, "is taken back at"),
        (_cancel_lost_at_hub, "and not at the hub"),
        (_altered_at(A), "cash_fen"),
        (_altered_at(HUB), "cash_fen"),
        (_local_at_hub, "never left"),
        (_charged_twice, "charged 2 times"),
    ],
)
def test_what_differs_between_books_is_found(plant: Callable[[Entries], None], says: str) -> None:
    """Each way in which three books can differ is told, and nothing is where none differs."""
    books = _between(DAY)
    plant(books)

    assert any(says in each for each in _faults(books)), _faults(books)


def test_what_was_not_taken_must_net_to_zero() -> None:
    """Recorded and taken back at home, and never at the place of care, is in order once it says so.

    Without the tombstone there, or without what takes it back, it is not.
    """
    books = _between(DAY)
    cancel = _crossing(books, "cancel")
    original = next(each for each in books[B] if each.settlement == cancel.original)
    for name in (A, HUB):
        _without(books, name, cancel)
        _without(books, name, original)
    undecided = _faults(books)
    books[A].append(replace(original, kind="tombstone", settlement="T1"))
    decided = _faults(books)
    _without(books, B, cancel)
    standing = _faults(books)

    assert ["has not decided" in each for each in undecided] == [True]
    assert [] == decided
    assert [f"{original.settlement} stands at {B} and is not recorded at {A}"] == standing


def test_the_model_finds_an_amount_that_is_not_due() -> None:
    """A settlement at home that one engine would not have given is told with both amounts."""
    books = _between(DAY)
    _altered_at(B)(books)

    assert any("cash_fen is" in each for each in HomeModel(BOOK, B).follow(books[B], SENT))


def test_the_model_finds_a_settlement_in_between_that_is_lost() -> None:
    """Counters of a person tell: what one entry moved is missing afterwards."""
    books = _between(DAY)
    lost = _crossing(books, "settle", standing=True, paid_fen=1)
    _without(books, B, lost)
    model = HomeModel(BOOK, B)
    [*model.follow(books[B], SENT)]

    assert ENGINE.person(B, lost.person) != model.person(lost.person)


def test_peers_are_told_by_area_and_role() -> None:
    """An area knows the hub for all others, the hub each area, all by the ports of the proxies."""

    class _At:
        def __init__(self, port: int) -> None:
            self.address = f"127.0.0.1:{port}"

    links = {area: Link(area, _At(n), _At(n + 1)) for area, n in ((A, 1), (B, 3))}  # type: ignore[arg-type]

    assert (
        f'name = "{A}"\nrole = "areas"\nareas = [\'{A}\']\n\n[[peers]]\nname = "hub"\n'
        'role = "hub"\naddress = "127.0.0.1:1"\nareas = [\'*\']\n'
    ) == peers_file(A, links)
    assert 2 == peers_file(HUB, links).count("[[peers]]")
    assert 'role = "hub"\nareas = []' in peers_file(HUB, links)
