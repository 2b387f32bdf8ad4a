"""The place of care: lines are split here, benefits are decided by the engine of another area.

A request of an institution here is asked of the place of insurance and then recorded, in that
order. Whatever interrupts the two, the entry here decides: while there is none, the same request
may be sent again and is answered by what the place of insurance recorded the first time. What stays
without an answer is opened as unknown and resolved by `medsettle.peers.unknowns`.
"""

from functools import partial
from typing import Final, Literal

from medsettle import errors, limits
from medsettle.client.answers import explanation_of
from medsettle.core.request_states import RequestStatus, Reversal
from medsettle.core.settlement import Explanation, Settlement
from medsettle.core.visits import Visit
from medsettle.engine import Engine
from medsettle.engine.copies import Copied, holder_of, request_of
from medsettle.engine.elsewhere import Elsewhere, Standing, Taking
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import content_digest
from medsettle.ledger.entries import Holder, Recorded
from medsettle.peers.asking import Asking
from medsettle.peers.config import PeerConfig, is_area
from medsettle.peers.home_desk import care_area_of
from medsettle.peers.links import Links
from medsettle.peers.messages import answer_of, delivered_of
from medsettle.peers.open_cases import OpenCases, Unknown
from medsettle.peers.stating import Stated, Stating
from medsettle.service.desk import Desk
from medsettle.settle.scoping import ALL_TYPES
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

_STANDINGS: Final = {
    Standing.AGREED: peers.STANDING_AGREED,
    Standing.NOT_TAKEN: peers.STANDING_NOT_TAKEN,
    Standing.PENDING: peers.STANDING_PENDING,
}


