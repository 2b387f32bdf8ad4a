"""Examples that take back an earlier visit: what may be taken back, and what is said otherwise."""

from pathlib import Path

import pytest
from medsettle.policy.examples import Example, read_examples

_VISIT = """      - service_date: 2024-03-01
        visit_type: 21
        insurance_type: 390
        person_type: 1501
        institution_level: "02"
        birth_date: 1980-01-01
        lines: [{item: A, amount: 10元}]
        expect: {cash: 10元}
"""
_PREVIEW = _VISIT.replace("        expect", "        preview: yes\n        expect")
_FILE = """format: 1
policy: any
pooling_area: 999900
examples:
  - example: cancels
    kind: derived
    source: invented
    confidence: invented
    visits:
"""


def _cancel(what: str, expect: str = "{cash: -10元}") -> str:
    return f"      - {{cancels: {what}, expect: {expect}}}\n"


def _read(folder: Path, *visits: str) -> tuple[list[Example], list[tuple[int, str]]]:
    path = folder / "any.examples.yaml"
    path.write_text(_FILE + "".join(visits), encoding="utf-8")
    examples, violations = read_examples(path)
    return examples, [(each.line, each.message) for each in violations]


def test_a_cancel_carries_the_claim_it_takes_back(tmp_path: Path) -> None:
    """It is a visit with a number of its own, negative amounts, and the claim of the other."""
    (example,), faults = _read(tmp_path, _VISIT, _VISIT, _cancel("2"), _VISIT, _cancel("1"))

    assert [] == faults
    assert [None, None, 2, None, 1] == [visit.cancels for visit in example.visits]
    assert example.visits[1].claim == example.visits[2].claim
    assert {"cash": -1000} == example.visits[2].expect
    assert "VISIT-4" == example.visits[3].claim["request_id"]


def test_a_cancel_may_be_written_in_chinese(tmp_path: Path) -> None:
    """The word has an alias as every other."""
    (example,), faults = _read(tmp_path, _VISIT, _cancel("1").replace("cancels", "撤销"))

    assert ([], 1) == (faults, example.visits[1].cancels)


@pytest.mark.parametrize(
    ("visits", "message"),
    [
        pytest.param(
            [_VISIT, _cancel("9")], "visit 9 does not stand before this one", id="unknown"
        ),
        pytest.param([_VISIT, _cancel("2")], "visit 2 does not stand before", id="itself"),
        pytest.param(
            [_VISIT, _cancel("3"), _VISIT],
            "visit 3 does not stand before this one, which is visit 2; name one above",
            id="a-later-one",
        ),
        pytest.param([_cancel("1")], "visit 1 does not stand before", id="nothing-before"),
        pytest.param(
            [_VISIT, _cancel("1"), _cancel("1")],
            "visit 1 is taken back by visit 2 already; delete one of the two",
            id="twice",
        ),
        pytest.param([_VISIT, _cancel("1"), _cancel("2")], "visit 2 is a cancel itself", id="it"),
        pytest.param([_PREVIEW, _cancel("1")], "visit 1 is only previewed", id="a-preview"),
        pytest.param([_VISIT, _cancel("0")], "'0' is not the number of a thing", id="from-one"),
        pytest.param([_VISIT, _cancel("first")], "'first' is not the number", id="a-word"),
        pytest.param([_VISIT, _cancel("-1")], "'-1' is not the number", id="negative"),
        pytest.param([_VISIT, _cancel("1次")], "'1次' is not the number", id="a-count"),
        pytest.param([_VISIT, _cancel("1", "{cash: -10}")], "has no unit", id="no-unit"),
        pytest.param([_VISIT, _cancel("1", "{}")], "nothing stands here", id="nothing-expected"),
        pytest.param(
            [_VISIT, "      - {cancels: 1}\n"],
            "'expect' (negative amounts that come out, by name) is missing",
            id="expects-nothing",
        ),
        pytest.param(
            [_VISIT, "      - {cancels: 1, expect: {cash: -10元}, lines: []}\n"],
            "'lines'",
            id="a-bill-of-its-own",
        ),
    ],
)
def test_what_cannot_be_taken_back_is_told(tmp_path: Path, visits: list[str], message: str) -> None:
    """One message for each fault, on the line of the cancel that has it."""
    _, faults = _read(tmp_path, *visits)
    lines = (_FILE + "".join(visits)).splitlines()
    last = max(number for number, line in enumerate(lines, 1) if "cancels" in line)

    assert [last] == [line for line, _ in faults]
    assert message in faults[0][1]
