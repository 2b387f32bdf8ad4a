"""Claims that are made inside the write that settles them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.making import Making
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of
from tests.service.claims import AREA, claim

pytestmark = pytest.mark.both_stores


def _making(number: int, **changes: object) -> Making:
    row = claim(number) | changes
    holders = frozenset({(AREA, str(row["person"]))})
    return Making(holders, lambda: ClaimBatch.from_rows([row]))


def _raising(error: Exception) -> Making:
    def make() -> ClaimBatch:
        raise error

    return Making(frozenset(), make)


def test_each_making_has_its_own_answer(tmp_path: Path) -> None:
    """Settled, refused while it was made, settled before; and what is recorded is what was made."""
    with engine_on(tmp_path) as engine:
        (first,) = engine.settle_made([_making(1)])
        assert isinstance(first, Settlement)
        refusal = errors.NotFound("no visit has that id")
        again, told, known, last = engine.settle_made(
            [_making(1), _raising(refusal), replace(_making(2), make=lambda: first), _making(3)]
        )
        assert isinstance(again, Settlement)
        assert isinstance(last, Settlement)
        assert again.duplicate
        assert id_of(again) == id_of(first)
        assert told is refusal
        assert known is first
        assert 2 == engine.ledger.last_seq()
        assert engine.settle(ClaimBatch.from_rows([claim(3)]))[0] == replace(last, duplicate=True)


def test_a_making_sees_what_is_recorded_when_it_is_made(tmp_path: Path) -> None:
    """It is called inside the write, not before."""
    with engine_on(tmp_path) as engine:
        seen: list[int] = []

        def make(number: int) -> Callable[[], ClaimBatch]:
            def made() -> ClaimBatch:
                seen.append(engine.ledger.last_seq())
                return ClaimBatch.from_rows([claim(number)])

            return made

        for number in (1, 2):
            engine.settle_made([replace(_making(number), make=make(number))])
        assert {0, 1} == set(seen)


@pytest.mark.parametrize(
    "outage", [errors.LedgerUnavailable("away"), errors.InternalError("a bug")], ids=str
)
def test_an_outage_ends_the_batch(tmp_path: Path, outage: errors.SettlementError) -> None:
    """Nobody is answered, and nothing is recorded."""
    with engine_on(tmp_path) as engine:
        with pytest.raises(type(outage)):
            engine.settle_made([_making(1), _raising(outage)])
        assert 0 == _last(engine)


def _last(engine: Engine) -> int:
    return engine.ledger.last_seq()
