"""What later settlements would have been: as in a ledger that never had the earlier one."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.core.hindsight import COMPARED_PAYERS, ComparedShare
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine import relatives
from tests.engine.engines import RULES, engine_on, id_of, rule_book, settled, stay
from tests.engine.visits import SHAPES, injury_stay, recognition, register
from tests.engine.visits import settle as settle_visit
from tests.service.claims import AREA, INSTITUTION, claim


def _three(engine: Engine) -> list[Settlement]:
    """Return three visits of one person; the deductible of the year is 100 yuan, then 80 % paid."""
    bills = [(1, 4_000), (2, 50_000), (3, 50_000)]
    return [settled(engine, claim(n, fen, person="P", account_used=False)) for n, fen in bills]


def test_a_cancelled_deductible_would_have_been_met_by_the_next(engine: Engine) -> None:
    """The second met 60 of 100 yuan. Without it the third does: 80 % of 440 and not of 500."""
    _, second, third = _three(engine)
    engine.cancel(INSTITUTION, "X2", id_of(second))
    last = engine.ledger.last_seq()
    comparison = engine.hindsight.without(id_of(second))

    (later,) = comparison.later
    assert (id_of(third), third.columns["seq"], INSTITUTION) == (
        later.settlement,
        later.seq,
        later.institution,
    )
    assert (
        ComparedShare("pooled_fund", 40_000, 35_200),
        ComparedShare("cash", 10_000, 14_800),
    ) == later.shares
    assert (True, "", True) == (later.differs, later.refusal, comparison.complete)
    assert (-4_800, 4_800) == tuple(map(comparison.difference_fen, ("pooled_fund", "cash")))
    assert last == engine.ledger.last_seq()
    assert third == engine.get(id_of(third))


def test_it_says_the_same_before_the_cancel(engine: Engine) -> None:
    """What would have been does not depend on whether the earlier one stands."""
    _, second, _ = _three(engine)
    before = engine.hindsight.without(id_of(second))
    engine.reverse(INSTITUTION, "R2", "X2")

    assert before == engine.hindsight.without(id_of(second))


def test_what_came_after_the_cancel_is_as_it_was(engine: Engine) -> None:
    """The cancel gave the deductible back, so the fourth, settled since, met it as it would have.

    The other way round the third would have met it, and the fourth nothing.
    """
    _, second, third = _three(engine)
    engine.cancel(INSTITUTION, "X2", id_of(second))
    fourth = settled(engine, claim(4, 50_000, person="P", account_used=False))
    comparison = engine.hindsight.without(id_of(second))

    assert 6_000 == fourth.fen("deductible_fen")
    assert [id_of(third), id_of(fourth)] == [each.settlement for each in comparison.later]
    assert [-4_800, 4_800] == [
        sum(s.difference_fen for s in each.shares if s.payer == "pooled_fund")
        for each in comparison.later
    ]


def test_other_persons_and_earlier_settlements_are_left_alone(engine: Engine) -> None:
    """Only what stands of the person later is compared; what is cancelled is not listed."""
    first, second, third = _three(engine)
    settled(engine, claim(9, 50_000, person="Q"))
    engine.cancel(INSTITUTION, "X3", id_of(third))

    assert () == engine.hindsight.without(id_of(third)).later
    assert () == engine.hindsight.without(id_of(second)).later
    assert [id_of(second)] == [e.settlement for e in engine.hindsight.without(id_of(first)).later]


def test_a_visit_goes_as_a_whole(tmp_path: Path) -> None:
    """Named by itself or by any of its settlements, all of them had never been."""
    with engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        visit = settle_visit(engine, injury_stay())
        again = settle_visit(
            engine,
            injury_stay(request_id="V2", admission_date="2024-06-01", service_date="2024-06-11")
            | {"lines": [row | {"fee_date": "2024-06-01"} for row in injury_stay()["lines"]]},
        )
        assert visit.visit is not None
        found = [
            engine.hindsight.without(name)
            for name in (visit.visit, *(id_of(part) for part in visit.settlements))
        ]

        assert found[0] == found[1] == found[2]
        assert [id_of(part) for part in again.settlements] == [
            each.settlement for each in found[0].later
        ]


def test_only_settlements_and_visits_can_have_never_been(engine: Engine) -> None:
    """A cancel, an opening and an unknown id are not found."""
    original = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

    for name in (id_of(cancel), "nothing", ""):
        with pytest.raises(errors.NotFound, match="no settlement and no visit"):
            engine.hindsight.without(name)


def test_rules_of_another_time_are_asked_for(tmp_path: Path) -> None:
    """Without the policy that settled a later claim nothing is said about it."""
    with engine_on(tmp_path) as engine:
        _, second, _ = _three(engine)
        engine.replace_rules(rule_book(SHAPES))
        with pytest.raises(errors.PolicyNotFound, match="Load the rules of that time"):
            engine.hindsight.without(id_of(second))


@pytest.mark.parametrize(("bound", "found", "complete"), [(2, 2, True), (1, 1, False)])
def test_so_many_later_ones_are_compared_and_no_more(
    engine: Engine, bound: int, found: int, *, complete: bool
) -> None:
    """One more than the bound is left out, and the answer says so."""
    first, *_ = _three(engine)
    comparison = engine.hindsight.without(id_of(first), later_max=bound)

    assert (found, complete) == (len(comparison.later), comparison.complete)
    assert 1 <= bound <= limits.LATER_SETTLEMENTS_MAX


# --- the law -------------------------------------------------------------------------------------

_Step = tuple[str, int, dict[str, Any]]


@st.composite
def _steps(draw: st.DrawFn) -> list[_Step]:
    """Return claims of one person and cancels of some; no sum of them is beyond the policy."""
    steps: list[_Step] = []
    for number in range(1, draw(st.integers(2, 7)) + 1):
        fen = draw(st.sampled_from([1, 4_000, 9_999, 50_000, 200_000]))
        make = draw(st.sampled_from([claim, stay]))
        steps.append(("settle", number, make(number, fen, person="P", account_used=draw(_BOOL))))
        if draw(st.integers(0, 3)) == 0:
            steps.append(("cancel", draw(st.integers(1, number)), {}))
    return steps


_BOOL = st.booleans()


@contextmanager
def _world(rules: Path, *opened: tuple[str, str, int]) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, engine_on(Path(folder), rules) as engine:
        for area, person, fen in opened:
            engine.open_person(Opening(INSTITUTION, f"O-{person}", area, person, fen, ()))
        yield engine


def _lived(engine: Engine, steps: Sequence[_Step], without: int) -> dict[int, Settlement]:
    """Return what stands by its number after the steps, but for one claim and its cancel."""
    stands: dict[int, Settlement] = {}
    for act, number, row in steps:
        if act == "settle" and number != without:
            stands[number] = settled(engine, row)
        elif act == "grant":
            relatives.granted(engine, "G", "R", number)
        elif number in stands:
            engine.cancel(INSTITUTION, f"X{number}", id_of(stands.pop(number)))
    return stands


def _fen(settlement: Settlement) -> dict[str, int]:
    return {payer: settlement.fen(f"{payer}_fen") for payer in COMPARED_PAYERS}


def _check(rules: Path, opened: Sequence[tuple[str, str, int]], steps: list[_Step]) -> None:
    """Compare hindsight with a ledger in which the claim with the number 1 never was."""
    with _world(rules, *opened) as engine, _world(rules, *opened) as fresh:
        stands, would = _lived(engine, steps, 0), _lived(fresh, steps, 1)
        comparison = engine.hindsight.without(engine.find_request(INSTITUTION, "R1").entry)

        later = sorted(number for number in stands if number != 1)
        assert [id_of(stands[number]) for number in later] == [
            each.settlement for each in comparison.later
        ]
        for number, each in zip(later, comparison.later, strict=True):
            recorded, fresh_fen = _fen(stands[number]), _fen(would[number])
            assert "" == each.refusal
            assert each.shares == tuple(
                ComparedShare(payer, recorded[payer], fresh_fen[payer])
                for payer in COMPARED_PAYERS
                if recorded[payer] or fresh_fen[payer]
            )


@pytest.mark.slow
@settings(max_examples=20)
@given(steps=_steps(), account_fen=st.sampled_from([0, 12_345, 10_000_000]))
def test_hindsight_is_what_a_fresh_ledger_says(steps: list[_Step], account_fen: int) -> None:
    """Settle the same claims without the first: every share of every later one is the same."""
    _check(RULES, [(AREA, "P", account_fen)], steps)


@pytest.mark.slow
@settings(max_examples=15)
@given(
    bills=st.lists(st.sampled_from([1, 30_000, 80_000, 250_000]), min_size=2, max_size=6),
    grants=st.dictionaries(st.integers(0, 5), st.integers(1, 40_000), max_size=3),
)
def test_relatives_would_have_paid_as_a_fresh_ledger_says(
    bills: list[int], grants: dict[int, int]
) -> None:
    """Limits that the first bill used would have been there for the next; grants come between."""
    steps: list[_Step] = []
    for index, fen in enumerate(bills):
        if index in grants:
            steps.append(("grant", grants[index] * 10 + index, {}))
        steps.append(("settle", index + 1, relatives.visit(index + 1, "R", fen)))
    opened = [(relatives.AREA, "G", 2_000_000), (relatives.AREA, "R", 5_000)]
    _check(relatives.RULES, opened, steps)
