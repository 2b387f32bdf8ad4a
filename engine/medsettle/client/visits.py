"""The part of a client that settles visits over several schemes, and registers what routes them."""

from collections.abc import Iterator
from typing import Final, Protocol, TypeVar

import grpc

from medsettle.client.answers import registration_state_of, visit_of
from medsettle.client.claims import ClaimLike, claim_message, message_fields
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.visits import (
    Registration,
    RegistrationRequest,
    RegistrationState,
    Visit,
    institution_of,
    registration_of,
)
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import registration_service_pb2_grpc as registrations_grpc
from medsettle.v1 import visit_service_pb2 as visits
from medsettle.v1 import visit_service_pb2_grpc as visits_grpc

Request = TypeVar("Request")
Response = TypeVar("Response")

_ANY: Final = "-"


class Send(Protocol):
    """Sends a request of a kind, a read or a write, until it is answered."""

    def __call__(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        """Return the answer, or raise as `medsettle.client.Client` says."""
        ...


class Visits:
    """Visits at a server; `visits` of a `Client`."""

    def __init__(self, channel: grpc.Channel, read: Send, write: Send) -> None:
        self._stub = visits_grpc.VisitServiceStub(channel)
        self._read = read
        self._write = write

    def preview(self, claim: ClaimLike) -> Visit:
        """Return what a visit would be settled to now; nothing is recorded."""
        request = visits.PreviewVisitRequest(claim=claim_message(claim))
        return visit_of(self._read(self._stub.PreviewVisit, request).visit)

    def settle(self, claim: ClaimLike) -> Visit:
        """Return a recorded visit with its settlements, `duplicate` when it was recorded before.

        Args:
            claim: The visit, with the insurance type of the person's basic insurance.
        """
        request = visits.CreateVisitRequest(claim=claim_message(claim))
        return visit_of(self._write(self._stub.CreateVisit, request))

    def cancel(self, visit: str, *, institution: str, request_id: str) -> Visit:
        """Return the new visit that takes a whole one back.

        Args:
            visit: Id or resource name of the visit to take back.
            institution: The institution of the visit, which asks.
            request_id: A new id of the institution, stored before calling.
        """
        request = visits.CancelVisitRequest(
            name=_name(visit), institution=institution, request_id=request_id
        )
        return visit_of(self._write(self._stub.CancelVisit, request))

    def get(self, visit: str) -> Visit:
        """Return the recorded visit with this id or resource name."""
        return visit_of(self._read(self._stub.GetVisit, visits.GetVisitRequest(name=_name(visit))))


class Registrations:
    """Registrations of persons at a server; `registrations` of a `Client`."""

    def __init__(self, channel: grpc.Channel, read: Send, write: Send) -> None:
        self._stub = registrations_grpc.RegistrationServiceStub(channel)
        self._read = read
        self._write = write

    def record(self, request: RegistrationRequest) -> RegistrationState:
        """Return a recorded registration, `duplicate` when it was recorded before."""
        message = registrations.CreateRegistrationRequest(
            parent=_parent(request.pooling_area, request.holder),
            institution=request.institution,
            request_id=request.request_id,
            registration=_registration_message(request.registration),
            credential_type=request.credential_type or "",
            card=request.card or "",
        )
        return registration_state_of(self._write(self._stub.CreateRegistration, message))

    def held(
        self, pooling_area: str, holder: str, *, page_size: int = 0
    ) -> Iterator[RegistrationState]:
        """Yield the registrations of a person in ledger order, page by page.

        Those about an institution are kept under `core.visits.institution_holder`.

        Of each kind and number the one recorded last is held; 0 leaves the size of pages to the
        server.
        """
        request = registrations.ListRegistrationsRequest(
            parent=_parent(pooling_area, holder), page_size=page_size
        )
        while True:
            page = self._read(self._stub.ListRegistrations, request)
            yield from map(registration_state_of, page.registrations)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _registration_message(registration: Registration) -> registrations.Registration:
    """Return the message of a registration, which is checked before as claims are.

    Raises:
        InvalidRequest: All faults of the registration, with their paths.
    """
    row = registration_of(registration.row()).row()
    return registrations.Registration(**message_fields(row, REGISTRATION))


def _name(visit: str) -> str:
    return visit if "/" in visit else f"poolingAreas/{_ANY}/visits/{visit}"


def _parent(pooling_area: str, holder: str) -> str:
    about = institution_of(holder)
    of = f"institutions/{about}" if about else f"persons/{holder}"
    return f"poolingAreas/{pooling_area}/{of}"
