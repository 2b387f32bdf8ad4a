"""Whatever claims come in whatever order, what is found is what a slow look at all days finds."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of, settle
from tests.engine.suspects import BED, CT, SURGERY, UNLISTED, codes, line, may, suspect
from tests.engine.visits import SHAPES

_STAYS = {"21", "22"}


@contextmanager
def _engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, engine_on(Path(folder), SHAPES) as engine:
        yield engine


@dataclass
class _Slow:
    """The record of one area, asked day by day and item by item, without any index or window."""

    held: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, claim: dict[str, Any]) -> tuple[str, ...]:
        """Return what becomes of a claim, and hold it where it is paid."""
        own = [each for each in self.held if each["person"] == claim["person"]]
        refused, warned = [], []
        if claim["visit_type"] in _STAYS and any(
            other["visit_type"] in _STAYS and _share_days(claim, other) for other in own
        ):
            refused.append("OVERLAPPING_STAY")
        if claim["visit_type"] == "11" and any(
            other["visit_type"] in _STAYS
            and other["institution"] != claim["institution"]
            and _share_days(claim, other)
            for other in own
        ):
            warned.append("OVERLAPPING_STAY")
        if any(
            other["insurance_type"] != claim["insurance_type"]
            and f"{other['service_date']:%Y-%m}" == f"{claim['service_date']:%Y-%m}"
            for other in own
        ):
            refused.append("DOUBLE_INSURANCE")
        again = {item for other in own for item in _items(claim) & _items(other)}
        refused += ["DUPLICATE_ITEM"] if any(item == SURGERY for item, _ in again) else []
        warned += ["DUPLICATE_ITEM"] if any(item == CT for item, _ in again) else []
        refused += ["REPEATED_ITEM"] if _often(claim) else []
        if refused:
            return ("refused", refused[0])
        if any(each["item_code"] == UNLISTED for each in claim["lines"]):
            return ("refused", "INVALID_REQUEST")
        self.held.append(claim)
        return tuple(warned)


def _days(claim: dict[str, Any]) -> list[date]:
    span = (claim["service_date"] - claim["admission_date"]).days
    return [claim["admission_date"] + timedelta(days=day) for day in range(span + 1)]


def _share_days(claim: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two stays share a day that is not the last of one and the first of the other.

    Two interim settlements of one encounter are one stay.
    """
    if claim["encounter"] and (claim["institution"], claim["encounter"]) == (
        other["institution"],
        other["encounter"],
    ):
        return False
    one, two = _days(claim), _days(other)
    shared = [day for day in one if day in two]
    transfer = one[-1] == two[0] or two[-1] == one[0]
    return bool(shared) and not transfer


def _items(claim: dict[str, Any]) -> set[tuple[str, date]]:
    """Return each item and day of which more is billed than taken back."""
    keys = {(each["item_code"], each["fee_date"]) for each in claim["lines"]}
    return {
        key
        for key in keys
        if 0
        < sum(
            each["quantity_e4"]
            for each in claim["lines"]
            if (each["item_code"], each["fee_date"]) == key
        )
    }


def _often(claim: dict[str, Any]) -> bool:
    return any(
        20_000
        < sum(
            each["quantity_e4"]
            for each in claim["lines"]
            if (each["item_code"], each["fee_date"]) == (CT, day)
        )
        for day in _days(claim)
    )


