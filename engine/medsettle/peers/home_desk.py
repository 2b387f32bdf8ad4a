"""The place of insurance: claims split elsewhere are decided here by the engine there is.

What was recorded is handed over until the place of care has said whether it took it. Which that is
follows from the ledger, also where it was recorded by other ways than these.
"""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeVar

from medsettle import errors, limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.engine.copies import Copied, request_of
from medsettle.engine.elsewhere import Elsewhere
from medsettle.engine.visit_entries import part_ids
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.ledger.records import decode_scope, decode_settlement
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.peers.config import PeerConfig
from medsettle.peers.handler import Caller
from medsettle.peers.messages import care_scope_of, delivered_message, parsed
from medsettle.peers.open_cases import OpenCases
from medsettle.service import names, wire
from medsettle.service.batcher import Answer, Batcher
from medsettle.service.desk import Desk
from medsettle.service.previews import previewed_apart
from medsettle.service.request_service import state_message
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits

Result = TypeVar("Result")


class _Scoped(NamedTuple):
    """A claim as it came, with its split."""

    claim: settlements.Claim
    scope: CareScope


class HomeDesk:
    """Decides for other places of care. Make it on the running event loop."""

    def __init__(
        self,
        engine: Engine,
        desk: Desk,
        config: PeerConfig,
        cases: OpenCases,
        recorded_now: Callable[[], None] = lambda: None,
    ) -> None:
        """Decide by an engine.

        Args:
            engine: Decides.
            desk: Its desk.
            config: Who may ask for whom.
            cases: Takes the deliveries.
            recorded_now: Called after each write; see that `open_new` is called soon.
        """
        self._engine, self._desk, self._config = engine, desk, config
        self._cases, self._recorded_now = cases, recorded_now
        self._elsewhere = Elsewhere(engine.ledger, engine.log)
        self._settling: Batcher[_Scoped, Answer] = Batcher(self._settle_all)
        self._previewing: Batcher[_Scoped, Answer] = Batcher(
            lambda asked: previewed_apart(
                engine.preview, asked, lambda each: each.claim.person, _batch
            )
        )
        self.methods: Final = {
            "PreviewScoped": self._preview,
            "SettleScoped": self._settle,
            "PreviewScopedVisit": self._preview_visit,
            "SettleScopedVisit": self._settle_visit,
            "CancelScoped": self._cancel,
            "CancelScopedVisit": self._cancel_visit,
            "ReverseScoped": self._reverse,
            "FindScoped": self._find,
            "ExplainScoped": self._explain,
        }

    # --- settling --------------------------------------------------------------------------

    async def _preview(self, body: bytes, caller: Caller) -> bytes:
        found = await self._answer(self._previewing, body, caller)
        message = wire.settlement_message(found)
        return settlements.PreviewSettlementResponse(settlement=message).SerializeToString()

    async def _settle(self, body: bytes, caller: Caller) -> bytes:
        found = await self._answer(self._settling, body, caller)
        return wire.settlement_message(found).SerializeToString()

    async def _answer(
        self, batcher: Batcher[_Scoped, Answer], body: bytes, caller: Caller
    ) -> Settlement:
        scoped = self._scoped(body, caller)
        answer = await batcher.answer(scoped, size_bytes=len(body))
        if isinstance(answer, Rejection):
            raise answer.error()
        return answer

    def _settle_all(self, asked: Sequence[_Scoped]) -> Sequence[Answer]:
        return self._write(lambda: self._engine.settle(_batch(asked)))

    def _write(self, work: Callable[[], Result]) -> Result:
        """Return what a write returns, and have what it recorded delivered."""
        result = self._desk.write(work)
        self._recorded_now()
        return result

    async def _preview_visit(self, body: bytes, caller: Caller) -> bytes:
        batch = _batch([self._scoped(body, caller)])
        message = wire.visit_message(self._engine.visits.preview(batch))
        return visits.PreviewVisitResponse(visit=message).SerializeToString()

    async def _settle_visit(self, body: bytes, caller: Caller) -> bytes:
        scoped = self._scoped(body, caller)
        visit = self._write(lambda: self._engine.visits.settle(_batch([scoped])))
        return wire.visit_message(visit).SerializeToString()

    def _scoped(self, body: bytes, caller: Caller) -> _Scoped:
        """Return a claim with its split.

        Raises:
            InvalidRequest: The message is none.
            PeerNotKnown: The caller does not speak for the place of care, or the insured area is
                not decided here.
        """
        message = parsed(peers.ScopedClaim, body)
        assert isinstance(message, peers.ScopedClaim)
        if not message.HasField("claim"):
            raise errors.InvalidRequest([errors.Fault("claim", "missing in ScopedClaim")])
        area = message.claim.pooling_area
        if not self._config.serves(area):
            raise errors.PeerNotKnown(
                f"area {area!r} is not decided by {self._config.name}; correct the route to it",
                area=area,
            )
        self._check_speaks_for(caller, message.claim.care_area)
        return _Scoped(message.claim, care_scope_of(message))

    # --- taking back -----------------------------------------------------------------------

    async def _cancel(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(settlements.CancelSettlementRequest, body)
        cancel = names.checked_cancel(request, "settlements")  # type: ignore[arg-type]
        self._care_area(cancel.name.resource, "settlement", caller)
        settlement = self._write(
            lambda: self._engine.cancel(cancel.institution, cancel.request_id, cancel.name.resource)
        )
        return wire.settlement_message(settlement).SerializeToString()

    async def _cancel_visit(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(visits.CancelVisitRequest, body)
        cancel = names.checked_cancel(request, "visits")  # type: ignore[arg-type]
        self._care_area(cancel.name.resource, "visit", caller)
        visit = self._write(
            lambda: self._engine.visits.cancel(
                cancel.institution, cancel.request_id, cancel.name.resource
            )
        )
        return wire.visit_message(visit).SerializeToString()

    async def _reverse(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(requests.ReverseRequestRequest, body)
        assert isinstance(request, requests.ReverseRequestRequest)
        institution, original = request.institution, request.original_request_id
        state = self._engine.find_request(institution, original)
        if state.entry:
            self._care_area(state.entry, "request", caller)
        reversal = self._write(
            lambda: self._engine.reverse(institution, original, request.request_id)
        )
        answer = peers.ReverseScopedResponse(
            original=state_message(reversal.original), duplicate=reversal.duplicate
        )
        taken_back_by = reversal.original.taken_back_by
        if taken_back_by:
            area = care_area_of(self._engine.ledger, self._recorded(taken_back_by))
            record = self._elsewhere.recorded(taken_back_by)
            answer.taken_back.CopyFrom(delivered_message(record, area))
        return answer.SerializeToString()

    def taken_back(self, record: Copied, attempts: int) -> None:
        """Take back what the place of care did not take.

        Args:
            record: The settlement or visit.
            attempts: How often it was tried before: a refusal stays what it is under its id.

        Raises:
            SettlementError: It cannot be taken back now, such as an account that was spent.
        """
        institution, original = request_of(record)
        own_id = reversal_id(institution, original, attempts)
        self._write(lambda: self._engine.reverse(institution, original, own_id))

    # --- enquiries -------------------------------------------------------------------------

    async def _find(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(requests.FindRequestRequest, body)
        assert isinstance(request, requests.FindRequestRequest)
        state = self._engine.find_request(request.institution, request.request_id)
        if state.entry:
            self._care_area(state.entry, "request", caller)
        return state_message(state).SerializeToString()

    async def _explain(self, body: bytes, caller: Caller) -> bytes:
        request = parsed(settlements.ExplainSettlementRequest, body)
        assert isinstance(request, settlements.ExplainSettlementRequest)
        name = names.parsed_name(request.name, "settlements")
        self._care_area(name.resource, "settlement", caller)
        return wire.explanation_message(self._engine.explain(name.resource)).SerializeToString()

    # --- whose it is -----------------------------------------------------------------------

    def _care_area(self, record: str, kind: str, caller: Caller) -> str:
        """Return the place of care of a record; whoever may not ask for it does not learn of it.

        Raises:
            NotFound: Nothing of a place of care that the caller speaks for has that id.
        """
        found = self._engine.ledger.settlement(record)
        area = "" if found is None else care_area_of(self._engine.ledger, found)
        if not area or not self._config.speaks_for(caller.neighbour, area):
            raise errors.NotFound(
                f"no {kind} of {caller.neighbour} is recorded as {record!r}; check the id",
                settlement=record,
            )
        return area

    def _check_speaks_for(self, caller: Caller, care_area: str) -> None:
        if not self._config.speaks_for(caller.neighbour, care_area):
            raise errors.PeerNotKnown(
                f"{caller.neighbour} does not speak for the place of care {care_area!r}; add it to "
                "the areas of that peer, or correct care_area",
                area=care_area,
            )

    def _recorded(self, record: str) -> Recorded:
        found = self._engine.ledger.settlement(record)
        assert found is not None, "what took an original back is recorded"
        return found

    # --- deliveries ------------------------------------------------------------------------

    async def open_new(self) -> None:
        """Open the deliveries of what was recorded since this was done last, whoever recorded it.

        The ledger alone says what is to be delivered, and the position moves with what is opened:
        nothing depends on who wrote an entry, or on what happened after its commit. Page by page
        between calls: where peers are new to a ledger it is looked through as a whole.
        """
        ledger = self._engine.ledger
        end = ledger.last_seq()
        if self._cases.position > end:
            say(logged.LEDGER_SHORTER, seq=end)
            self._cases.start_over()
        after_seq = self._cases.position
        while after_seq < end and (
            page := ledger.page(
                after_seq=after_seq, limit=limits.PAGE_SIZE_MAX, with_messages=False
            )
        ):
            found = [
                (each.settlement, care_area_of(ledger, each))
                for each in page
                if _may_be_delivered(each)
            ]
            after_seq = page[-1].seq
            self._cases.open_deliveries([each for each in found if each[1]], after_seq)
            await asyncio.sleep(0)
        if self._cases.position < end:
            # What follows are messages, which are not delivered.
            self._cases.open_deliveries((), end)


def care_area_of(ledger: LedgerReader, recorded: Recorded) -> str:
    """Return the place of care that split what an entry settles or takes back, empty for none.

    A claim of another place of care whose lines were split here is nobody's to deliver to.
    """
    found: Recorded | None = recorded
    if recorded.original is not None:
        found = ledger.settlement(recorded.original)
    if found is not None and found.kind == "visit":
        found = ledger.settlement(part_ids(found)[0])
    scope = None if found is None or found.kind != "settle" else decode_scope(found)
    return "" if scope is None else scope.care_area


def _may_be_delivered(recorded: Recorded) -> bool:
    """Return whether an entry may be one that is delivered; parts of visits come with the visit.

    Most entries are not, and looking for a name in their bytes is quicker than reading them.
    """
    if recorded.kind in {"visit", "visit_cancel"}:
        return True
    if recorded.kind == "cancel" or (recorded.kind == "settle" and _SCOPE in recorded.record):
        return decode_settlement(recorded).columns["visit"] is None
    return False


_SCOPE: Final = b'"scope":'


def _batch(asked: Sequence[_Scoped]) -> ClaimBatch:
    batch = wire.batch_of([each.claim for each in asked])
    return batch.scoped({row: each.scope for row, each in enumerate(asked)})


def reversal_id(institution: str, request_id: str, attempts: int) -> str:
    """Return the id under which a request that was not taken is reversed.

    A visit's reversal has two more characters for each part, so there are 28.

    Args:
        institution: Whose request it is.
        request_id: Its id.
        attempts: How often it was tried before.
    """
    named = f"{institution}\0{request_id}\0{attempts}"
    return "rev-" + sha256(named.encode()).hexdigest()[:24]
