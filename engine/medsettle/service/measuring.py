"""What a server tells of how it does: the measurements there are, and who takes them.

Labels name methods, transactions and outcomes, which are few and are ours: never a person, an
institution or anything else that a caller chooses.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Protocol

OK: Final = "OK"
"""The outcome of a call that was answered."""
DEADLINE_EXCEEDED: Final = "DEADLINE_EXCEEDED"
CANCELLED: Final = "CANCELLED"
RELAYED: Final = "RELAYED"
"""The outcome of a call that another engine ended, by whatever status."""
UNKNOWN: Final = "unknown"
"""The method of a call that names none of ours."""


class Way(StrEnum):
    """How calls come in."""

    GRPC = "grpc"
    GATEWAY = "gateway"


class Batch(StrEnum):
    """What a batch of claims was for."""

    SETTLE = "settle"
    PREVIEW = "preview"


class Measuring(Protocol):
    """Takes measurements; cheap enough for every call."""

    def call(self, way: Way, method: str, outcome: str, seconds: float) -> None:
        """Count a call that has ended, and how long it took."""
        ...

    def batch(self, kind: Batch, claims: int) -> None:
        """Count a batch of claims that goes through the engine at once."""
        ...


class Unmeasured:
    """Takes no measurements: nobody asks for them."""

    def call(self, way: Way, method: str, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def batch(self, kind: Batch, claims: int) -> None:
        """Do nothing."""


class Measurement(NamedTuple):
    """One measurement: its name, its kind, its labels, its steps where it is a histogram."""

    name: str
    kind: str
    labels: tuple[str, ...]
    doc: str
    steps: tuple[float, ...] = ()


_SECONDS: Final = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
_CLAIMS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0)

CALLS: Final = Measurement(
    "medsettle_calls_total",
    "counter",
    ("way", "method", "outcome"),
    "Calls that have ended. `way` is `grpc` or `gateway`; `method` the method, or the number of "
    "the transaction, `unknown` for what names none; `outcome` is `OK`, the reason of the refusal, "
    "`DEADLINE_EXCEEDED`, `CANCELLED` or, where an engine of another area ended it, `RELAYED`.",
)
CALL_SECONDS: Final = Measurement(
    "medsettle_call_seconds",
    "histogram",
    ("way", "method"),
    "Seconds from the beginning of a call to its answer, refused ones included.",
    _SECONDS,
)
BATCH_CLAIMS: Final = Measurement(
    "medsettle_batch_claims",
    "histogram",
    ("kind",),
    "Claims that went through the engine at once; `kind` is `settle` or `preview`.",
    _CLAIMS,
)
COMMIT_SECONDS: Final = Measurement(
    "medsettle_commit_seconds",
    "histogram",
    (),
    "Seconds that the ledger took to make a write durable.",
    _SECONDS,
)
UNDER_WAY: Final = Measurement(
    "medsettle_calls_under_way", "gauge", (), "Calls begun and not finished."
)
WAITING: Final = Measurement(
    "medsettle_claims_waiting", "gauge", ("kind",), "Claims that wait for their batch."
)
WRITES_WELL: Final = Measurement(
    "medsettle_writes_well",
    "gauge",
    (),
    "1 while the server records; 0 once a write has failed for good.",
)
PROJECTION_WELL: Final = Measurement(
    "medsettle_projection_well",
    "gauge",
    (),
    "1 unless the last writing of the audit tables failed.",
)
LEDGER_SEQ: Final = Measurement(
    "medsettle_ledger_last_seq", "gauge", (), "Number of the last entry of the ledger."
)
BEHIND: Final = Measurement(
    "medsettle_projection_behind_entries",
    "gauge",
    (),
    "Entries of the ledger that are not in the audit tables yet. Absent where another server of "
    "the same ledger writes them.",
)
SEAL_BEHIND: Final = Measurement(
    "medsettle_seal_behind_entries",
    "gauge",
    (),
    "Entries in the audit tables that are not sealed yet; all where the last seal cannot be read. "
    "Absent where another server of the same ledger writes the tables.",
)
READY: Final = Measurement(
    "medsettle_ready",
    "gauge",
    (),
    "1 while the server is to be sent calls: it records, its audit tables are written, and it is "
    "not stopping. The same as `/readyz`.",
)
PEER_STATE: Final = Measurement(
    "medsettle_peer_state",
    "gauge",
    ("peer",),
    "Whether calls to an engine of another area go now: 0 they do, 1 one is tried, 2 it is left "
    "alone. `peer` is its name in the file of peers.",
)
OPEN_CASES: Final = Measurement(
    "medsettle_open_cases",
    "gauge",
    ("area",),
    "Cases that are open with an area: handed over or asked about again until they end.",
)
STARTED: Final = Measurement(
    "medsettle_started_time_seconds",
    "gauge",
    (),
    "When the server began, in seconds since 1970-01-01 UTC. All counters begin there.",
)

MEASUREMENTS: Final = (
    *(CALLS, CALL_SECONDS, BATCH_CLAIMS, COMMIT_SECONDS, UNDER_WAY, WAITING),
    *(WRITES_WELL, PROJECTION_WELL, READY, LEDGER_SEQ, BEHIND, SEAL_BEHIND),
    *(PEER_STATE, OPEN_CASES, STARTED),
)