@st.composite
def _claims(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return claims of two persons in one or two months, so near that they meet."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        first = draw(st.integers(-3, 8))
        last = first + draw(st.sampled_from([0, 0, 1, 3, 6]))
        lines = []
        for position in range(1, draw(st.integers(1, 3)) + 1):
            item = draw(st.sampled_from([BED] * 4 + [CT] * 3 + [SURGERY] * 2 + [UNLISTED]))
            day, units = draw(st.integers(first, last)), draw(st.sampled_from([1, 1, 2]))
            lines.append(line(item, may(day), units, position))
        if draw(st.booleans()):
            taken = lines[0] | {"line_id": "9", "original_line": "1"}
            lines.append(taken | {name: -lines[0][name] for name in ("quantity_e4", "amount_fen")})
        found.append(
            suspect(
                f"R{number}",
                may(first),
                may(last),
                *lines,
                person=draw(st.sampled_from(["P1", "P1", "P2"])),
                institution=draw(st.sampled_from(["H1", "H2"])),
                insurance_type=draw(st.sampled_from(["310"] * 4 + ["390"])),
                visit_type=draw(st.sampled_from(["21", "21", "22", "11"])),
                encounter=draw(st.sampled_from([None, None, "E1"])),
                liability="0",
            )
        )
    return found


@settings(max_examples=60)
@given(claims=_claims(), cut=st.integers(0, 6))
def test_the_checks_find_what_a_slow_look_finds(claims: list[dict[str, Any]], cut: int) -> None:
    """Claims cut into two batches, sent one by one or previewed, have the answers of the oracle."""
    slow = _Slow()
    expected = [slow.answer(claim) for claim in claims]
    with _engine() as engine:
        batches = [part for part in (claims[:cut], claims[cut:]) if part]
        in_batches = [answer for part in batches for answer in settle(engine, *part)]
    with _engine() as engine:
        shown = engine.preview(ClaimBatch.from_rows(claims))
        assert 0 == engine.ledger.last_seq()
        one_by_one = [answer for claim in claims for answer in settle(engine, claim)]

    assert expected == [codes(answer) for answer in in_batches]
    assert expected == [codes(answer) for answer in one_by_one]
    assert expected == [codes(answer) for answer in shown]
    # The id of a settlement is that of its request, so even the sentences are the same.
    assert _sentences(in_batches) == _sentences(one_by_one)


def _sentences(answers: list[Settlement | Rejection]) -> list[object]:
    return [
        answer.message if isinstance(answer, Rejection) else answer.warnings for answer in answers
    ]


@settings(max_examples=25)
@given(claims=_claims())
def test_a_cancel_frees_whatever_was_found(claims: list[dict[str, Any]]) -> None:
    """With all that was paid taken back, each claim alone is answered as in an empty ledger."""
    with _engine() as engine:
        for answer in settle(engine, *claims):
            if isinstance(answer, Settlement):
                institution = str(answer.columns["institution"])
                engine.cancel(institution, f"C{answer.columns['request_id']}", id_of(answer))
        for claim in claims:
            (answer,) = settle(engine, claim | {"request_id": f"N{claim['request_id']}"})
            assert _Slow().answer(claim) == codes(answer)
            if isinstance(answer, Settlement):
                engine.cancel(claim["institution"], f"CN{claim['request_id']}", id_of(answer))


@settings(max_examples=25)
@given(claims=_claims())
def test_of_two_stays_the_first_come_is_paid(claims: list[dict[str, Any]]) -> None:
    """Overlap knows no order: whichever of two stays comes first, the other one is refused."""
    stays = [claim | {"lines": [line(BED, claim["service_date"])]} for claim in claims]
    stays = [claim | {"visit_type": "21", "insurance_type": "310"} for claim in stays]
    for one, two in list(combinations(stays, 2))[:3]:
        with _engine() as engine:
            forth = [codes(answer) for answer in settle(engine, one, two)]
        with _engine() as engine:
            back = [codes(answer) for answer in settle(engine, two, one)]

        assert forth == back
        assert () == forth[0]


def test_a_claim_that_is_not_settled_accuses_nobody(tmp_path: Path) -> None:
    """An unlisted item refuses the first stay; the second is paid, and the third is refused by it.

    The first attempt took the first stay for settled, refused the second by it and let the third
    pass.
    """
    rows = [
        suspect("R1", may(1), may(5), line(UNLISTED, may(5))),
        suspect("R2", may(4), may(9)),
        suspect("R3", may(8), may(12)),
        suspect("R4", may(4), may(9), person="P2"),
    ]
    expected: list[tuple[str, ...]] = [
        ("refused", "INVALID_REQUEST"),
        (),
        ("refused", "OVERLAPPING_STAY"),
        (),
    ]
    with engine_on(tmp_path, SHAPES) as engine:
        assert expected == [codes(answer) for answer in settle(engine, *rows)]


def test_parts_of_a_batch_see_one_another(tmp_path: Path) -> None:
    """A claim that waits for another of its number is compared with what was settled before it."""
    rows = [
        suspect("R1", may(1), may(5), line(UNLISTED, may(5)), institution_settlement="N1"),
        suspect("R2", may(8), may(12)),
        suspect("R3", may(1), may(5), institution_settlement="N1"),
        suspect("R4", may(4), may(9)),
    ]
    with engine_on(tmp_path, SHAPES) as engine:
        answers = settle(engine, *rows)

    assert [
        ("refused", "INVALID_REQUEST"),
        (),
        (),
        ("refused", "OVERLAPPING_STAY"),
    ] == [codes(answer) for answer in answers]


@pytest.mark.slow
def test_a_long_history_is_read_from_the_first_day_on(tmp_path: Path) -> None:
    """Of a person with two hundred stays, the one that meets the claim is found."""
    with engine_on(tmp_path, SHAPES) as engine:
        first = date(2024, 1, 1)
        stays = [first + timedelta(days=2 * number) for number in range(170)]
        rows = [suspect(f"S{number}", day, day) for number, day in enumerate(stays)]
        assert {()} == {codes(answer) for answer in settle(engine, *rows)}

        late = suspect("R1", stays[100] - timedelta(days=1), stays[100] + timedelta(days=1))
        assert ("refused", "OVERLAPPING_STAY") == codes(settle(engine, late)[0])
