"""Bugs that were never in the engine, each planted in one part of a deployment."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from medsettle.audit import Projector
from medsettle.audit.projector import LedgerFeed
from medsettle.audit.segments import LedgerRow
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT
from medsettle.core.dates import microseconds
from medsettle.core.outcome import Rejection
from medsettle.core.request_states import RequestState, RequestStatus, Reversal
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.engine.cancels import Cancels, cancel_entry
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.reversals import Reversals
from medsettle.ledger.entries import Entry, Holder, Ledger, Recorded
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.run import Settled
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore
from medsettle.torture.parts import Open, Parts
from medsettle.torture.shared_ledger import SharedLedger


class _EarlyLog(RequestLog):
    """Commits a moment after it has said that it did."""

    def commit(self, entries: Sequence[Entry]) -> tuple[int, datetime]:
        """Return what a commit would return."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return super().commit(entries)
        moment = self.now()
        first = self.ledger.last_seq() + 1
        loop.call_soon(self.ledger.append, list(entries), microseconds(moment))
        return first, moment


class AnswersEarly(Engine):
    """Commits a moment after it has answered."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log = _EarlyLog(self.ledger, self.clock)
        self.cancels = Cancels(self.ledger, self.log)
        self._use(self.rulebook)


class _ForgetfulReversals(Reversals):
    """Lets what it reverses before it arrives settle afterwards."""

    def _reverse(
        self, asked: Asked, original_request_id: str, original: Recorded | None
    ) -> Reversal:
        if original is not None:
            return super()._reverse(asked, original_request_id, original)
        state = RequestState(asked.institution, original_request_id, RequestStatus.TOMBSTONE)
        return Reversal(state)


class ForgetsTombstones(Engine):
    """Answers that an original will never settle, and records no tombstone."""

    def _use(self, rulebook: RuleBook) -> None:
        super()._use(rulebook)
        self.reversals = _ForgetfulReversals(self.ledger, self.log, self.cancels, self.visits)


class ForgetsRefusals(Engine):
    """Refuses, and does not record that it did."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log = _LenientLog(self.ledger, self.clock)
        self.cancels = Cancels(self.ledger, self.log)
        self._use(self.rulebook)


class _LenientLog(RequestLog):
    """Answers once what was done, and anew what was refused."""

    def commit(self, entries: Sequence[Entry]) -> tuple[int, datetime]:
        """Commit everything but refusals."""
        kept = [each for each in entries if each.kind != "refusal"]
        return super().commit(kept)


class ForgetsTheBatch(Engine):
    """Settles each claim of a batch as if it were the only one: an update of a counter is lost."""

    def _run(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        *arguments: Any,  # noqa: ANN401
        **named: Any,  # noqa: ANN401
    ) -> dict[int, Settled | Rejection]:
        found: dict[int, Settled | Rejection] = {}
        for row in rows:
            found |= super()._run(claims, [row], *arguments, **named)
        return found


class CancelsTwice(Engine):
    """Does not ask whether a settlement was taken back before."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cancels = Cancels(cast("Ledger", _WithoutCancels(self.ledger)), self.log)


class _WithoutCancels:
    """A ledger that knows of no cancel."""

    def __init__(self, inner: Ledger) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the ledger has
        return getattr(self._inner, name)

    def cancel_of(self, _settlement: str) -> None:
        """Return that nothing was taken back."""


class LetsCancelsRepeat(MemoryLedger):
    """Lacks the constraint by which the stores refuse a second cancel."""

    def _check(self, added: Sequence[Recorded]) -> None:
        cancels, self.store.cancels = self.store.cancels, {}
        try:
            super()._check(added)
        finally:
            self.store.cancels = cancels


def letting_cancels_repeat(_folder: Path) -> Open:
    """Return what opens a store without that constraint."""
    store = MemoryStore()
    return lambda: LetsCancelsRepeat(store)


def keeps_counters(
    original: Recorded,
    *arguments: Any,  # noqa: ANN401
    **named: Any,  # noqa: ANN401
) -> tuple[Entry, Settlement]:
    """Take a settlement back, and give nothing back but to accounts."""
    entry, answer = cancel_entry(original, *arguments, **named)
    kept = tuple(each for each in entry.postings if each.key.counter == ACCOUNT)
    return replace(entry, postings=kept), answer


class SkipsARow(Projector):
    """Goes on one entry too far after a restart."""

    def __init__(self, ledger: LedgerFeed, folder: Path) -> None:
        super().__init__(ledger, folder)
        self._restarted = self.last_seq > 0

    def _next_entries(self, max_rows: int) -> list[LedgerRow]:
        entries = super()._next_entries(max_rows)
        if self._restarted and len(entries) > 1:
            self._restarted = False
            return entries[1:]
        return entries


class LocksInAnyOrder(SharedLedger):
    """Locks holders in an order that another process need not share."""

    def lock_order(self, holders: Iterable[Holder]) -> Sequence[Holder]:
        """Return holders up in one process and down in the next."""
        return sorted(holders, reverse=self.process % 2 == 1)


class LocksNobody(SharedLedger):
    """Lets a process decide on what another is changing."""

    def lock_order(self, _holders: Iterable[Holder]) -> Sequence[Holder]:
        """Return nobody."""
        return []


LOCKS_IN_ANY_ORDER = Parts(shared=LocksInAnyOrder)
LOCKS_NOBODY = Parts(shared=LocksNobody)
FORGETS_TOMBSTONES = Parts(engine=ForgetsTombstones)
FORGETS_REFUSALS = Parts(engine=ForgetsRefusals)
ANSWERS_EARLY = Parts(engine=AnswersEarly)
FORGETS_THE_BATCH = Parts(engine=ForgetsTheBatch)
CANCELS_TWICE = Parts(engine=CancelsTwice, store=letting_cancels_repeat)
SKIPS_A_ROW = Parts(projector=SkipsARow)
