"""What became of a request, by the id that its institution gave it.

    quoted      a preview; never recorded, its id is not consumed
    unknown     nothing is recorded under the id
    committed   recorded; the entry is named
    rejected    refused for good under this id; the refusal is kept
    cancelled   a settlement or visit, taken back by a cancel
    reversed    a settlement or visit, taken back by a reversal of its request (冲正)
    tombstone   reversed before it arrived; under this id it never settles (墓碑记录)

To a caller whose answer got lost a request is unknown too, whatever the ledger holds; asking by the
id tells which of the others it is. From `committed` a settlement or visit goes on to `cancelled` or
`reversed`; nothing else ever changes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol


class RequestStatus(StrEnum):
    """What became of a request."""

    UNKNOWN = "unknown"
    COMMITTED = "committed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    TOMBSTONE = "tombstone"


ADVICE: Final = {
    RequestStatus.UNKNOWN: "Nothing is recorded under this id, and the request may still arrive: "
    "send it again with the same id, or reverse it so that it never settles.",
    RequestStatus.COMMITTED: "It is recorded and stands; sent again, it is answered from the "
    "record.",
    RequestStatus.REJECTED: "It was refused for good under this id; a new request needs a new id.",
    RequestStatus.CANCELLED: "It was recorded and has been cancelled: nothing of it is owed. To "
    "settle again takes a new id.",
    RequestStatus.REVERSED: "It was recorded and has been reversed: nothing of it is owed. To "
    "settle again takes a new id.",
    RequestStatus.TOMBSTONE: "It was reversed before it arrived and never settles; a new request "
    "needs a new id.",
}
"""What a caller should know and do, by what became of its request."""

BEING_RESOLVED: Final = (
    "It was sent to the engine of another area, whose answer has not come; what became of it is "
    "being found out. Send the same id again for the settlement, or reverse it; if neither is done "
    "it is reversed within a minute of that engine being reached."
)
"""What a caller should know and do while it is not known what another area's engine did."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was refused: the reason of its error, the sentence, and what that names."""

    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestState:
    """What became of the request of an institution with an id.

    `kind` is that of the ledger entry (`settle`, `visit`, `cancel`, `opening`, …) and `entry` its
    id, by which a settlement or visit is found; `taken_back_by` is the id of the negative record
    that took it back. All are empty where there is none, as `entry` is of a refusal or a tombstone,
    which are nothing to be found. An unknown request has neither `seq` nor `create_time`; it is
    `being_resolved` where another area's engine may have settled it and is being asked.
    """

    institution: str
    request_id: str
    status: RequestStatus
    kind: str = ""
    entry: str = ""
    taken_back_by: str = ""
    pooling_area: str = ""
    seq: int | None = None
    create_time: datetime | None = None
    refusal: Refusal | None = None
    being_resolved: bool = False

    @property
    def advice(self) -> str:
        """What the caller should know and do."""
        return BEING_RESOLVED if self.being_resolved else ADVICE[self.status]


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal made of the request it names, the original.

    `original` is its state afterwards: `reversed`, with the id of the negative record; `tombstone`,
    where the original had not arrived; or, where there was nothing to take back, what it was
    before: `cancelled` or `rejected`. `duplicate` says that this call recorded nothing, because
    that state was there before it.
    """

    original: RequestState
    duplicate: bool = False


class RequestDesk(Protocol):
    """Where requests are asked for and reversed by their ids, at an engine or at a server."""

    def reverse(self, institution: str, original_request_id: str, request_id: str) -> Reversal:
        """Take back whatever the request with an id recorded, or let it never settle."""
        ...

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of the request with an id."""
        ...
