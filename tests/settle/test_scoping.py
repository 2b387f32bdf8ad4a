"""The care side: lines split for claims whose benefits another engine decides."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Outcome, Rejection
from medsettle.settle.item_use import no_values
from medsettle.settle.prepare import Preparer
from medsettle.settle.scoping import ALL_TYPES, Scoped, scoped_claims

from tests.service.claims import claim, line
from tests.settle.apart_books import CARE, book_of, care_split

_HOME = "999911"
_STRIPS = "C9903000000000000001"
_REFUSES = "999909"


def _batch(*rows: dict[str, Any]) -> ClaimBatch:
    batch = ClaimBatch.from_rows(rows)
    assert {} == batch.rejections
    return batch


def _claim(number: int, *lines: dict[str, Any], **changes: object) -> dict[str, Any]:
    facts: dict[str, Any] = {"pooling_area": "999999", "care_area": CARE, "visit_type": "21"}
    return claim(number, lines=[*lines] or [line(10_000)], **(facts | changes))


def _strips(units: int, number: str = "1", day: int = 1) -> dict[str, Any]:
    """Return a line of test strips, of which six a month are covered."""
    row = line(100 * units, item_code=_STRIPS, line_id=number)
    measures = {"quantity_e4": units * 10_000, "unit_price_e6": 1_000_000}
    return row | measures | {"fee_date": date(2024, 5, day)}


def _rejection(row: dict[str, Any], care: str = CARE) -> Rejection:
    (found,) = scoped_claims(book_of(care), _batch(row), [0], no_values).values()
    assert isinstance(found, Rejection), found
    return found


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"care_area": "888888"}, "care_area", "888888"),
        ({"institution_level": "99"}, "institution_level", "99"),
        ({"insurance_type": "340"}, "insurance_type", "340"),
    ],
)
def test_what_cannot_be_split_is_refused_as_at_home(
    changes: dict[str, Any], column: str, code: str
) -> None:
    """The same sentences, but that the area is named where home names its policy."""
    refused = _rejection(_claim(1, **changes))
    assert (Outcome.CLASS_NOT_COVERED, column, code) == (
        refused.outcome,
        refused.metadata["column"],
        refused.metadata["code"],
    )
    if column == "insurance_type":
        return
    batch = _batch(_claim(1, pooling_area=_HOME, **changes))
    (at_home,) = Preparer(book_of(_HOME, CARE)).prepare(batch, [0]).rejections.values()
    assert at_home.message.replace("policy 'shapes-catalogue-limits'", f"area '{CARE}'") == (
        refused.message
    )


def test_unlisted_items_are_refused_where_the_area_refuses_them() -> None:
    """All such lines of a claim are named, and nothing of it is split or used up."""
    lines = [line(100, item_code="NOWHERE", line_id=number) for number in "ab"]
    refused = _rejection(_claim(1, *lines, care_area=_REFUSES), _REFUSES)

    assert (Outcome.INVALID_REQUEST, ["lines[0].item_code", "lines[1].item_code"]) == (
        refused.outcome,
        [fault.path for fault in refused.faults],
    )


def test_types_without_ratios_of_their_own_have_those_of_another() -> None:
    """`pre_self_pay_as` counts for the claim's own type, and for every type of a visit."""
    row = _claim(1, line(10_000, item_code="009906000001000990600000100"), insurance_type="510")
    (own,) = care_split(_batch(row), every=False).values()
    (every,) = care_split(_batch(row)).values()

    assert ["510"] == [*own.scope.by_type]
    assert {"310": 1_000, "390": 1_000, "410": 0, "510": 1_000} == {
        name: int(each.parts[2, 0]) for name, each in every.scope.by_type.items()
    }


def test_populations_are_those_of_each_insurance_type() -> None:
    """Civil servants have 5 % as employees; the ratio of another type is not theirs."""
    row = _claim(
        1,
        line(10_000, item_code="009906000001000990600000100"),
        benefit_groups=["civil_servant"],
        insurance_type="390",
    )
    (found,) = care_split(_batch(row)).values()

    assert [500, 1_000] == [int(found.scope.by_type[name].parts[2, 0]) for name in ("310", "390")]


def test_what_is_outside_is_asked_by_type() -> None:
    """An item that nobody lists is outside for all; one of 100 % for whom it says so."""
    lines = [line(100, item_code="NOWHERE", line_id="a")]
    lines.append(line(100, item_code="009999000001000999900000100", line_id="b"))
    (found,) = care_split(_batch(_claim(1, *lines))).values()

    assert ("", "14") == found.scope.charge_types
    assert {"310": [True, True], "410": [True, False]} == {
        name: found.scope.by_type[name].outside.tolist() for name in ("310", "410")
    }


def test_limited_items_are_used_up_once_and_in_order() -> None:
    """Six a month: four of the first claim, two of the second; each type has what is left."""
    batch = _batch(
        _claim(1, _strips(4), person="P"), _claim(2, _strips(4), person="P"), _claim(3, _strips(7))
    )
    found = care_split(batch)
    key = CounterKey("999999", "P", f"item.{_STRIPS}.month", 202405)

    assert [((key, 40_000),), ((key, 20_000),)] == [found[row].used for row in range(2)]
    assert [60_000] == [units for _, units in found[2].used]
    for each in found[1].scope.by_type.values():
        assert 200 == each.parts[0, 0]


def test_what_was_used_before_is_read() -> None:
    """The counter is that of the person in the pooling area, kept by the place of care."""

    def counters(keys: Sequence[CounterKey]) -> Mapping[CounterKey, int]:
        return dict.fromkeys(keys, 50_000)

    (found,) = scoped_claims(
        book_of(CARE), _batch(_claim(1, _strips(4))), [0], counters, ALL_TYPES
    ).values()

    assert isinstance(found, Scoped)
    assert [10_000] == [units for _, units in found.used]
    assert [300, 0, 5, 95] == found.scope.by_type["310"].parts[:, 0].tolist()


def test_claims_of_several_places_in_one_batch() -> None:
    """Each is split by its own catalogue, in whatever order they stand; one refused is apart."""
    item = "009902000001000990200000100"
    rows = [
        _claim(number, line(100, item_code=item), care_area=care, insurance_type=own)
        for number, (care, own) in enumerate(
            [(CARE, "310"), (_REFUSES, "390"), ("888888", "310"), (CARE, "390")]
        )
    ]
    found = scoped_claims(book_of(CARE, _REFUSES), _batch(*rows), [0, 1, 2, 3], no_values)

    assert [0, 1, 2, 3] == [*found]
    assert isinstance(found[2], Rejection)
    assert [(CARE, ["310"]), (_REFUSES, ["390"]), (CARE, ["390"])] == [
        (each.scope.care_area, [*each.scope.by_type])
        for each in found.values()
        if isinstance(each, Scoped)
    ]
    digests = {area: book_of(area).catalogues[area].digest for area in (CARE, _REFUSES)}
    assert {*digests.values()} == {
        each.scope.catalogue_digest for each in found.values() if isinstance(each, Scoped)
    }
