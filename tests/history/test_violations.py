"""Histories made by hand: each broken promise is found, and what may happen is let be."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Opening, PersonState, Settlement
from medsettle.engine import Engine
from medsettle.ledger import SqliteLedger
from medsettle.torture.calls import (
    Answer,
    Call,
    Operation,
    Refused,
    at_engine,
    opening,
    previewing,
    settling,
)
from medsettle.torture.history import violations

from tests.engine.engines import RULES, engine_on, id_of, rule_book
from tests.service.claims import AREA, INSTITUTION, claim


@dataclass
class Story:
    """Calls told one after another, each a moment of ten ticks, against a real engine."""

    engine: Engine
    folder: Path
    calls: list[Call] = field(default_factory=list)

    def tell(self, operation: Operation, client: int = 1) -> Call:
        """Do something, and record it as a call of ten ticks after all before it."""
        start = 20 * len(self.calls)
        call = Call(client, operation, start, start + 10, at_engine(self.engine, operation))
        self.calls.append(call)
        return call

    def settle(self, number: int, fen: int = 50_000, **changes: Any) -> Call:  # noqa: ANN401
        """Settle claim `number` of P."""
        return self.tell(settling(claim(number, fen, **({"person": "P"} | changes))))

    def read(self) -> Call:
        """Read what P holds."""
        return self.tell(Operation("person", area=AREA, name="P"))

    def change(self, call: Call, **changes: Any) -> None:  # noqa: ANN401
        """Put other values into a call that was told."""
        self.calls[self.calls.index(call)] = replace(call, **changes)

    def found(self) -> list[str]:
        """Return what the checker says of the calls."""
        with SqliteLedger(self.folder / f"model-{len(list(self.folder.iterdir()))}.db") as model:
            return [
                str(each)
                for each in violations(
                    self.calls,
                    self.engine.ledger,
                    model,
                    lambda ledger, clock: Engine(rule_book(RULES), ledger, clock),
                )
            ]


@pytest.fixture(name="story")
def _story(tmp_path: Path) -> Iterator[Story]:
    with engine_on(tmp_path) as engine:
        yield Story(engine, tmp_path)


def _settlement(call: Call) -> Settlement:
    assert isinstance(call.answer, Settlement)
    return call.answer


def test_what_happened_in_order_is_linearisable(story: Story) -> None:
    """Writes, reads, repeats, refusals and a cancel, one after another, break nothing."""
    story.tell(opening(Opening(INSTITUTION, "O", AREA, "P", 30_000)))
    first = story.settle(1)
    story.settle(1)
    story.settle(1, 60_000)
    story.read()
    story.tell(previewing(claim(2, person="P")))
    cancel = Operation("cancel", INSTITUTION, "C", name=id_of(_settlement(first)))
    story.tell(cancel)
    story.tell(replace(cancel, request_id="C2"))
    story.tell(Operation("get", name=id_of(_settlement(first))))
    story.settle(1)

    assert [] == story.found()


def test_calls_at_the_same_time_may_stand_either_way(story: Story) -> None:
    """Two that overlap are in the order of the ledger, whichever began first."""
    one, two = story.settle(1), story.settle(2)
    story.change(one, start=15, end=40)
    story.change(two, start=5, end=50)

    assert [] == story.found()


def test_an_order_against_real_time_is_found(story: Story) -> None:
    """What had ended before another began must not stand after it."""
    one, two = story.settle(1), story.settle(2)
    story.change(one, start=100, end=110)

    assert [
        f"order: settle R2 P of client 1 had ended before {one} began, and stands at 2, after 1"
    ] == story.found()
    assert two.end < 100


def test_a_stale_read_is_found(story: Story) -> None:
    """A read that began when a settlement had ended must know of it."""
    before = story.read()
    story.settle(1)
    after = story.read()
    story.change(after, answer=before.answer)

    (found,) = story.found()
    assert found.startswith("read: person P of client 1, after entries 1 to 1: counters: expected")


def test_a_read_of_what_is_not_yet_is_found(story: Story) -> None:
    """A read that had ended before a settlement began cannot know of it."""
    early = story.read()
    story.settle(1)
    late = story.read()
    story.change(early, answer=late.answer)

    assert ["read"] == [each.partition(":")[0] for each in story.found()]


def test_reads_do_not_go_back(story: Story) -> None:
    """Of two reads during one settlement the later one cannot know less."""
    before = story.read()
    write = story.settle(1)
    after = story.read()
    story.change(write, end=500)
    story.change(after, start=100, end=110)
    story.calls.append(replace(before, start=200, end=210))

    (found,) = story.found()
    assert "read: person P" in found


def test_reads_of_two_clients_at_once_may_differ(story: Story) -> None:
    """During a settlement one read may know of it, and another at the same time not yet."""
    before = story.read()
    write = story.settle(1)
    after = story.read()
    story.change(write, end=500)
    story.change(after, start=100, end=300)
    story.calls.append(replace(before, start=200, end=210))

    assert [] == story.found()


class _Forgetful:
    """A ledger whose counters stay as they were: the classic lost update."""

    def __init__(self, ledger: Any) -> None:  # noqa: ANN401 - any ledger
        self._ledger = ledger

    def counters(self, _keys: object) -> dict[object, int]:
        """Return that nothing was ever used."""
        return {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a ledger has
        return getattr(self._ledger, name)


def test_a_lost_update_is_found(story: Story) -> None:
    """A second settlement that did not see what the first used up has other amounts."""
    story.settle(1)
    forgetful: Any = _Forgetful(story.engine.ledger)
    story.engine = Engine(rule_book(RULES), forgetful, story.engine.clock)
    story.settle(2)

    (found,) = story.found()
    assert found.startswith("entry: entry 2: settle R2 P of client 1: record: expected")


def test_two_new_answers_for_one_id_are_found(story: Story) -> None:
    """Only one caller may be told that its request is new."""
    first = story.settle(1)
    again = story.settle(1)
    story.change(again, answer=first.answer)

    assert f"twice: {first} and {again} were both told that it was new" in story.found()


def test_two_different_answers_for_one_id_are_found(story: Story) -> None:
    """Who asks again is told what was recorded, to the fen."""
    story.settle(1)
    again = story.settle(1)
    settlement = _settlement(again)
    other = replace(settlement, columns=settlement.columns | {"cash_fen": 1})
    story.change(again, answer=other)

    (found,) = story.found()
    assert "cash_fen: expected 18000, found 1" in found


def test_an_answer_that_is_not_the_record_is_found(story: Story) -> None:
    """The first answer is held to the model as well."""
    call = story.settle(1)
    settlement = _settlement(call)
    other = replace(settlement, columns=settlement.columns | {"pooled_fund_fen": 32_001})
    story.change(call, answer=other)

    assert [f"answer: {call}: pooled_fund_fen: expected 32000, found 32001"] == story.found()


def test_a_lost_settlement_is_found(story: Story) -> None:
    """What was acknowledged is in the ledger."""
    story.settle(1)
    made = Engine(rule_book(RULES), story.engine.ledger, story.engine.clock)
    (preview,) = made.preview(ClaimBatch.from_rows([claim(2, person="P")]))
    assert isinstance(preview, Settlement)
    story.calls.append(Call(1, settling(claim(2, person="P")), 100, 110, preview))

    assert "lost: settle R2 P of client 1 was acknowledged, and the ledger has no entry of it" in (
        story.found()
    )


def test_an_entry_that_nobody_asked_for_is_found(story: Story) -> None:
    """An entry under an id that no client sent is no part of the history."""
    story.settle(1)
    story.engine.settle(ClaimBatch.from_rows([claim(2)]))

    assert ["unasked: entry 2 has a request id that no client sent"] == story.found()


@pytest.mark.parametrize("recorded", [True, False])
def test_what_was_not_answered_may_have_been_done_or_not(story: Story, recorded: bool) -> None:
    """A call that got no answer may take effect, also after its caller gave up, or never."""
    story.read()
    call = Call(2, settling(claim(1, person="P")), 5, 6, None)
    story.calls.append(call)
    if recorded:
        at_engine(story.engine, call.operation)
    story.calls.append(
        Call(1, Operation("person", area=AREA, name="P"), 100, 110, _now(story.engine))
    )

    assert [] == story.found()


def _now(engine: Engine) -> Answer:
    state = engine.person(AREA, "P")
    assert isinstance(state, PersonState)
    return state


def test_a_preview_that_saw_another_callers_is_found(story: Story) -> None:
    """A preview counts what is recorded, never what somebody else asked about."""
    rows = [claim(1, person="P"), claim(2, person="P")]
    for row, answer in zip(rows, story.engine.preview(ClaimBatch.from_rows(rows)), strict=True):
        assert isinstance(answer, Settlement)
        story.calls.append(Call(1, previewing(row), 0, 10, answer))

    (found,) = story.found()
    assert "deductible_fen: expected 10000, found 0" in found


def test_reversals_and_tombstones_have_their_places(story: Story) -> None:
    """A reversal of what is there, of what never came, twice, and under an id that stays free."""
    story.settle(1)
    story.tell(Operation("reverse", INSTITUTION, "V1", name="R1"))
    story.tell(Operation("reverse", INSTITUTION, "V2", name="R1"))
    unknown = story.tell(Operation("reverse", INSTITUTION, "R3", name="R2"))
    story.settle(2)
    story.settle(3)
    story.tell(Operation("find", INSTITUTION, name="R2"))
    # Nobody was told of the tombstone; somebody must have asked for it all the same.
    story.change(unknown, answer=None)

    assert [] == story.found()


def test_a_tombstone_that_is_forgotten_is_found(story: Story) -> None:
    """What was reversed before it came must not settle."""
    stone = story.tell(Operation("reverse", INSTITUTION, "V1", name="R1"))
    other = Story(story.engine, story.folder)
    other.calls = [replace(stone, operation=replace(stone.operation, name="R9"))]
    other.settle(2)

    assert "unasked: entry 1 has a request id that no client sent" in other.found()


def test_a_refusal_without_a_ground_is_found(story: Story) -> None:
    """What would have been recorded at every place that it can stand must not be refused."""
    story.settle(1)
    refused = story.settle(2)
    story.change(refused, answer=Refused("DUPLICATE_SETTLEMENT"))

    (found,) = story.found()
    assert "expected" in found
