"""A till of the invented area: its keys, its claims, its store, and an engine to settle at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.core.claims import ClaimBatch
from medsettle.core.request_states import RequestState
from medsettle.core.settlement import Row, Settlement
from medsettle.engine import Engine
from medsettle.errors import NotFound
from medsettle.offline.settling import Answer, settle_in_order
from medsettle.offline.store import TillStore
from medsettle.offline.till import Found, Place, Receipt, read_back, record_claim
from medsettle.privacy.key_files import SecretKey

from tests.service.claims import INSTITUTION, claim

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
# The same in every process.
SEAL_KEY = SecretKey("offline", "AES-256-GCM", bytes(range(32)))
KEYS = (KEY, SEAL_KEY)
PLACE = Place(INSTITUTION, "till-1")
SEALED_AT = datetime(2024, 5, 1, 9, tzinfo=UTC)


def clock() -> datetime:
    """Return the moment in which the claims of these tests are sealed."""
    return SEALED_AT


@contextmanager
def store_in(folder: Path) -> Iterator[TillStore]:
    """Yield the store of a till in a folder."""
    store = TillStore(folder / "till.db")
    try:
        yield store
    finally:
        store.close()


def seal(store: TillStore, number: int, paid_fen: int | None = None, **changes: Any) -> Receipt:  # noqa: ANN401
    """Seal claim `number` and return its receipt."""
    return record_claim(store, PLACE, claim(number, **changes), paid_fen, KEYS, clock)


def found_in(store: TillStore) -> list[Found]:
    """Return the records of a store as they are read back."""
    return read_back(store, KEY.public_key(), SEAL_KEY)


@dataclass
class At:
    """An engine as sealed records are settled there; `asked` has the request ids in order."""

    engine: Engine
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None

    def settle(self, row: Row) -> Answer:
        """Return the answer to a claim."""
        self.before(str(row["request_id"]))
        self.asked.append(str(row["request_id"]))
        (answer,) = self.engine.settle(ClaimBatch.from_rows([row]))
        return answer

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of a request."""
        return self.engine.find_request(institution, request_id)

    def recorded(self, settlement: str) -> Settlement | None:
        """Return a recorded settlement."""
        try:
            return self.engine.get(settlement)
        except NotFound:
            return None

    def settle_all(self, store: TillStore) -> None:
        """Settle what waits in a store."""
        for _ in settle_in_order(store, found_in(store), self, lambda: SEALED_AT + timedelta(1)):
            pass


def alter(folder: Path, statement: str, *values: object) -> None:
    """Change the file of a till behind its back."""
    connection = apsw.Connection(str(folder / "till.db"))
    try:
        connection.execute(statement, values)
    finally:
        connection.close()
