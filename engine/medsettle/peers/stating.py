"""Claims of institutions here about persons insured elsewhere: checked, and split to be sent."""

from dataclasses import dataclass
from typing import Literal

from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row
from medsettle.engine import Engine
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import claim_digest, request_key
from medsettle.peers.config import PeerConfig
from medsettle.peers.messages import scoped_message
from medsettle.service import wire
from medsettle.settle.scoping import scoped_claims
from medsettle.v1 import settlement_service_pb2 as settlements


@dataclass(frozen=True, slots=True)
class Stated:
    """A claim of an institution here, checked."""

    message: settlements.Claim
    batch: ClaimBatch
    row: Row
    asked: Asked

    @property
    def area(self) -> str:
        """The area that decides."""
        return self.asked.pooling_area


@dataclass(frozen=True, slots=True)
class Stating:
    """Checks and splits claims by the catalogues of an engine."""

    engine: Engine
    config: PeerConfig

    def stated(self, claim: settlements.Claim, kind: str) -> Stated:
        """Return a claim with its place of care, checked.

        Args:
            claim: As the institution sent it; without a place of care it is the one area served.
            kind: `settle` or `visit`, which tells requests with the same content apart.

        Raises:
            InvalidRequest: The claim has faults, or its place of care is not served here.
        """
        message = settlements.Claim()
        message.CopyFrom(claim)
        if not message.care_area and len(self.config.areas) == 1:
            (message.care_area,) = self.config.areas
        batch = wire.batch_of([message])
        if 0 in batch.rejections:
            raise batch.rejections[0].error()
        if not self.config.serves(message.care_area):
            served = ", ".join(self.config.areas)
            text = f"{message.care_area!r} is not served here; the place of care is one of {served}"
            raise errors.InvalidRequest([errors.Fault("care_area", text)])
        row = batch.rows[0]
        digest = claim_digest(kind, row)
        asked = Asked(*request_key(row), digest, str(row["pooling_area"]), str(row["person"]))
        return Stated(message, batch, row, asked)

    def scoped(
        self, stated: Stated, types: Literal["all"] | None
    ) -> tuple[bytes, tuple[tuple[CounterKey, int], ...]]:
        """Return a claim as it is sent, and what it uses of limited items.

        Args:
            stated: The claim.
            types: `ALL_TYPES` for a visit, whose lines are routed elsewhere; None splits for the
                insurance type of the claim.

        Raises:
            SettlementError: The catalogue here cannot split it.
        """
        found = scoped_claims(
            self.engine.rulebook,
            stated.batch,
            [0],
            self.engine.ledger.counters,
            insurance_types=types,
        )[0]
        if isinstance(found, Rejection):
            raise found.error()
        return scoped_message(stated.message, found.scope).SerializeToString(), found.used
