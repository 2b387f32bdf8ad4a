"""The servicers: each call is checked, handed to the engine, and answered. No arithmetic here."""

from collections.abc import Sequence

from medsettle import limits
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine.reading import nothing_recorded, nothing_to_compare
from medsettle.errors import NotFound
from medsettle.service import names, paging, streams, wire
from medsettle.service.batcher import Answer, Batcher
from medsettle.service.calls import Context, answered, deadline_of, stated_claim
from medsettle.service.desk import Desk
from medsettle.service.names import Name
from medsettle.service.sight import (
    check_seen,
    check_taken_back,
    listed_area,
    listed_institution,
    own_rows,
    tried_claim,
    tried_table,
)
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import person_service_pb2_grpc as persons_grpc
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import policy_service_pb2_grpc as policies_grpc
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc


async def _single(
    batcher: Batcher[settlements.Claim, Answer], claim: settlements.Claim, context: Context
) -> Settlement:
    """Return the settlement of one claim, or raise the error that belongs to its rejection."""
    answer = await batcher.answer(claim, deadline_of(context), size_bytes=claim.ByteSize())
    if isinstance(answer, Rejection):
        raise answer.error()
    return answer


def _page(found: Sequence[Settlement]) -> list[settlements.Settlement]:
    """Return the messages of as many settlements as fit into one answer, at least one.

    A stay of months has thousands of lines; a thousand of them are far more than a client accepts.
    """
    page: list[settlements.Settlement] = []
    room = limits.MESSAGE_BYTES_MAX // 2
    for each in found:
        message = wire.settlement_message(each)
        room -= message.ByteSize()
        if page and room < 0:
            break
        page.append(message)
    return page


