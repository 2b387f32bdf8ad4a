"""A cancel takes back exactly what a settlement moved, once, and edits nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.core import codes
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import acts, counters, engine_on, id_of, settled, stay
from tests.service.claims import AREA, INSTITUTION, claim, line

pytestmark = pytest.mark.both_stores


def _open_account(engine: Engine, person: str = "P1") -> None:
    brought = (("310.admissions", 2024, 1),)
    engine.open_person(Opening(INSTITUTION, f"O-{person}", AREA, person, 30_000, brought))


def test_a_cancel_is_a_negative_linked_record(engine: Engine) -> None:
    """Every amount is the negative of the original's, the facts are its facts."""
    _open_account(engine)
    lines = [line(400_000), line(100_050, item_code="B1", line_id="2")]
    original = settled(engine, stay(1, lines=lines, institution_settlement="N1"))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

    own = {"seq", "settlement", "kind", "original", "request_id", "create_time"}
    own |= {"account_balance_fen"}
    expected = {
        name: -value if isinstance(value, int) else value
        for name, value in original.columns.items()
        if name not in own
    }
    assert expected == {name: cancel.columns[name] for name in expected}
    assert ("cancel", id_of(original), "X1", 3, 30_000) == tuple(
        cancel.columns[name]
        for name in ("kind", "original", "request_id", "seq", "account_balance_fen")
    )
    assert {name: -fen for name, fen in original.amounts.items()} == cancel.amounts
    assert [_fen(row) for row in original.payers] == [_negative(row) for row in cancel.payers]
    assert [_fen(row) for row in original.lines] == [_negative(row) for row in cancel.lines]


def _fen(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"seq", "settlement"}}


def _negative(row: dict[str, object]) -> dict[str, object]:
    return {
        name: -value if name.endswith("_fen") and isinstance(value, int) else value
        for name, value in _fen(row).items()
    }


def test_a_cancel_restores_every_counter_and_the_account(engine: Engine) -> None:
    """After a settlement and its cancel a person stands where they stood before."""
    _open_account(engine)
    before = counters(engine, "P1")
    original = settled(engine, stay(1))
    moved = counters(engine, "P1")
    engine.cancel(INSTITUTION, "X1", id_of(original))

    assert {"account": 30_000, "310.admissions 2024": 1} == before
    assert {"310.admissions 2024": 2, "310.scope_inside 2024": 500_000} == moved
    assert before == counters(engine, "P1")


def test_a_cancel_is_found_again(engine: Engine) -> None:
    """A cancel is recorded like a settlement, and the original stays as it was."""
    original = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

    assert [original, cancel] == engine.page(person="P1")
    assert cancel == engine.get(id_of(cancel))
    notice = f"cancelled since by {id_of(cancel)}: nothing of this settlement is owed"
    assert replace(original, notices=(notice,)) == engine.get(id_of(original))


def test_a_repeat_after_the_cancel_says_so(engine: Engine) -> None:
    """A till that sends the request again is not told that the bill is settled."""
    original = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

    repeated = settled(engine, claim(1))

    notice = f"cancelled since by {id_of(cancel)}: nothing of this settlement is owed"
    assert replace(original, duplicate=True, notices=(notice,)) == repeated


def test_a_second_cancel_is_refused(engine: Engine) -> None:
    """Another request to cancel the same settlement is told which one did it."""
    original = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

    with pytest.raises(errors.AlreadyCancelled) as refused:
        engine.cancel(INSTITUTION, "X2", id_of(original))
    assert {"settlement": id_of(original), "cancelled_by": id_of(cancel)} == refused.value.metadata
    assert 2 == acts(engine)


def test_a_repeated_cancel_gets_the_recorded_answer(tmp_path: Path) -> None:
    """The same cancel again is answered from the record, after a restart too."""
    with engine_on(tmp_path) as engine:
        original = settled(engine, claim(1))
        cancel = engine.cancel(INSTITUTION, "X1", id_of(original))

        assert replace(cancel, duplicate=True) == engine.cancel(INSTITUTION, "X1", id_of(original))
    with engine_on(tmp_path) as engine:
        again = engine.cancel(INSTITUTION, "X1", id_of(original))

        assert (replace(cancel, duplicate=True), {}) == (again, counters(engine, "P1"))


def test_a_used_request_id_cancels_nothing_else(engine: Engine) -> None:
    """The id of one cancel does not cancel another settlement."""
    first, second = (settled(engine, claim(number)) for number in (1, 2))
    engine.cancel(INSTITUTION, "X1", id_of(first))

    with pytest.raises(errors.RequestIdReused):
        engine.cancel(INSTITUTION, "X1", id_of(second))


