"""Batches that form by themselves, their bounds, and what happens when the engine fails."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Row
from medsettle.errors import (
    InternalError,
    LedgerFailed,
    LedgerUnavailable,
    Overloaded,
    SettlementError,
)
from medsettle.service.batcher import Answer, Batcher, DeadlinePassed, Gate


def _rejection(row: Row) -> Rejection:
    return Rejection(Outcome.POLICY_NOT_FOUND, str(row["request_id"]))


@dataclass
class _Recording:
    """Rejects every row by its request id, and remembers the batches."""

    batches: list[list[str]] = field(default_factory=list)

    def __call__(self, rows: Sequence[Row]) -> list[Answer]:
        self.batches.append([str(row["request_id"]) for row in rows])
        return [_rejection(row) for row in rows]


def _row(number: int) -> Row:
    return {"request_id": f"R{number}"}


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_calls_that_wait_together_are_one_batch() -> None:
    """Ten calls of one moment are one batch, and each gets its own answer."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run)
        answers = await asyncio.gather(*(batcher.answer(_row(n)) for n in range(10)))

        assert [[f"R{n}" for n in range(10)]] == run.batches
        assert [_rejection(_row(n)) for n in range(10)] == list(answers)

    _run(work())


def test_a_batch_has_a_bound() -> None:
    """What does not fit into a batch is the next one, in the order of arrival."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run, batch_max=4)
        await asyncio.gather(*(batcher.answer(_row(n)) for n in range(6)))

        assert [["R0", "R1", "R2", "R3"], ["R4", "R5"]] == run.batches

    _run(work())


def test_a_call_after_a_batch_is_answered_too() -> None:
    """A batcher that has come to rest begins again."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run)
        await batcher.answer(_row(1))
        await batcher.answer(_row(2))

        assert [["R1"], ["R2"]] == run.batches

    _run(work())


def test_the_queue_has_a_bound() -> None:
    """One call more than may wait is refused at once; the others are answered."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run, waiting_max=3)
        answers = await asyncio.gather(
            *(batcher.answer(_row(n)) for n in range(4)), return_exceptions=True
        )

        assert [_rejection(_row(n)) for n in range(3)] == answers[:3]
        assert isinstance(answers[3], Overloaded)

    _run(work())


@pytest.mark.parametrize(("last_bytes", "refused"), [(40, False), (41, True)])
def test_what_waits_has_a_weight(last_bytes: int, refused: bool) -> None:
    """What would make the waiting calls too heavy is refused; what was answered weighs nothing."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run, waiting_bytes_max=100)
        for _ in range(2):
            *others, last = await asyncio.gather(
                batcher.answer(_row(1), size_bytes=30),
                batcher.answer(_row(2), size_bytes=30),
                batcher.answer(_row(3), size_bytes=last_bytes),
                return_exceptions=True,
            )
            assert [_rejection(_row(1)), _rejection(_row(2))] == others
            assert refused == isinstance(last, Overloaded)

    _run(work())


def test_a_late_call_is_not_worked_on() -> None:
    """A call whose deadline has passed is left out of the batch."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run)
        now = asyncio.get_running_loop().time()
        late, other = await asyncio.gather(
            batcher.answer(_row(1), deadline=now),
            batcher.answer(_row(2), deadline=now + 60),
            return_exceptions=True,
        )

        assert isinstance(late, DeadlinePassed)
        assert _rejection(_row(2)) == other
        assert [["R2"]] == run.batches

    _run(work())


def test_a_caller_that_hung_up_is_left_out() -> None:
    """A call cancelled before its batch is not worked on."""

    async def work() -> None:
        run = _Recording()
        batcher = Batcher(run)
        gone = asyncio.ensure_future(batcher.answer(_row(1)))
        stays = asyncio.ensure_future(batcher.answer(_row(2)))
        asyncio.get_running_loop().call_soon(gone.cancel)
        await stays

        assert [["R2"]] == run.batches

    _run(work())


def test_a_bug_fails_the_whole_batch() -> None:
    """After an unforeseen exception every call of the batch gets an internal error."""

    async def work() -> None:
        def run(_rows: Sequence[Row]) -> list[Answer]:
            raise ZeroDivisionError

        batcher = Batcher(run)
        answers = await asyncio.gather(
            *(batcher.answer(_row(n)) for n in range(3)), return_exceptions=True
        )

        assert [InternalError] * 3 == [type(answer) for answer in answers]

    _run(work())


def test_a_short_answer_fails_the_whole_batch() -> None:
    """An engine that forgets a row is a bug, never a shifted answer."""

    async def work() -> None:
        def forgetful(rows: Sequence[Row]) -> list[Answer]:
            return [_rejection(row) for row in rows[1:]]

        batcher = Batcher(forgetful)
        answers = await asyncio.gather(
            *(batcher.answer(_row(n)) for n in range(2)), return_exceptions=True
        )

        assert [InternalError] * 2 == [type(answer) for answer in answers]

    _run(work())


def test_an_error_of_the_engine_reaches_every_caller() -> None:
    """An error of the whole batch is the answer to each of its calls."""

    async def work() -> None:
        def run(_rows: Sequence[Row]) -> list[Answer]:
            raise LedgerUnavailable("the disk is full")

        batcher = Batcher(run)
        answers = await asyncio.gather(
            *(batcher.answer(_row(n)) for n in range(2)), return_exceptions=True
        )

        assert ["the disk is full"] * 2 == [str(answer) for answer in answers]

    _run(work())


@dataclass
class _Calls:
    """Counts what a gate tells."""

    commits: int = 0
    shut: int = 0

    def on_commit(self) -> None:
        """Count a commit."""
        self.commits += 1

    def on_shut(self, _: SettlementError) -> None:
        """Count a shut."""
        self.shut += 1


def _bug() -> int:
    raise ZeroDivisionError


def _refusal() -> int:
    raise LedgerUnavailable("the disk is full")


def test_a_gate_lets_writes_through() -> None:
    """A write returns what it returns, and is told as a commit."""
    calls = _Calls()
    gate = Gate(calls.on_commit, calls.on_shut)

    assert 7 == gate.write(lambda: 7)
    assert (1, 0) == (calls.commits, calls.shut)


def test_a_gate_stays_open_after_a_refusal() -> None:
    """An error of the tree is an answer and says nothing against the next write."""
    calls = _Calls()
    gate = Gate(calls.on_commit, calls.on_shut)
    with pytest.raises(LedgerUnavailable):
        gate.write(_refusal)

    assert 7 == gate.write(lambda: 7)
    assert 0 == calls.shut


def _failure() -> int:
    raise LedgerFailed("a sync failed")


@pytest.mark.parametrize(
    ("work", "raised"), [(_bug, InternalError), (_failure, LedgerFailed)], ids=["bug", "ledger"]
)
def test_a_gate_shuts_after_a_failure(
    work: Callable[[], int], raised: type[SettlementError]
) -> None:
    """After a bug, or a ledger that failed, nothing more is written, and it is told once."""
    calls = _Calls()
    gate = Gate(calls.on_commit, calls.on_shut)
    with pytest.raises(raised):
        gate.write(work)
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            gate.write(lambda: 7)

    assert (0, 1) == (calls.commits, calls.shut)