class SettlementService(settlements_grpc.SettlementServiceServicer):
    """Previews, settles, cancels, finds and explains."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def PreviewSettlement(
        self, request: settlements.PreviewSettlementRequest, context: Context
    ) -> settlements.PreviewSettlementResponse:
        """Return the settlement of one claim, unrecorded."""
        claim = tried_claim(stated_claim(request, request.claim))
        away = self._desk.elsewhere(claim)
        if away is not None:
            settlement = await away.preview(claim, deadline_of(context))
        else:
            settlement = await _single(self._desk.previewing, claim, context)
        return settlements.PreviewSettlementResponse(settlement=wire.settlement_message(settlement))

    @answered
    async def CreateSettlement(
        self, request: settlements.CreateSettlementRequest, context: Context
    ) -> settlements.Settlement:
        """Return the recorded settlement of one claim."""
        claim = stated_claim(request, request.claim)
        away = self._desk.elsewhere(claim)
        if away is not None:
            return wire.settlement_message(await away.settle(claim, deadline_of(context)))
        self._desk.refuse_open(claim.institution, claim.request_id)
        return wire.settlement_message(await _single(self._desk.settling, claim, context))

    @answered
    async def CancelSettlement(
        self, request: settlements.CancelSettlementRequest, context: Context
    ) -> settlements.Settlement:
        """Return the new negative settlement."""
        cancel = names.checked_cancel(request, "settlements")
        sent, away = (cancel.institution, cancel.request_id), self._desk.away
        check_taken_back(self._desk, cancel.name.resource, nothing_recorded)
        copy = away.copy_of(cancel.name.resource, cancel.institution) if away else None
        if away is not None and copy is not None and copy.kind == "settle":
            settlement = await away.cancel(copy, *sent, deadline_of(context))
            assert isinstance(settlement, Settlement)
            return wire.settlement_message(settlement)
        self._desk.refuse_open(*sent)
        self._desk.refuse_foreign(cancel.name.resource, cancel.institution)
        settlement = self._desk.write(lambda: self._desk.engine.cancel(*sent, cancel.name.resource))
        return wire.settlement_message(settlement)

    @answered
    async def GetSettlement(
        self, request: settlements.GetSettlementRequest, context: Context
    ) -> settlements.Settlement:
        """Return one recorded settlement."""
        return wire.settlement_message(self._found(names.parsed_name(request.name, "settlements")))

    @answered
    async def ListSettlements(
        self, request: settlements.ListSettlementsRequest, context: Context
    ) -> settlements.ListSettlementsResponse:
        """Return a page in ledger order."""
        area = listed_area(names.parsed_parent(request.parent))
        institution = listed_institution(request.institution)
        limit = paging.page_size(request.page_size)
        arguments = ("settlements", area or names.ANY, institution or "", request.person)
        found = self._desk.engine.page(
            pooling_area=area,
            institution=institution,
            person=request.person or None,
            after_seq=self._desk.pages.position(request.page_token, *arguments),
            limit=limit,
        )
        page = _page(found)
        token = ""
        if len(page) == limit or len(page) < len(found):
            token = self._desk.pages.token(page[-1].seq, *arguments)
        return settlements.ListSettlementsResponse(settlements=page, next_page_token=token)

    @answered
    async def ExplainSettlement(
        self, request: settlements.ExplainSettlementRequest, context: Context
    ) -> settlements.ExplainSettlementResponse:
        """Return every share with its sentence and clause."""
        name = names.parsed_name(request.name, "settlements")
        check_seen(self._desk, name.resource, nothing_recorded)
        if name.pooling_area is not None:
            self._found(name)
        away = self._desk.away
        copy = away.copy_of(name.resource) if away is not None else None
        if away is not None and copy is not None:
            return wire.explanation_message(await away.explain(copy, deadline_of(context)))
        return wire.explanation_message(self._desk.engine.explain(name.resource))

    @answered
    async def CompareWithout(
        self, request: settlements.CompareWithoutRequest, context: Context
    ) -> settlements.CompareWithoutResponse:
        """Return what later settlements would have been."""
        name = names.parsed_name(request.name, "settlements")
        check_seen(self._desk, name.resource, nothing_to_compare)
        if name.pooling_area is not None:
            self._found(name)
        return wire.comparison_message(self._desk.engine.hindsight.without(name.resource))

    @answered
    async def SettleClaims(
        self, request: settlements.SettleClaimsRequest, context: Context
    ) -> settlements.SettleClaimsResponse:
        """Return a row for each claim of a stream, recorded in one commit."""
        answers = self._desk.settle(own_rows(streams.claims_of(request.arrow_stream)))
        return settlements.SettleClaimsResponse(arrow_stream=streams.stream_of(answers))

    @answered
    async def PreviewClaims(
        self, request: settlements.PreviewClaimsRequest, context: Context
    ) -> settlements.PreviewClaimsResponse:
        """Return a row for each claim of a stream, unrecorded."""
        claims = streams.claims_of(request.arrow_stream, tried_table)
        answers = self._desk.engine.preview(own_rows(claims))
        return settlements.PreviewClaimsResponse(arrow_stream=streams.stream_of(answers))

    def _found(self, name: Name) -> Settlement:
        """Return a settlement of the pooling area named."""
        check_seen(self._desk, name.resource, nothing_recorded)
        settlement = self._desk.engine.get(name.resource)
        if name.pooling_area not in {None, settlement.columns["pooling_area"]}:
            raise NotFound(
                f"No settlement {name.resource} is recorded in pooling area {name.pooling_area}. "
                "Check the name, or ask with - for any pooling area.",
                settlement=name.resource,
                pooling_area=name.pooling_area or names.ANY,
            )
        return settlement


class PolicyService(policies_grpc.PolicyServiceServicer):
    """Tells which policies are loaded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def ListPolicies(
        self, request: policies.ListPoliciesRequest, context: Context
    ) -> policies.ListPoliciesResponse:
        """Return a page by pooling area, identifier and first day in force."""
        area = names.parsed_parent(request.parent)
        limit = paging.page_size(request.page_size)
        arguments = ("policies", request.parent)
        first = self._desk.pages.position(request.page_token, *arguments)
        loaded = sorted(
            (each for each in self._desk.engine.policies() if area in {None, each.pooling_area}),
            key=lambda each: (each.pooling_area, each.policy, each.in_force_from),
        )
        end = first + limit
        return policies.ListPoliciesResponse(
            policies=[wire.policy_message(each) for each in loaded[first:end]],
            next_page_token=self._desk.pages.token(end, *arguments) if end < len(loaded) else "",
        )

    @answered
    async def GetPolicy(
        self, request: policies.GetPolicyRequest, context: Context
    ) -> policies.Policy:
        """Return one loaded policy."""
        name = names.parsed_name(request.name, "policies")
        for each in self._desk.engine.policies():
            if each.policy == name.resource and name.pooling_area in {None, each.pooling_area}:
                return wire.policy_message(each)
        raise NotFound(
            f"No policy {name.resource} is loaded. ListPolicies tells which are.",
            policy=name.resource,
            pooling_area=name.pooling_area or names.ANY,
        )


class PersonService(persons_grpc.PersonServiceServicer):
    """Keeps accounts and counters."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def RecordOpening(
        self, request: persons.RecordOpeningRequest, context: Context
    ) -> persons.Person:
        """Return the state of a person after recording what it brings along."""
        opening = names.checked_opening(request)
        state = self._desk.write(lambda: self._desk.engine.open_person(opening))
        return wire.person_message(state)

    @answered
    async def GetPerson(
        self, request: persons.GetPersonRequest, context: Context
    ) -> persons.Person:
        """Return account and counters of a person."""
        return wire.person_message(self._desk.engine.person(*names.parsed_person(request.name)))
