"""What makes a split one of the lines of a claim: every fault, a step either side of its bound."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from medsettle import limits
from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome
from medsettle.core.scopes import CareScope, Scope, scope_faults, scope_of
from medsettle.errors import InvalidRequest

from tests.service.claims import AREA, claim, line

_CARE = "999981"
_DIGEST = "0" * limits.CATALOGUE_DIGEST_CHARS_MAX
# Own expense, over limit, first-self-pay, in scope; the second line takes back a part of the first.
_PARTS = ((0, 0), (400, -200), (60, -30), (540, -270))


def _back(number: str = "2", fen: int = -500, units_e4: int = -5_000) -> dict[str, object]:
    """Return a line that takes back a part of the first."""
    row = line(1_000, line_id=number) | {"original_line": "1"}
    return row | {"quantity_e4": units_e4, "amount_fen": fen}


def _claim(*lines: dict[str, object], **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    lines = lines or (line(1_000), _back())
    batch = ClaimBatch.from_rows([claim(1, lines=[*lines], care_area=_CARE, **changes)])
    assert {} == batch.rejections
    return batch.rows[0]


def _scope(
    parts: Sequence[Sequence[int]] = _PARTS, item_class: Sequence[int] | None = None
) -> Scope:
    count = len(parts[0])
    return scope_of("310", parts, item_class or [2] * count, [False] * count)


def _care(scope: Scope | None = None, **changes: Any) -> CareScope:  # noqa: ANN401
    scope = scope or _scope()
    count = len(scope.item_class)
    facts = {
        "care_area": _CARE,
        "catalogue_digest": _DIGEST,
        "charge_types": ("09",) * count,
        "by_type": {"310": scope},
    }
    return CareScope(**(facts | changes))


def _with(part: int, at: int, fen: int, scope: Scope | None = None) -> Scope:
    """Return a split with one part changed, and so much less in the last one."""
    parts = (scope or _scope()).parts.copy()
    parts[part, at] += fen
    parts[3, at] -= fen
    return Scope(parts, np.full(parts.shape[1], 2, np.int8), np.zeros(parts.shape[1], np.bool_))


def _paths(care: CareScope, row: dict[str, Any] | None = None) -> list[str]:
    return [fault.path for fault in scope_faults(row or _claim(), care)]


def test_a_split_of_the_lines_has_no_fault() -> None:
    """The four parts of each line add up to it, and the second leaves something of the first."""
    assert [] == scope_faults(_claim(), _care())


def test_a_claim_without_lines_has_a_split_without_lines() -> None:
    """Payouts alone have no bill; the split of nothing is empty."""
    row = claim(1, lines=[], care_area=_CARE)

    assert [] == scope_faults(ClaimBatch.from_rows([row]).rows[0], _care(_scope([()] * 4)))


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("at", range(2))
@pytest.mark.parametrize("fen", [-1, 1])
def test_a_part_that_was_changed_by_a_fen_is_refused(part: int, at: int, fen: int) -> None:
    """Whoever tampers with one number is found out, whichever it is; zero less one is below it."""
    parts = _scope().parts.copy()
    parts[part, at] += fen
    scope = Scope(parts, np.full(2, 2, np.int8), np.zeros(2, np.bool_))
    column = f"{codes.POT_NAMES[part]}_fen" if parts[part, at] < 0 and at == 0 else "in_scope_fen"

    assert [f"scopes[310].{column}[{at}]"] == _paths(_care(scope))


def test_no_part_of_a_positive_line_is_below_zero() -> None:
    """A fen moved from what is nothing to the scope adds up, and is no split all the same."""
    assert ["scopes[310].own_expense_fen[0]"] == _paths(_care(_with(0, 0, -1)))
    # Taking back all of what is left there is possible, and a fen more is not.
    assert [] == _paths(_care(_with(1, 1, -200)))
    assert ["scopes[310].over_limit_fen[1]"] == _paths(_care(_with(1, 1, -201)))


def test_a_part_of_a_negative_line_may_be_positive_while_something_is_left() -> None:
    """What is over a ceiling goes by units, and amounts may differ from price times quantity.

    So a return may take back more of what was over the ceiling than it is itself, and there is more
    in scope after it than before.
    """
    row = _claim(line(1_000), _back("2", -400, -4_000))
    parts = ((0, 0), (800, -500), (0, 0), (200, 100))

    assert [] == _paths(_care(_scope(parts)), row)


def test_what_is_left_is_asked_after_each_negative_line() -> None:
    """Two lines that take back the same part are each possible alone."""
    row = _claim(line(1_000), _back("2", -400, -4_000), _back("3", -400, -4_000))
    parts = ((0, 0, 0), (600, -400, 0), (0, 0, 0), (400, 0, -400))
    twice = ((0, 0, 0), (600, -400, -400), (0, 0, 0), (400, 0, 0))

    assert [] == _paths(_care(_scope(parts)), row)
    assert ["scopes[310].over_limit_fen[2]"] == _paths(_care(_scope(twice)), row)


def test_amounts_beyond_any_line_are_refused_before_they_are_added_up() -> None:
    """The largest int64 would wrap a sum around to what it ought to be."""
    most = limits.LINE_AMOUNT_FEN_MAX
    units = {"quantity_e4": 100 * 10_000, "unit_price_e6": most * 100}
    largest = _claim(line(most) | units)

    assert [] == _paths(_care(_scope(((0,), (0,), (0,), (most,)))), largest)
    for fen in (most + 1, limits.INT64_MAX, -limits.INT64_MAX - 1, -most - 1):
        assert ["scopes[310].over_limit_fen[0]"] == _paths(
            _care(_scope(((0,), (fen,), (0,), (most,)))), largest
        )


@pytest.mark.parametrize("number", [0, 4, -1, 259, 2**31 - 1, -(2**31)])
def test_item_classes_are_one_to_three(number: int) -> None:
    """Even a number that the smallest integers wrap around to a class."""
    assert [] == _paths(_care(_scope(item_class=[1, 3])))
    assert ["scopes[310].item_class[1]"] == _paths(_care(_scope(item_class=[1, number])))


@pytest.mark.parametrize("count", [1, 3])
def test_counts_are_those_of_the_claim(count: int) -> None:
    """One value less or more for every line is told by the split, not by a line."""
    parts = [[*own, 0][:count] for own in _PARTS]

    assert ["scopes[310]"] == _paths(_care(_scope(parts), charge_types=("09", "")))
    assert ["charge_types"] == _paths(_care(charge_types=("09",) * count))
    classes = Scope(_scope().parts, np.zeros(count, np.int8), np.zeros(2, np.bool_))
    assert ["scopes[310]"] == _paths(_care(by_type={"310": classes}))


def test_lists_of_one_split_have_one_length() -> None:
    """Four lists that differ are no split of anything, so none is made."""
    assert (4, 0) == scope_of("310", [(), (), (), ()], (), ()).parts.shape
    with pytest.raises(InvalidRequest) as caught:
        scope_of("310", [(1,), (1, 2), (1,), (1,)], (1,), ())

    assert ["scopes[310].over_limit_fen", "scopes[310].outside"] == [
        fault.path for fault in caught.value.faults
    ]


@pytest.mark.parametrize(
    ("digest", "paths"),
    [
        ("", ["catalogue_digest"]),
        ("a", []),
        ("a" * limits.CATALOGUE_DIGEST_CHARS_MAX, []),
        ("a" * (limits.CATALOGUE_DIGEST_CHARS_MAX + 1), ["catalogue_digest"]),
        ("a b", ["catalogue_digest"]),
    ],
)
def test_the_catalogue_is_named(digest: str, paths: list[str]) -> None:
    """A digest has 1 to 64 characters."""
    assert paths == _paths(_care(catalogue_digest=digest))


@pytest.mark.parametrize(
    ("charge_type", "paths"),
    [("", []), ("a" * limits.CODE_CHARS_MAX, []), ("a" * 51, ["charge_types[1]"])],
)
def test_charge_types_are_codes(charge_type: str, paths: list[str]) -> None:
    """An item that is not listed has none."""
    assert paths == _paths(_care(charge_types=("09", charge_type)))


def test_number_and_names_of_splits() -> None:
    """One split at least, each of an insurance type of the nation, and no more than a bound."""
    every = dict.fromkeys(codes.INSURANCE_TYPES, _scope())
    more = {str(number): _scope() for number in range(limits.SCOPES_PER_CLAIM_MAX + 1)}

    assert len(every) <= limits.SCOPES_PER_CLAIM_MAX
    assert [] == _paths(_care(by_type=every))
    assert ["scopes"] == _paths(_care(by_type={}))
    assert ["scopes"] == _paths(_care(by_type=more))
    assert ["scopes[999]"] == _paths(_care(by_type={"310": _scope(), "999": _scope()}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling_area": _CARE}, "its own catalogue splits the lines"),
        ({"care_area": "999982"}, "but the claim states 999982"),
        ({"care_area": None}, "but the claim states none"),
    ],
)
def test_whose_split_it_is(changes: dict[str, Any], message: str) -> None:
    """It is one of the place of care that the claim states, and never one of home."""
    (fault,) = scope_faults(_claim() | changes, _care())

    assert "care_area" == fault.path
    assert message in fault.message


def test_faults_end_where_nobody_reads_on() -> None:
    """All of one split are told, and the splits behind it are left alone."""
    lines = [line(1_000, line_id=str(number)) for number in range(limits.FAULTS_PER_CLAIM_MAX + 1)]
    row = _claim(*lines)
    wrong = _scope([(0,) * len(lines)] * 4)
    care = _care(wrong, by_type={"310": wrong, "390": wrong})

    assert len(lines) == len(scope_faults(row, care))
    (rejection,) = ClaimBatch.from_rows([row]).scoped({0: care}).rejections.values()
    assert limits.FAULTS_PER_CLAIM_MAX == len(rejection.faults)


def _batch() -> ClaimBatch:
    rows = [
        claim(number, lines=[line(1_000) | {"earmark": f"m{number}"}, _back()], care_area=_CARE)
        for number in range(3)
    ]
    return ClaimBatch.from_rows(rows)


def test_a_claim_with_a_faulty_split_has_no_lines() -> None:
    """It is rejected as any faulty one; the lines of the others close up."""
    batch, wrong = _batch(), _care(_with(0, 0, -1))
    scoped = batch.scoped({0: _care(), 1: wrong, 2: _care()})

    assert [(1, Outcome.INVALID_REQUEST)] == [
        (row, each.outcome) for row, each in scoped.rejections.items()
    ]
    assert [0, 2] == [*scoped.scopes]
    assert [0, 0, 2, 2] == scoped.line_claim.tolist()
    assert [-1, 0, -1, 2] == scoped.original.tolist()
    assert {0: "m0", 2: "m2"} == scoped.earmarks
    assert [1_000, -500, 1_000, -500] == scoped.amount_fen.tolist()
    assert ["A1"] * 4 == [*scoped.line_item]
    assert {} == batch.rejections
    assert {} == batch.scopes


def test_what_is_faulty_already_is_not_asked_for_its_split() -> None:
    """The lines of such a claim are nowhere, so its faults of form stand alone."""
    batch = ClaimBatch.from_rows([claim(1, person="", care_area=_CARE)])
    scoped = batch.scoped({0: _care()})

    assert batch.rejections == scoped.rejections
    assert {} == scoped.scopes


def test_some_lines_of_a_visit() -> None:
    """Parts, classes, charge types and what is outside are those of the lines chosen."""
    care = _care(charge_types=("09", "01")).chosen([1])

    assert (("01",), [-200]) == (care.charge_types, care.by_type["310"].parts[1].tolist())
    assert _CARE == care.care_area
    assert AREA != care.care_area