def test_only_a_settlement_of_the_institution_is_cancelled(engine: Engine) -> None:
    """A cancel, an opening, an unknown id and another institution's settlement are not found."""
    _open_account(engine)
    opening = engine.ledger.page(after_seq=0, limit=1)[0].settlement
    original = settled(engine, claim(1))
    cancelled = settled(engine, claim(2))
    cancel = engine.cancel(INSTITUTION, "X2", id_of(cancelled))
    last = acts(engine)

    asked = (
        (INSTITUTION, id_of(cancel)),
        (INSTITUTION, opening),
        (INSTITUTION, "999900ffffffffffffffffffff"),
        (INSTITUTION, ""),
        ("H2", id_of(original)),
        ("H2", id_of(cancelled)),
    )
    for number, (institution, settlement) in enumerate(asked, 10):
        with pytest.raises(errors.NotFound):
            engine.cancel(institution, f"X{number}", settlement)
    assert last == acts(engine)


@pytest.mark.parametrize(
    ("institution", "request_id", "paths"),
    [
        pytest.param("H1", "", ["request_id"], id="no-id"),
        pytest.param("H1", "X" * 37, ["request_id"], id="long-id"),
        pytest.param("H1", "X 1", ["request_id"], id="space"),
        pytest.param("", "撤销", ["institution", "request_id"], id="both"),
        pytest.param("H" * 51, "X1", ["institution"], id="long-institution"),
    ],
)
def test_a_cancel_needs_a_sender(
    engine: Engine, institution: str, request_id: str, paths: list[str]
) -> None:
    """Request id and institution obey the bounds of a claim; all faults come together."""
    original = settled(engine, claim(1))

    with pytest.raises(errors.InvalidRequest) as refused:
        engine.cancel(institution, request_id, id_of(original))
    assert paths == [fault.path for fault in refused.value.faults]


def test_the_longest_request_id_cancels(engine: Engine) -> None:
    """A request id may have as many characters as the bound says."""
    original = settled(engine, claim(1))
    request_id = "X" * limits.REQUEST_ID_CHARS_MAX

    assert (
        request_id == engine.cancel(INSTITUTION, request_id, id_of(original)).columns["request_id"]
    )


def test_later_stays_remain_as_they_were_settled(engine: Engine) -> None:
    """Cancelling the middle one of three leaves the later one; counters are the sums of both.

    The second stay of a year has half the deductible. When it is cancelled, the third keeps the
    half it had, and a fourth has it too: one settled stay remains before it, and the third.
    """
    first, second, third = (
        settled(engine, stay(number, person="P", account_used=False)) for number in (1, 2, 3)
    )
    engine.cancel(INSTITUTION, "X2", id_of(second))

    assert [100_000, 50_000, 50_000] == [
        each.fen("deductible_fen") for each in (first, second, third)
    ]
    assert third == engine.get(id_of(third))
    assert {"310.admissions 2024": 2, "310.scope_inside 2024": 1_000_000} == counters(engine, "P")
    assert 50_000 == settled(engine, stay(4, person="P")).fen("deductible_fen")


def test_a_cancelled_deductible_is_met_anew(engine: Engine) -> None:
    """What a cancelled visit used of a yearly deductible is owed again by the next one."""
    first = settled(engine, claim(1, 4_000, person="P"))
    second = settled(engine, claim(2, 50_000, person="P"))
    engine.cancel(INSTITUTION, "X2", id_of(second))
    third = settled(engine, claim(3, 50_000, person="P"))

    assert [4_000, 6_000, 6_000] == [each.fen("deductible_fen") for each in (first, second, third)]


def test_a_refunded_account_pays_again(engine: Engine) -> None:
    """The balance a cancel gives back is there for the next claim and stands on both records."""
    _open_account(engine)
    first = settled(engine, claim(1, 20_000))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(first))
    second = settled(engine, claim(2, 60_000, person="P1"))

    assert [12_000, -12_000, 20_000] == [
        each.fen("account_fen") for each in (first, cancel, second)
    ]
    assert [18_000, 30_000, 10_000] == [
        each.fen("account_balance_fen") for each in (first, cancel, second)
    ]


def test_a_cancel_explains_what_it_takes_back(engine: Engine) -> None:
    """The explanation of a cancel is its own, names the original, and adds up to its total."""
    original = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(original))
    explained, taken = engine.explain(id_of(original)), engine.explain(id_of(cancel))

    assert (id_of(original), id_of(cancel)) == (explained.settlement, taken.settlement)
    assert f"This takes back {id_of(original)}" in taken.sentences[0].text_en
    assert f"此为撤销 {id_of(original)}" in taken.sentences[0].text_zh
    assert [-each.amount_fen for each in explained.sentences] == [
        each.amount_fen for each in taken.sentences
    ]
    assert cancel.fen("total_fen") == sum(each.amount_fen for each in taken.sentences)


def test_the_sums_of_a_settlement_and_its_cancel_are_zero(engine: Engine) -> None:
    """What clearing adds up over both records is nothing, for every payer."""
    original = settled(engine, stay(1))
    both: list[Settlement] = [original, engine.cancel(INSTITUTION, "X1", id_of(original))]
    names = [f"{payer}_fen" for payer in codes.PAYER_NAMES]
    names += ["total_fen", "fund_total_fen", "person_total_fen", "cash_fen", "deductible_fen"]

    assert dict.fromkeys(names, 0) == {name: sum(each.fen(name) for each in both) for name in names}
