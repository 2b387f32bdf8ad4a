"""Batches that form by themselves: what arrives while the engine works is the next batch.

The engine runs inline on the thread of the event loop. A writer thread beside a busy Python thread
waits for the interpreter lock at every statement and commits hundreds of times fewer claims a
second; here nothing competes. While a batch is being settled, further calls wait in the sockets.

Once it is done they do not come all at once: gRPC hands over one new call at a time, and each takes
several turns of the loop from the socket to its handler. So there is no timer, but a batch begins
only when `QUIET_TURNS` turns in a row have brought no call.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from medsettle import limits, phases
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.errors import (
    InternalError,
    LedgerFailed,
    LedgerUnavailable,
    Overloaded,
    SettlementError,
)
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of
from medsettle.service.call_watch import Seen, current

Result = TypeVar("Result")
Asked = TypeVar("Asked")
Told = TypeVar("Told")
Answer = Settlement | Rejection


class DeadlinePassed(Exception):
    """The caller's deadline passed before work on its call began; nothing was done."""


class Gate:
    """Lets writes through until one of them ends in a bug of ours, or the ledger fails for good.

    After that nobody knows what was recorded, so every later write is refused until a new process
    has read the ledger. `on_commit` is called after each write, one that was refused too, `on_shut`
    once, with the error that shut the gate.
    """

    def __init__(
        self, on_commit: Callable[[], None], on_shut: Callable[[SettlementError], None]
    ) -> None:
        self._on_commit = on_commit
        self._on_shut = on_shut
        self._shut = False

    def write(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns.

        Raises:
            SettlementError: As `work` raises it.
            InternalError: `work` raised anything else; the gate is shut from now on.
            LedgerUnavailable: The gate is shut.
        """
        if self._shut:
            raise LedgerUnavailable(
                "This server has met a failure and records nothing until it is restarted. "
                "Send the same request id to another server, or later."
            )
        try:
            result = work()
        except LedgerFailed as failure:
            say(logged.LEDGER_FAILED, reason=failure.reason, told=told_of(failure))
            self._end(failure)
            raise
        except SettlementError:
            # A refusal is recorded too.
            self._on_commit()
            raise
        except Exception as bug:
            say(logged.WRITE_BUG, bug)
            error = InternalError("The write failed; nothing was acknowledged.")
            self._end(error)
            raise error from bug
        self._on_commit()
        return result

    def _end(self, error: SettlementError) -> None:
        self._shut = True
        self._on_shut(error)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Asked, Told]):
    """A claim, until when its caller waits in seconds of the loop's clock, and its answer."""

    claim: Asked
    size_bytes: int
    deadline: float | None
    answer: "asyncio.Future[Told]"
    seen: Seen | None


class Batcher(Generic[Asked, Told]):
    """Gathers single claims into batches and hands each caller its own answer."""

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Sequence[Told]],
        *,
        batch_max: int = limits.CLAIMS_PER_COMMIT_MAX,
        waiting_max: int = limits.WAITING_REQUESTS_MAX,
        waiting_bytes_max: int = limits.WAITING_BYTES_MAX,
        quiet_turns: int = limits.QUIET_TURNS,
    ) -> None:
        """Make a batcher of the running event loop.

        Args:
            run: Answers claims in their order; called on the thread of the loop.
            batch_max: Claims of one batch at most.
            waiting_max: Claims that may wait; one more is refused.
            waiting_bytes_max: What those that wait may weigh together.
            quiet_turns: Turns of the loop without another call after which a batch begins.
        """
        self._run = run
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._waiting_bytes_max = waiting_bytes_max
        self._quiet_turns = quiet_turns
        self._waiting_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting[Asked, Told]] = deque()
        self._turning = False
        self._seen = 0
        self._quiet = 0

    @property
    def waiting(self) -> int:
        """Claims that wait for their batch."""
        return len(self._waiting)

    async def answer(
        self, claim: Asked, deadline: float | None = None, *, size_bytes: int = 0
    ) -> Told:
        """Return the answer to one claim once its batch is done.

        Args:
            claim: The claim, as `run` takes it.
            deadline: Seconds of the loop's clock after which work on it must not begin.
            size_bytes: What the claim weighs, as it was sent.

        Raises:
            Overloaded: Too many claims wait, or too heavy ones.
            DeadlinePassed: The deadline came before its batch.
            SettlementError: The batch as a whole failed.
        """
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded(
                f"{self._waiting_max} requests are waiting. Nothing was recorded; send the same "
                "request id again.",
                waiting_max=str(self._waiting_max),
            )
        if self._waiting_bytes + size_bytes > self._waiting_bytes_max:
            raise Overloaded(
                f"{self._waiting_bytes} bytes of requests are waiting, and one of {size_bytes} "
                f"would pass {self._waiting_bytes_max}. Nothing was recorded; send the same "
                "request id again.",
                waiting_bytes_max=str(self._waiting_bytes_max),
            )
        waiting = _Waiting(claim, size_bytes, deadline, self._loop.create_future(), current())
        self._waiting.append(waiting)
        self._waiting_bytes += size_bytes
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)
        told: Told = await waiting.answer
        return told

    def _turn(self) -> None:
        """Let the loop turn on while calls keep arriving, else settle what is there."""
        arrived = len(self._waiting)
        self._quiet = self._quiet + 1 if arrived == self._seen else 0
        self._seen = arrived
        if arrived < self._batch_max and self._quiet < self._quiet_turns:
            self._loop.call_soon(self._turn)
            return
        self._settle(self._next_batch())
        self._seen = self._quiet = 0
        if self._waiting:
            self._loop.call_soon(self._turn)
        else:
            self._turning = False

    def _next_batch(self) -> list[_Waiting[Asked, Told]]:
        """Return the next claims whose callers still wait, in the order they came."""
        batch: list[_Waiting[Asked, Told]] = []
        now = self._loop.time()
        while self._waiting and len(batch) < self._batch_max:
            waiting = self._waiting.popleft()
            self._waiting_bytes -= waiting.size_bytes
            if waiting.answer.done():
                continue  # The caller hung up.
            if waiting.deadline is not None and waiting.deadline <= now:
                waiting.answer.set_exception(DeadlinePassed())
                continue
            batch.append(waiting)
        return batch

    def _settle(self, batch: Sequence[_Waiting[Asked, Told]]) -> None:
        if not batch:
            return
        seen = [waiting.seen for waiting in batch if waiting.seen is not None]
        noted = phases.begin(len(batch)) if seen else None
        try:
            answers = self._run([waiting.claim for waiting in batch])
            assert len(answers) == len(batch), "one answer for each claim"
        except SettlementError as error:
            self._fail(batch, error)
        except Exception as bug:
            say(logged.BATCH_BUG, bug, claims=len(batch))
            self._fail(batch, InternalError("The batch failed; nothing was acknowledged."))
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.answer.set_result(answer)
        finally:
            phases.end(noted)
            for each in seen:
                each.batch = noted

    @staticmethod
    def _fail(batch: Sequence[_Waiting[Asked, Told]], error: SettlementError) -> None:
        for waiting in batch:
            waiting.answer.set_exception(error)
