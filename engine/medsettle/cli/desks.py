"""Where a command settles: at a server, or at an embedded engine on this machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from medsettle import errors, limits
from medsettle.audit import Projector
from medsettle.client import Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.core.settlement import Explanation, Row, Settlement
from medsettle.engine import Engine
from medsettle.ledger.sqlite import SqliteLedger
from medsettle.policy.book import load_rule_book

Answer = Settlement | Rejection

LEDGER_FILE = "ledger.db"
AUDIT_FOLDER = "audit"


class Desk(Protocol):
    """What the commands need, wherever the engine runs."""

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order."""
        ...

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        ...

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        ...

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        ...


class RemoteDesk:
    """Settles at a server, one call a claim, each safe to repeat by its request id."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order."""
        for row in rows:
            try:
                yield self._client.preview(row) if preview else self._client.settle(row)
            except errors.SettlementError as error:
                yield rejection_of(error)

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        return self._client.explain(settlement)

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        return self._client.cancel(settlement, institution=institution, request_id=request_id)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        # The API names no cancel by its original: what the person had here is looked through.
        had = self._client.list(
            pooling_area=str(claim["pooling_area"]),
            institution=str(claim["institution"]),
            person=str(claim["person"]),
        )
        return any(each.columns["original"] == settlement for each in had)


def rejection_of(error: errors.SettlementError) -> Rejection:
    """Return the rejection behind an error of a single-claim call; other errors go on.

    Raises:
        SettlementError: The error says nothing about the claim, but about the call.
    """
    if isinstance(error, errors.InvalidRequest):
        return invalid(error.faults)
    for outcome in Outcome:
        if outcome.name == error.reason:
            return Rejection(outcome, error.message, metadata=error.metadata)
    raise error


class LocalDesk:
    """Settles with an embedded engine, and writes the audit tables when it is done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answers(self, rows: Sequence[Row], *, preview: bool) -> Iterator[Answer]:
        """Yield the answer to each claim in order, a commit for each batch."""
        for start in range(0, len(rows), limits.CLAIMS_PER_COMMIT_MAX):
            part = ClaimBatch.from_rows(rows[start : start + limits.CLAIMS_PER_COMMIT_MAX])
            yield from self._engine.preview(part) if preview else self._engine.settle(part)

    def explain(self, settlement: str) -> Explanation:
        """Return the explanation of a settlement."""
        return self._engine.explain(settlement)

    def cancel(self, settlement: str, institution: str, request_id: str) -> Settlement:
        """Return the settlement that takes one back."""
        return self._engine.cancel(institution, request_id, settlement)

    def cancelled(self, settlement: str, claim: Row) -> bool:
        """Whether a settlement, which the claim made, has been taken back."""
        return self._engine.ledger.cancel_of(settlement) is not None


def now() -> datetime:
    """Return the present moment: the clock of an engine that serves people."""
    return datetime.now(UTC)


@contextmanager
def engine_at(data: Path, rules: Path) -> Iterator[Engine]:
    """Open the engine of a data folder, and project its audit tables at the end.

    Raises:
        PolicyRejected: The rules have faults.
        LedgerUnavailable: The ledger is in use or cannot be opened.
    """
    book = load_rule_book(rules)
    data.mkdir(parents=True, exist_ok=True)
    ledger = SqliteLedger(data / LEDGER_FILE)
    try:
        yield Engine(book, ledger, now)
        with Projector(ledger, data / AUDIT_FOLDER) as projector:
            while projector.run_once():
                pass
    finally:
        ledger.close()


@contextmanager
def open_desk(server: str | None, data: Path, rules: Path, *, new: bool = False) -> Iterator[Desk]:
    """Open the desk that the options of a command name: a server, or else a data folder.

    Only a command that records something makes a data folder where there is none (`new`).

    Raises:
        FileNotFoundError: The data folder has no ledger.
        PolicyRejected: The rules have faults.
        LedgerUnavailable: The ledger is in use or cannot be opened.
    """
    if server is not None:
        with Client(server) as client:
            yield RemoteDesk(client)
    elif not new and not (data / LEDGER_FILE).is_file():
        raise FileNotFoundError(f"{data} holds no ledger; name the folder with --data")
    else:
        with engine_at(data, rules) as engine:
            yield LocalDesk(engine)