class CareDesk:
    """Answers requests about persons insured elsewhere. Make it on the running event loop."""

    def __init__(
        self, engine: Engine, desk: Desk, config: PeerConfig, links: Links, cases: OpenCases
    ) -> None:
        self._engine, self._desk = engine, desk
        self._config, self._links, self._cases = config, links, cases
        self.elsewhere: Final = Elsewhere(engine.ledger, engine.log)
        self._asking = Asking(self.elsewhere, desk, links, cases)
        self._stating = Stating(engine, config)

    # --- whose it is -----------------------------------------------------------------------

    def decides_not(self, claim: settlements.Claim) -> bool:
        """Return whether the benefits of a claim are decided by an engine reached from here."""
        area = claim.pooling_area
        if self._config.serves(area) or not is_area(area):
            return False
        return self._links.reaches(area)

    def copy_of(self, record: str, institution: str | None = None) -> Recorded | None:
        """Return the copy here of a settlement or visit, of an institution or of any."""
        found = self.elsewhere.copy_of(record)
        return None if found is None or institution not in {None, found.institution} else found

    def refuse_foreign(self, record: str, institution: str) -> None:
        """Raise where a settlement or visit of an institution is of another place of care.

        Raises:
            DecidedElsewhere: It does: taken back at this desk alone, it would stand in that book.
        """
        recorded = self._engine.ledger.settlement(record)
        if recorded is None or recorded.institution != institution:
            return
        area = care_area_of(self._engine.ledger, recorded)
        if area and not self._config.serves(area):
            raise errors.DecidedElsewhere(
                f"{record} is a settlement of the place of care {area}; ask a server there to take "
                "it back, which does so in both books",
                settlement=record,
                pooling_area=area,
            )

    def refuse_foreign_request(self, institution: str, request_id: str) -> None:
        """Raise where what a request recorded here belongs to another place of care.

        Raises:
            DecidedElsewhere: It does.
        """
        entry = self._engine.find_request(institution, request_id).entry
        if entry:
            self.refuse_foreign(entry, institution)

    def resolving(self, institution: str, request_id: str) -> bool:
        """Return whether what became of a request is being found out."""
        key = (institution, request_id)
        return self._asking.is_under_way(key) or self._cases.is_unknown(key)

    def refuse_open(self, institution: str, request_id: str) -> None:
        """Raise where an id is that of a request sent elsewhere whose outcome is not known.

        Raises:
            RequestIdReused: It is; nothing else is recorded under it.
        """
        self._asking.refuse_open(institution, request_id)

    def is_under_way(self, key: tuple[str, str]) -> bool:
        """Return whether a request is being answered at this moment."""
        return self._asking.is_under_way(key)

    # --- asking ----------------------------------------------------------------------------

    async def preview(self, claim: settlements.Claim, deadline: float | None) -> Settlement:
        """Return what a claim would be settled to; nothing is recorded anywhere."""
        stated = self._stating.stated(claim, "settle")
        body = self._stating.scoped(stated, None)[0]
        answer = await self._asking.call("PreviewScoped", stated.area, body, deadline)
        found = settlements.PreviewSettlementResponse.FromString(answer)
        return answer_of("PreviewScoped", found.settlement.SerializeToString())[0]  # type: ignore[return-value]

    async def preview_visit(self, claim: settlements.Claim, deadline: float | None) -> Visit:
        """Return what a visit would be settled to; nothing is recorded anywhere."""
        stated = self._stating.stated(claim, "visit")
        body = self._stating.scoped(stated, ALL_TYPES)[0]
        answer = await self._asking.call("PreviewScopedVisit", stated.area, body, deadline)
        found = visits.PreviewVisitResponse.FromString(answer)
        return answer_of("PreviewScopedVisit", found.visit.SerializeToString())[0]  # type: ignore[return-value]

    async def settle(self, claim: settlements.Claim, deadline: float | None) -> Settlement:
        """Return the settlement of a claim, recorded at the place of insurance and here.

        Raises:
            OutcomeUnknown: The answer did not come; the same request may be sent again.
            PeerUnreachable: Nothing was sent.
            SettlementError: As for a claim that is decided here.
        """
        stated = self._stating.stated(claim, "settle")
        ask = partial(self._settle, "SettleScoped", stated, None, deadline)
        found = await self._asking.once(stated.asked, ask)
        assert isinstance(found, Settlement)
        return found

    async def settle_visit(self, claim: settlements.Claim, deadline: float | None) -> Visit:
        """Return a visit, recorded at the place of insurance and here; as `settle` does."""
        stated = self._stating.stated(claim, "visit")
        ask = partial(self._settle, "SettleScopedVisit", stated, ALL_TYPES, deadline)
        found = await self._asking.once(stated.asked, ask)
        assert isinstance(found, Visit)
        return found

    async def cancel(
        self, copy: Recorded, institution: str, request_id: str, deadline: float | None
    ) -> Copied:
        """Return the record that takes a settlement or a visit back in both books.

        Raises:
            OutcomeUnknown: The answer did not come. A cancel is sent again until it is known.
            SettlementError: As for a settlement that was decided here.
        """
        is_visit = copy.kind == "visit"
        kind, name = ("visit_cancel", "visit") if is_visit else ("cancel", "settlement")
        digest = content_digest(kind, {name: copy.settlement})
        asked = Asked(institution, request_id, digest, copy.pooling_area, copy.person)
        fields = {"institution": institution, "request_id": request_id}
        if is_visit:
            method = "CancelScopedVisit"
            path = f"poolingAreas/-/visits/{copy.settlement}"
            body = visits.CancelVisitRequest(name=path, **fields).SerializeToString()
        else:
            method = "CancelScoped"
            path = f"poolingAreas/-/settlements/{copy.settlement}"
            body = settlements.CancelSettlementRequest(name=path, **fields).SerializeToString()

        async def ask() -> Copied:
            answer = await self._asking.sent(asked, method, body, deadline, opened_before=True)
            record, as_sent = answer_of(method, answer)
            return await self._asking.taken(Taking(asked, record, as_sent=as_sent), method)

        return await self._asking.once(asked, ask)

    async def reverse(
        self, institution: str, original_request_id: str, request_id: str, deadline: float | None
    ) -> Reversal | None:
        """Return what a reversal made of its original; None where none of this is elsewhere.

        What is not recorded here is withdrawn here, which decides it; see `Engine.reverse`.
        """
        await self._asking.decided((institution, original_request_id), deadline)
        copy = self.elsewhere.copy_under(institution, original_request_id)
        if copy is None:
            return None
        digest = content_digest("reversal", {"original_request_id": original_request_id})
        asked = Asked(institution, request_id, digest, copy.pooling_area, copy.person)
        known = self.elsewhere.known(asked)
        state = self._engine.find_request(institution, original_request_id)
        if known is not None or state.status is not RequestStatus.COMMITTED:
            # Another has taken it back meanwhile, be it that this one was sent before.
            self._asking.refuse_open(*asked.key, digest)
            return Reversal(state, duplicate=True)
        body = requests.ReverseRequestRequest(
            institution=institution,
            original_request_id=original_request_id,
            request_id=request_id,
        ).SerializeToString()

        async def ask() -> bool:
            answer = await self._asking.sent(
                asked, "ReverseScoped", body, deadline, opened_before=True
            )
            reversed_there = peers.ReverseScopedResponse.FromString(answer)
            self.take_back(reversed_there, (asked.pooling_area, asked.person))
            self._cases.close_unknown(asked.key)
            return reversed_there.duplicate

        done_before, was_under_way = await self._asking.shared(asked, ask)
        state = self._engine.find_request(institution, original_request_id)
        return Reversal(state, duplicate=done_before or was_under_way)

    def take_back(self, reversed_there: peers.ReverseScopedResponse, holder: Holder) -> None:
        """Record here what took an original back at the place of insurance, if anything did.

        Args:
            reversed_there: What that answered.
            holder: Pooling area and person of the request that was to be reversed.

        Raises:
            OutcomeUnknown: It answered about somebody else.
        """
        if reversed_there.HasField("taken_back"):
            delivered = delivered_of(reversed_there.taken_back)
            if holder_of(delivered) != holder:
                raise errors.OutcomeUnknown(
                    "it answered about another person or area", area=holder[0]
                )
            self._desk.write(lambda: self.elsewhere.standing(delivered))

    async def explain(self, copy: Recorded, deadline: float | None) -> Explanation:
        """Return why a settlement came out as it did, as the place of insurance says it."""
        name = f"poolingAreas/-/settlements/{copy.settlement}"
        body = settlements.ExplainSettlementRequest(name=name).SerializeToString()
        answer = await self._asking.call("ExplainScoped", copy.pooling_area, body, deadline)
        return explanation_of(settlements.ExplainSettlementResponse.FromString(answer))

    # --- what the place of insurance delivers -----------------------------------------------

    def standing(self, delivered: Copied, age_seconds: float) -> "peers.Standing.ValueType":
        """Return what became here of something that the place of insurance recorded.

        Whoever sent the request may be about to send it again, to another process of this place of
        care too or after a restart, so what is young is not decided by asking.

        Args:
            delivered: What was recorded.
            age_seconds: How long ago.
        """
        key = request_of(delivered)
        if self._asking.is_under_way(key) or self._is_waited_for(key):
            return peers.STANDING_PENDING
        if age_seconds < limits.UNKNOWN_GRACE_SECONDS and self.elsewhere.is_unheard_of(delivered):
            return peers.STANDING_PENDING
        return _STANDINGS[self._desk.write(lambda: self.elsewhere.standing(delivered))]

    def _is_waited_for(self, key: tuple[str, str]) -> bool:
        """Return whether a request is open here and may still be sent again."""
        return (
            self._cases.is_unknown(key)
            and self._engine.find_request(*key).status is RequestStatus.UNKNOWN
        )

    # --- the way of one request ------------------------------------------------------------

    async def _settle(
        self, method: str, stated: Stated, types: Literal["all"] | None, deadline: float | None
    ) -> Copied:
        asked = stated.asked
        self._asking.refuse_beside_unknown(asked)
        self._asking.refuse_left_alone(asked)
        self.elsewhere.refuse_used_number(asked.institution, stated.row["institution_settlement"])
        try:
            body, used = self._stating.scoped(stated, types)
        except errors.SettlementError as error:
            self._asking.refuse(asked, error)
            raise
        answer = await self._asking.sent(asked, method, body, deadline)
        record, as_sent = answer_of(method, answer)
        return await self._asking.taken(Taking(asked, record, stated.row, used, as_sent), method)

    async def send_again(self, unknown: Unknown) -> None:
        """Send a cancel or a reversal again whose answer did not come, and record the answer.

        Raises:
            SettlementError: It is still unknown, or was refused, which is recorded.
        """
        asked = Asked(
            unknown.institution, unknown.request_id, unknown.digest, unknown.area, unknown.person
        )
        answer = await self._asking.sent(asked, unknown.method, unknown.body, None)
        if unknown.method == "ReverseScoped":
            reversed_there = peers.ReverseScopedResponse.FromString(answer)
            self.take_back(reversed_there, (unknown.area, unknown.person))
            self._cases.close_unknown(asked.key)
            return
        record, as_sent = answer_of(unknown.method, answer)
        await self._asking.taken(Taking(asked, record, as_sent=as_sent), unknown.method)

    async def find_there(self, unknown: Unknown) -> requests.RequestState:
        """Return what became of a request at the place of insurance."""
        body = requests.FindRequestRequest(
            institution=unknown.institution, request_id=unknown.request_id
        ).SerializeToString()
        answer = await self._asking.call("FindScoped", unknown.area, body, None)
        return requests.RequestState.FromString(answer)
