"""Laws of every settlement, over invented claims of all policies of the example areas."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle.books.identities import broken_identities
from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from fixtures.claims import claim_rows
from fixtures.visit_facts import asked_by
from tests.engine.engines import REAL_RULES, engine_on, id_of, outcomes, rule_book

_SEEDS = st.integers(0, 2**32 - 1)
# A run is a hundred claims, so a few runs are many claims.
_ENOUGH = 3
_RUNS = settings(max_examples=8)


def _claims(engine: Engine, seed: int, count: int) -> list[dict[str, Any]]:
    rows = claim_rows(
        seed, count, engine.policies(), engine.rulebook.catalogues, asked_by(engine.rulebook)
    )
    return list(rows)


def _accounts(engine: Engine, rows: list[dict[str, Any]]) -> None:
    """Give every third person an account, so that some run dry in the middle of a batch."""
    people = sorted({(row["pooling_area"], row["person"]) for row in rows})
    for number, (area, person) in enumerate(people[::3]):
        engine.open_person(Opening("H1", f"O{number}", area, person, 10_000 * (number % 9), ()))


def _settlements(answers: Sequence[Settlement | Rejection]) -> list[Settlement]:
    return [answer for answer in answers if isinstance(answer, Settlement)]


@pytest.mark.slow
@given(seed=_SEEDS)
@_RUNS
def test_every_settlement_obeys_the_identities(seed: int) -> None:
    """Settled, cancelled or previewed, with many claims of one person in a batch."""
    with tempfile.TemporaryDirectory() as folder, engine_on(Path(folder), REAL_RULES) as engine:
        rows = _claims(engine, seed, 120)
        _accounts(engine, rows)
        previews = _settlements(engine.preview(ClaimBatch.from_rows(rows)))
        settled = _settlements(engine.settle(ClaimBatch.from_rows(rows)))
        cancels = [
            engine.cancel(str(each.columns["institution"]), f"X{number}", id_of(each))
            for number, each in enumerate(settled[::7])
        ]

        assert 60 < len(settled)
        for each in (*previews, *settled, *cancels):
            assert [] == broken_identities(each)
        for each in settled:
            negative = [name for name, value in each.amounts.items() if value < 0]
            negative += [payer for payer in codes.PAYER_NAMES if each.fen(f"{payer}_fen") < 0]
            assert ([], True) == (negative, each.fen("account_balance_fen") >= 0)
        assert engine.ledger.verify() is None  # type: ignore[attr-defined]


@pytest.mark.slow
@given(seed=_SEEDS)
@_RUNS
def test_a_batch_equals_its_claims_one_by_one(seed: int) -> None:
    """Whatever a batch holds, each answer is that of the claim sent alone, after those before it.

    The rows are of few people, some are repeated, some reuse a request id or a number.
    """
    with tempfile.TemporaryDirectory() as together, tempfile.TemporaryDirectory() as apart:
        first, second = Path(together), Path(apart)
        with engine_on(first, REAL_RULES) as batch, engine_on(second, REAL_RULES) as single:
            rows = _claims(batch, seed, 60)
            rows += [rows[7], rows[8] | {"account_used": not rows[8]["account_used"]}]
            rows += [rows[9] | {"request_id": "other", "institution_settlement": "S00000000"}]
            rows += [rows[0] | {"request_id": "again", "institution_settlement": "S00000000"}]
            for engine in (batch, single):
                _accounts(engine, rows)
            expected = [single.settle(ClaimBatch.from_rows([row]))[0] for row in rows]
            found = batch.settle(ClaimBatch.from_rows(rows))

            assert [_told(answer) for answer in expected] == [_told(answer) for answer in found]
            for area, person in {(row["pooling_area"], row["person"]) for row in rows}:
                assert single.person(area, person) == batch.person(area, person)


def _told(answer: Settlement | Rejection) -> Settlement | tuple[Outcome, int]:
    """Return what must be equal: not the moment, nor what a message says of the other claim."""
    if isinstance(answer, Rejection):
        return answer.outcome, len(answer.faults)
    return replace(answer, columns=answer.columns | {"create_time": None})


@pytest.mark.slow
def test_people_do_not_influence_one_another(tmp_path: Path) -> None:
    """Claims of different people may be sent in any order; those of one person keep theirs."""
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    with engine_on(first, REAL_RULES) as one, engine_on(second, REAL_RULES) as other:
        rows = _claims(one, 11, 300)
        shuffled = sorted(rows, key=lambda row: (row["person"][::-1], row["pooling_area"]))
        found = dict(zip(map(_key, rows), one.settle(ClaimBatch.from_rows(rows)), strict=True))
        again = other.settle(ClaimBatch.from_rows(shuffled))

        for row, answer in zip(shuffled, again, strict=True):
            expected = found[_key(row)]
            assert outcomes([expected]) == outcomes([answer])
            if isinstance(expected, Settlement) and isinstance(answer, Settlement):
                assert expected.amounts == answer.amounts


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["institution"], row["request_id"]


@pytest.mark.slow
def test_the_generated_claims_reach_every_policy(tmp_path: Path) -> None:
    """The laws above say something about each policy that is loaded, and more than once."""
    with engine_on(tmp_path, REAL_RULES) as engine:
        # Thirty claims for each policy, of which some have a gap or a fault of their document.
        rows = _claims(engine, 1, 30 * len(engine.policies()))
        settled = _settlements(engine.settle(ClaimBatch.from_rows(rows)))
    counts = Counter(str(each.columns["policy"]) for each in settled)
    loaded = {compiled.policy.name for compiled in rule_book(REAL_RULES).policies}

    assert loaded == {policy for policy, count in counts.items() if count >= _ENOUGH}
