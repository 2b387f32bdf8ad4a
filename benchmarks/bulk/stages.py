"""One engine on a ledger of its own: what each stage of bulk settling costs, in CPU time."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from medsettle.audit import Projector
from medsettle.core.outcome import Outcome
from medsettle.engine import Engine
from medsettle.ledger.sqlite import SqliteLedger
from medsettle.rule_cache import rule_book
from medsettle.service.streams import claims_of, stream_of

from benchmarks.bulk.claims import RULES


class Stages:
    """Settles streams as `SettleClaims` does, without the network, and projects what it settled.

    `spent` has the CPU seconds of each stage; `append` is a part of `settle`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = SqliteLedger(folder / "ledger.db")
        self.engine = Engine(rule_book(RULES), self.ledger, lambda: datetime.now(UTC))
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.settled = self.claims = 0
        (folder / "audit").mkdir()
        self.projector = Projector(self.ledger, folder / "audit")
        append = self.ledger.append
        self.ledger.append = lambda *given: self._timed("append", append, *given)  # type: ignore[method-assign]

    def run(self, streams: Iterable[bytes]) -> None:
        """Settle and project streams, one after another."""
        for stream in streams:
            claims = self._timed("decode", claims_of, stream)
            answers = self._timed("settle", self.engine.settle, claims)
            answered = pa.ipc.open_stream(self._timed("answer", stream_of, answers)).read_all()
            self.claims += len(answered)
            self.settled += answered["outcome"].to_pylist().count(Outcome.SETTLED.name)
            while self._timed("project", self.projector.run_once):
                pass

    def microseconds(self) -> dict[str, float]:
        """Return what each stage has cost a claim since the last time it was asked."""
        told = {stage: 1e6 * spent / self.claims for stage, spent in self.spent.items()}
        self.spent.clear()
        self.claims = 0
        return told

    def close(self) -> None:
        """Let go of ledger and tables."""
        self.projector.close()
        self.ledger.close()

    def _timed(self, stage: str, function: Callable[..., Any], *given: Any) -> Any:
        start = time.thread_time()
        try:
            return function(*given)
        finally:
            self.spent[stage] += time.thread_time() - start
