"""Whoever reaches the engines of other areas, as the services ask it."""

from typing import Protocol

from medsettle.core.request_states import Reversal
from medsettle.core.settlement import Explanation, Settlement
from medsettle.core.visits import Visit
from medsettle.ledger.entries import Recorded
from medsettle.v1.settlement_service_pb2 import Claim


class Away(Protocol):
    """What the services ask of whoever reaches the engines of other areas.

    See `medsettle.peers.care_desk.CareDesk`; deadlines are seconds of the loop's clock.
    """

    def decides_not(self, claim: Claim) -> bool:
        """Return whether the benefits of a claim are decided by an engine reached from here."""
        ...

    def refuse_foreign(self, record: str, institution: str) -> None:
        """Raise where a settlement or visit of an institution is of another place of care."""
        ...

    def refuse_foreign_request(self, institution: str, request_id: str) -> None:
        """Raise where what a request recorded here belongs to another place of care."""
        ...

    def copy_of(self, record: str, institution: str | None = None) -> Recorded | None:
        """Return the copy here of what another engine decided, for an institution or any."""
        ...

    def resolving(self, institution: str, request_id: str) -> bool:
        """Return whether what became of a request is being found out."""
        ...

    def refuse_open(self, institution: str, request_id: str) -> None:
        """Raise where an id is that of a request sent elsewhere whose outcome is not known."""
        ...

    async def preview(self, claim: Claim, deadline: float | None) -> Settlement:
        """Return what a claim would be settled to."""
        ...

    async def preview_visit(self, claim: Claim, deadline: float | None) -> Visit:
        """Return what a visit would be settled to."""
        ...

    async def settle(self, claim: Claim, deadline: float | None) -> Settlement:
        """Return the settlement of a claim, recorded in both books."""
        ...

    async def settle_visit(self, claim: Claim, deadline: float | None) -> Visit:
        """Return a visit, recorded in both books."""
        ...

    async def cancel(
        self, copy: Recorded, institution: str, request_id: str, deadline: float | None
    ) -> Settlement | Visit:
        """Return the record that takes a settlement or visit back in both books."""
        ...

    async def reverse(
        self, institution: str, original_request_id: str, request_id: str, deadline: float | None
    ) -> Reversal | None:
        """Return what a reversal made of its original; None where none of this is elsewhere."""
        ...

    async def explain(self, copy: Recorded, deadline: float | None) -> Explanation:
        """Return why a settlement came out as it did."""
        ...
