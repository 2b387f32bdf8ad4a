"""A visit whose lines the engine of its place of care split is settled as one engine would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration, Visit
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.ledger.records import decode_scope

from tests.engine.engines import id_of
from tests.engine.visits import (
    AREA,
    BED,
    CAESAREAN,
    DIABETES,
    FIRST,
    LIMB,
    SURGERY,
    line,
    pregnancy,
    recognition,
    register,
    visit_row,
)
from tests.service.serving import Ticking
from tests.settle.apart_books import CARE, book_of, scoped
from tests.stores import ledger_in

_ITEMS = (BED, SURGERY, DIABETES, LIMB, CAESAREAN, "009999000001000999900000100", "NOWHERE")
_REGISTRATIONS = (
    recognition(timeliness="late"),
    pregnancy(),
    Registration("device", "D-1", date(2024, 1, 1), items=(LIMB,)),
)


@contextmanager
def _engine(*areas: str) -> Iterator[Engine]:
    """Yield an engine of some areas, with what is registered about P1 at home."""
    with TemporaryDirectory() as folder:
        ledger = open_ledger(ledger_in(Path(folder)))
        try:
            engine = Engine(book_of(*areas), ledger, Ticking())
            for registration in _REGISTRATIONS:
                register(engine, registration)
            yield engine
        finally:
            ledger.close()


@pytest.fixture(name="engines", scope="module")
def _engines() -> Iterator[tuple[Engine, Engine]]:
    with _engine(AREA, CARE) as together, _engine(AREA) as at_home:
        yield together, at_home


def _stay(lines: list[dict[str, Any]], **changes: object) -> ClaimBatch:
    batch = ClaimBatch.from_rows([visit_row(*lines, care_area=CARE, **changes)])
    assert {} == batch.rejections
    return batch


@st.composite
def _stays(draw: st.DrawFn) -> ClaimBatch:
    lines = [
        line(
            number,
            draw(st.sampled_from(_ITEMS)),
            draw(st.integers(1, 900)),
            draw(st.sampled_from([None, "S82.1", "O80", "E11.9"])),
            FIRST + timedelta(draw(st.integers(0, 10))),
            approval=draw(st.sampled_from([None, "2"])),
        )
        for number in range(draw(st.integers(1, 7)))
    ]
    for first in draw(st.lists(st.sampled_from(lines), max_size=2, unique_by=id)):
        back = {"line_id": f"{first['line_id']}-", "original_line": first["line_id"]}
        back |= {"quantity_e4": -10_000, "amount_fen": -first["amount_fen"]}
        lines.append(first | back)
    return _stay(lines, delivery="1", gestation_weeks=39)


def _told(visit: Visit) -> tuple[object, ...]:
    """Return a visit without what the place of care books by."""
    return visit.routes, [
        (
            each.columns,
            [row | {"care_fund_pay_type": None} for row in each.payers],
            [*each.lines],
            each.amounts,
        )
        for each in visit.settlements
    ]


@given(batch=_stays())
def test_two_engines_settle_a_visit_as_one(
    engines: tuple[Engine, Engine], batch: ClaimBatch
) -> None:
    """Lines go to work injury, maternity and basic insurance, each split by its own ratios.

    The late application leaves some days to the employer, which is a mark of home's.
    """
    together, at_home = engines

    one = together.visits.preview(batch)
    two = at_home.visits.preview(scoped(batch))

    assert _told(one) == _told(two)


def test_each_part_is_recorded_with_its_own_split() -> None:
    """The settlement of a scheme has the charge types of its lines and can be settled again."""
    lines = [line(1, SURGERY, 800, "S82.1"), line(2, DIABETES, 40, "E11.9"), line(3, BED, 300)]
    with _engine(AREA) as engine:
        visit = engine.visits.settle(scoped(_stay(lines)))
        found = [engine.ledger.settlement(id_of(each)) for each in visit.settlements]
        splits = [decode_scope(each) for each in found if each is not None]
        again = engine.visits.settle(scoped(_stay(lines)))

    assert [("06", "01"), ("09",)] == [each.charge_types for each in splits if each is not None]
    assert [["410"], ["310"]] == [[*each.by_type] for each in splits if each is not None]
    assert (True, visit.visit) == (again.duplicate, again.visit)


def test_without_a_split_the_place_of_care_must_be_loaded() -> None:
    """Home does not route by a catalogue that it has not, nor by its own in silence."""
    with (
        _engine(AREA) as engine,
        pytest.raises(errors.ClassNotCovered, match=f"no area '{CARE}' is loaded"),
    ):
        engine.visits.preview(_stay([line(1, SURGERY, 800, "S82.1")]))


def test_a_scheme_without_a_split_refuses_the_visit() -> None:
    """Sent for basic insurance alone, the split does not say what the injury fund looks at."""
    batch = _stay([line(1, SURGERY, 800, "S82.1")])
    with (
        _engine(AREA) as engine,
        pytest.raises(errors.ClassNotCovered, match=r"sent no split of the lines .* '410'"),
    ):
        engine.visits.preview(scoped(batch, every=False))
