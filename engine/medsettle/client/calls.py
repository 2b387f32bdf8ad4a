"""The client: one method for each thing a server does, in the types of the core."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import grpc
import pyarrow as pa

from medsettle import limits
from medsettle.client.answers import (
    comparison_of,
    explanation_of,
    person_of,
    policy_of,
    settlement_of,
)
from medsettle.client.cards import Cards
from medsettle.client.channel import channel_to
from medsettle.client.claims import ClaimLike, claim_message
from medsettle.client.enquiries import Enquiries
from medsettle.client.relatives import RelativesClient
from medsettle.client.requests import request_state_of, reversal_of
from medsettle.client.retry import Repeater
from medsettle.client.visits import Registrations, Visits
from medsettle.core.hindsight import Comparison
from medsettle.core.request_states import RequestState, Reversal
from medsettle.core.settlement import (
    Explanation,
    Opening,
    PersonState,
    PolicySummary,
    Settlement,
)
from medsettle.v1 import card_service_pb2_grpc as cards_grpc
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import person_service_pb2_grpc as persons_grpc
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import policy_service_pb2_grpc as policies_grpc
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import request_service_pb2_grpc as requests_grpc
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

Request = TypeVar("Request")
Response = TypeVar("Response")

_ANY: Final = "-"
_OPTIONS: Final = (
    # What was recorded must be readable, so the server alone bounds its answers.
    ("grpc.max_receive_message_length", -1),
    # A server that restarts is back within a second; the first reconnect must not wait for one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Client:
    """A connection to one server; safe to share between threads. Use it as a context manager.

    Every call has a deadline, and is sent again until it is answered or the deadline comes: a read
    where the server was out of reach or busy, a write also where its answer got lost.

    All methods raise the errors of `medsettle.errors` as the server met them, `TimeoutError` when
    no answer came in time, and `ConnectionError` when the server is out of reach or cut the call
    off. After the latter two a write may have been recorded: send it again with the same request
    id.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: float = limits.CALL_SECONDS_DEFAULT,
        attempt_timeout: float | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
    ) -> None:
        """Open a connection; it is made with the first call.

        Args:
            address: Host and port, such as `127.0.0.1:50051`.
            timeout: Seconds for a call, repetitions and pauses included.
            attempt_timeout: Seconds for one attempt of a write; half of `timeout` by default, so
                that a lost answer leaves time to ask again.
            credentials: TLS; without them the connection is open to readers on the way.
            token: Says who asks, see `medsettle access token`.

        Raises:
            InvalidRequest: The token would leave this machine unencrypted.
        """
        self._channel = channel_to(address, credentials, token, _OPTIONS)
        self._closed = False
        self._reads = Repeater(timeout, timeout)
        self._writes = Repeater(timeout, attempt_timeout or timeout / 2)
        self._settlements = settlements_grpc.SettlementServiceStub(self._channel)
        self._policies = policies_grpc.PolicyServiceStub(self._channel)
        self._persons = persons_grpc.PersonServiceStub(self._channel)
        self._requests = requests_grpc.RequestServiceStub(self._channel)
        self.relatives = RelativesClient(self._channel, self._read, self._write)
        self.cards = Cards(cards_grpc.CardServiceStub(self._channel), self._read, self._write)
        """The cards that the server keeps."""
        self.visits = Visits(self._channel, self._read, self._write)
        """Visits over several schemes: preview, settle, cancel, get."""
        self.registrations = Registrations(self._channel, self._read, self._write)
        """What authorities decided about persons: record, held."""
        self.enquiries = Enquiries(self._channel, self._read)
        """What cardholders ask: overview, account_movements, limit_uses."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; calls under way are cut off with a `ConnectionError`."""
        self._closed = True
        self._channel.close()

    def preview(self, claim: ClaimLike) -> Settlement:
        """Return what a claim would be settled to now; nothing is recorded."""
        request = settlements.PreviewSettlementRequest(claim=claim_message(claim))
        return settlement_of(self._read(self._settlements.PreviewSettlement, request).settlement)

    def settle(self, claim: ClaimLike) -> Settlement:
        """Return the recorded settlement of a claim, `duplicate` when it was recorded before."""
        request = settlements.CreateSettlementRequest(claim=claim_message(claim))
        return settlement_of(self._write(self._settlements.CreateSettlement, request))

    def cancel(self, settlement: str, *, institution: str, request_id: str) -> Settlement:
        """Return the new negative settlement that takes one back.

        Args:
            settlement: Id or resource name of the settlement to take back.
            institution: The institution of the settlement, which asks.
            request_id: A new id of the institution, stored before calling.
        """
        request = settlements.CancelSettlementRequest(
            name=_name(settlement), institution=institution, request_id=request_id
        )
        return settlement_of(self._write(self._settlements.CancelSettlement, request))

    def reverse(self, institution: str, original_request_id: str, request_id: str) -> Reversal:
        """Take back whatever a request recorded, or let it never settle where it recorded nothing.

        Args:
            institution: Who sent the original.
            original_request_id: The request id of the original.
            request_id: A new id of the institution, which the negative record has. An original is
                reversed once, under whatever id.
        """
        request = requests.ReverseRequestRequest(
            institution=institution,
            original_request_id=original_request_id,
            request_id=request_id,
        )
        return reversal_of(self._write(self._requests.ReverseRequest, request))

    def find_request(self, institution: str, request_id: str) -> RequestState:
        """Return what became of the request of an institution with an id."""
        request = requests.FindRequestRequest(institution=institution, request_id=request_id)
        return request_state_of(self._read(self._requests.FindRequest, request))

    def get(self, settlement: str) -> Settlement:
        """Return the recorded settlement with this id or resource name."""
        request = settlements.GetSettlementRequest(name=_name(settlement))
        return settlement_of(self._read(self._settlements.GetSettlement, request))

    def explain(self, settlement: str) -> Explanation:
        """Return why the settlement with this id or resource name came out as it did."""
        request = settlements.ExplainSettlementRequest(name=_name(settlement))
        return explanation_of(self._read(self._settlements.ExplainSettlement, request))

    def compare_without(self, settlement: str) -> Comparison:
        """Return what the person's later settlements would have been without one.

        Args:
            settlement: Id or resource name of a settlement, cancelled since or not; of a visit,
                any of its settlements.
        """
        request = settlements.CompareWithoutRequest(name=_name(settlement))
        return comparison_of(self._read(self._settlements.CompareWithout, request))

    def settle_table(self, claims: pa.Table) -> pa.Table:
        """Return a row for each claim of an Arrow table, in its order; see `SettleClaims`.

        The table is sent in parts that fit one call, and each part is recorded as a whole. When a
        part fails, those before it are recorded: send the same table again, and they are answered
        from the record.
        """
        return _answers(
            self._write(
                self._settlements.SettleClaims, settlements.SettleClaimsRequest(arrow_stream=part)
            ).arrow_stream
            for part in _parts(claims)
        )

    def preview_table(self, claims: pa.Table) -> pa.Table:
        """Return what the claims of an Arrow table would be settled to; nothing is recorded.

        Parts do not see one another: a person's later claim counts only what its own part has.
        """
        return _answers(
            self._read(
                self._settlements.PreviewClaims, settlements.PreviewClaimsRequest(arrow_stream=part)
            ).arrow_stream
            for part in _parts(claims)
        )

    def open_person(self, opening: Opening) -> PersonState:
        """Return the state of a person after recording what it brings along."""
        request = persons.RecordOpeningRequest(
            name=_person(opening.pooling_area, opening.person),
            institution=opening.institution,
            request_id=opening.request_id,
            account_fen=opening.account_fen,
            counters=[
                persons.Counter(counter=counter, period=period, value=value)
                for counter, period, value in opening.counters
            ],
        )
        return person_of(self._write(self._persons.RecordOpening, request))

    def person(self, pooling_area: str, person: str) -> PersonState:
        """Return account and counters of a person; zeros for one never seen."""
        request = persons.GetPersonRequest(name=_person(pooling_area, person))
        return person_of(self._read(self._persons.GetPerson, request))

    def policies(self, pooling_area: str | None = None) -> Iterator[PolicySummary]:
        """Yield the loaded policies, of all pooling areas or of one, page by page."""
        request = policies.ListPoliciesRequest(parent=_parent(pooling_area))
        while True:
            page = self._read(self._policies.ListPolicies, request)
            yield from map(policy_of, page.policies)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def list(
        self,
        *,
        pooling_area: str | None = None,
        institution: str | None = None,
        person: str | None = None,
        page_size: int = limits.PAGE_SIZE_MAX,
    ) -> Iterator[Settlement]:
        """Yield recorded settlements in ledger order, page by page; every filter given holds."""
        request = settlements.ListSettlementsRequest(
            parent=_parent(pooling_area),
            institution=institution or "",
            person=person or "",
            page_size=page_size,
        )
        while True:
            page = self._read(self._settlements.ListSettlements, request)
            yield from map(settlement_of, page.settlements)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _read(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        return self._reads.answer(lambda seconds: self._attempt(method, request, seconds))

    def _write(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        return self._writes.answer(lambda seconds: self._attempt(method, request, seconds))

    def _attempt(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        seconds: float,
    ) -> Response:
        try:
            return method(request, timeout=seconds)
        except (grpc.RpcError, ValueError) as error:
            # A closed channel cancels what is under way, and takes nothing more: a ValueError.
            if self._closed:
                raise ConnectionError("The client was closed before the answer came.") from error
            raise


def _name(settlement: str) -> str:
    if "/" in settlement:
        return settlement
    return f"poolingAreas/{_ANY}/settlements/{settlement}"


def _person(pooling_area: str, person: str) -> str:
    return f"poolingAreas/{pooling_area}/persons/{person}"


def _parent(pooling_area: str | None) -> str:
    return f"poolingAreas/{pooling_area or _ANY}"


def _parts(claims: pa.Table) -> Iterator[bytes]:
    """Yield Arrow streams of rows in order, each within the bounds of one call."""
    start, size = 0, limits.CLAIMS_PER_BATCH_MAX
    while start == 0 or start < claims.num_rows:
        part = claims.slice(start, size)
        stream = _stream(part)
        if len(stream) > limits.MESSAGE_BYTES_MAX and part.num_rows > 1:
            size = part.num_rows // 2
            continue
        yield stream
        start += max(1, part.num_rows)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _answers(streams: Iterable[bytes]) -> pa.Table:
    def table(stream: bytes) -> Any:  # noqa: ANN401 - pyarrow comes without types
        with pa.ipc.open_stream(stream) as reader:
            return reader.read_all()

    return pa.concat_tables([table(stream) for stream in streams])
