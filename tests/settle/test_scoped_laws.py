"""Two engines, one of each area, settle as one engine does that has both areas loaded."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from medsettle.core.claims import ClaimBatch
from medsettle.settle.item_use import no_values
from medsettle.settle.run import Settled, Settler

from tests.service.claims import claim
from tests.settle.apart_books import CARE, assert_same, book_of, care_split, scoped

_HOME = "999911"
_ITEMS = (
    "009902000001000990200000100",
    "XY01AAA001A001010100001",
    "009906000001000990600000100",
    "C9901000000000000001",
    "009903000001000990300000100",
    "009901000001000990100000100",
)
_ONLY_THERE = ("009999000001000999900000100", "C9903000000000000001")
_NOT_THERE = ("009905000001000990500000100", "NOWHERE")
_ROUNDING = "999912"
_THERE = ("XY01AAA001A001010100001", "009903000001000990300000100", "C9905000000000000001")
_PRICES_E6 = (1, 16_670_000, 41_700, 50_000_000, 50_010_000, 1_000_000_000, 1_000_000_001)
_FIRST = date(2024, 5, 1)


@st.composite
def _lines(
    draw: st.DrawFn, items: tuple[str, ...], marks: tuple[str | None, ...]
) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 6))):
        units, price = draw(st.integers(1, 12)), draw(st.sampled_from(_PRICES_E6))
        off = draw(st.integers(-1, 1))
        lines.append(
            {
                "line_id": str(number),
                "item_code": draw(st.sampled_from(items)),
                "fee_date": _FIRST + timedelta(draw(st.integers(0, 4))),
                "quantity_e4": units * 10_000,
                "unit_price_e6": price,
                "amount_fen": max(price * units // 10_000 + off, 0),
                "approval": draw(st.sampled_from([None, "0", "1", "2"])),
                "earmark": draw(st.sampled_from(marks)),
            }
        )
    for first in draw(st.lists(st.sampled_from(lines), max_size=3, unique_by=id)):
        # Taken back in two parts, of which the second leaves nothing or something.
        half = first["quantity_e4"] // 20_000 * 10_000
        taken = first["unit_price_e6"] * half // 10**8
        if 0 < half and 0 <= taken <= first["amount_fen"]:
            back = {"original_line": first["line_id"], "earmark": None}
            part = {"quantity_e4": -half, "amount_fen": -taken, "line_id": f"{first['line_id']}-a"}
            lines.append(first | back | part)
            left, fen = first["quantity_e4"] - half, first["amount_fen"] - taken
            near = abs(first["unit_price_e6"] * left // 10**8 - fen) <= 1
            if near and draw(st.booleans()):
                rest = {"quantity_e4": -left, "amount_fen": -fen}
                lines.append(first | back | rest | {"line_id": f"{first['line_id']}-b"})
    return lines


@st.composite
def _batches(
    draw: st.DrawFn,
    care: str = CARE,
    items: tuple[str, ...] = (*_ITEMS, *_ONLY_THERE, *_NOT_THERE),
    marks: tuple[str | None, ...] = (None, None, "injury"),
) -> ClaimBatch:
    rows = []
    for number in range(draw(st.integers(1, 4))):
        there = draw(st.booleans())
        # Each engine counts what it splits, so whoever is limited is treated in one area.
        person = f"{'A' if there else 'H'}{draw(st.integers(0, 1))}"
        rows.append(
            claim(
                number,
                pooling_area=_HOME,
                person=person,
                visit_type="21",
                service_date=_FIRST + timedelta(4),
                institution_level=draw(st.sampled_from(["02", "05", "08"])),
                birth_date=draw(st.sampled_from([date(1980, 1, 1), date(2019, 1, 1)])),
                benefit_groups=draw(st.sampled_from([[], ["civil_servant"]])),
                care_area=care if there else None,
                lines=draw(_lines(items if there else _ITEMS, marks)),
            )
        )
    batch = ClaimBatch.from_rows(rows)
    assert {} == batch.rejections
    return batch


@given(_batches())
def test_two_engines_settle_as_one(batch: ClaimBatch) -> None:
    """Marks, pots of home, negative lines, restricted, unlisted and limited items among them."""
    _assert_settled_as_one(batch, CARE)


@given(_batches(_ROUNDING, _THERE, (None,)))
def test_a_rounding_once_a_settlement_is_that_of_the_place_of_care(batch: ClaimBatch) -> None:
    """Where first-self-pay is of the full price and rounded once, the split carries the fen."""
    _assert_settled_as_one(batch, _ROUNDING)


@given(_batches())
def test_machine_code_takes_splits_too(batch: ClaimBatch) -> None:
    """Whoever serves adds up by loops that ask how memory is laid out."""
    from medsettle.settle import native_lines  # noqa: PLC0415 - from here on it is loaded

    assert native_lines
    _assert_settled_as_one(batch, CARE)


def _assert_settled_as_one(batch: ClaimBatch, care: str) -> None:
    rows = range(len(batch))
    together = Settler(book_of(_HOME, care)).run(batch, rows, no_values, refuse_gaps=True)

    splits = care_split(batch, care)
    at_home = scoped(batch, care)
    assert {} == at_home.rejections
    apart = Settler(book_of(_HOME)).run(at_home, rows, no_values, refuse_gaps=True)

    for row in rows:
        one, two = together[row], apart[row]
        assert isinstance(one, Settled), one
        assert isinstance(two, Settled), two
        assert_same(one, two, splits[row].used if row in splits else ())
        own = {each["care_fund_pay_type"] for each in two.settlement.payers}
        assert own == ({"910100"} if row in splits else {None})


@given(_batches())
def test_the_split_of_a_type_is_the_same_alone(batch: ClaimBatch) -> None:
    """Asked for every insurance type, a catalogue says of each what it says of it alone."""
    alone, every = care_split(batch, every=False), care_split(batch)

    for row, found in alone.items():
        (name,) = found.scope.by_type
        own, other = found.scope.by_type[name], every[row].scope.by_type[name]
        assert own.parts.tolist() == other.parts.tolist()
        assert own.item_class.tolist() == other.item_class.tolist()
        assert own.outside.tolist() == other.outside.tolist()
        assert found.used == every[row].used
        assert found.scope.charge_types == every[row].scope.charge_types
        assert {"310", "390", "410", "510"} == {*every[row].scope.by_type}
