"""Refused visits and registrations over the wire: the code, the details, and nothing recorded."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, TypeAlias

import grpc
import pytest
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from grpc_status import rpc_status
from medsettle import errors, limits
from medsettle.client import Client
from medsettle.client.claims import claim_message
from medsettle.core.visits import RegistrationRequest
from medsettle.engine import Engine
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import registration_service_pb2_grpc as registrations_grpc
from medsettle.v1 import visit_service_pb2 as visits
from medsettle.v1 import visit_service_pb2_grpc as visits_grpc

from tests.engine.engines import acts, engine_on
from tests.engine.visits import AREA, LIMB, SHAPES, injury_stay, line, recognition, visit_row
from tests.service.serving import Served

# Tests give the stub messages of every form, which its types would refuse.
Stub: TypeAlias = Any

_DETAILS = (
    details.BadRequest,
    details.ErrorInfo,
    details.PreconditionFailure,
    details.ResourceInfo,
)
_SECONDS = limits.CALL_SECONDS_DEFAULT


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine of the area that routes visits, behind the server of this file."""
    with engine_on(tmp_path_factory.mktemp("ledger"), SHAPES) as engine:
        yield engine


@pytest.fixture(name="stub", scope="module")
def _stub(served: Served) -> Iterator[Any]:
    with grpc.insecure_channel(served.address) as channel:
        yield visits_grpc.VisitServiceStub(channel)


def _refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, dict[str, Any]]:
    """Return code and details of a call that is refused."""
    with pytest.raises(grpc.RpcError) as raised:
        call()
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]
    assert status is not None
    found = {
        kind.DESCRIPTOR.name: kind.FromString(packed.value)
        for packed in status.details
        for kind in _DETAILS
        if packed.Is(kind.DESCRIPTOR)
    }
    return raised.value.code(), found


def _create(stub: Stub, row: dict[str, Any]) -> visits.Visit:
    request = visits.CreateVisitRequest(claim=claim_message(row))
    answer: visits.Visit = stub.CreateVisit(request, timeout=_SECONDS)
    return answer


def _register(client: Client, person: str, **changes: Any) -> None:  # noqa: ANN401
    own = recognition(**changes)
    request_id = f"{person}-{own.subject}"
    client.registrations.record(RegistrationRequest("AGENCY", request_id, AREA, person, own))


@pytest.mark.parametrize(
    ("changes", "reason", "metadata"),
    [
        pytest.param(
            {"pooling_area": "999913"},
            "ROUTING_NOT_FOUND",
            {"pooling_area": "999913"},
            id="no-routing",
        ),
        pytest.param(
            {"care_area": "999999"}, "CLASS_NOT_COVERED", {"care_area": "999999"}, id="no-catalogue"
        ),
        pytest.param(
            {"insurance_type": "390"}, "POLICY_NOT_FOUND", {"scheme": "basic"}, id="no-policy"
        ),
    ],
)
def test_what_cannot_be_settled_is_a_precondition(
    stub: Stub, engine: Engine, changes: dict[str, Any], reason: str, metadata: dict[str, str]
) -> None:
    """Preview and settle are refused alike, with the reason, and nothing is recorded."""
    before = acts(engine)
    row = injury_stay(request_id=reason, **changes)
    asked = visits.PreviewVisitRequest(claim=claim_message(row))
    for call in (
        lambda: _create(stub, row),
        lambda: stub.PreviewVisit(asked, timeout=_SECONDS),
    ):
        code, found = _refused(call)

        (violation,) = found["PreconditionFailure"].violations
        assert grpc.StatusCode.FAILED_PRECONDITION is code
        assert ("POLICY", reason) == (violation.type, found["ErrorInfo"].reason)
        assert metadata.items() <= dict(found["ErrorInfo"].metadata).items()
    assert before == acts(engine)


def test_a_device_that_is_not_confirmed_is_named(
    stub: Stub,
    client: Client,
) -> None:
    """The line, the item and the kind of registration that would do are in the metadata."""
    _register(client, "P2")
    row = visit_row(line(1, LIMB, 3_000, "S82.1"), request_id="V2", person="P2")

    code, found = _refused(lambda: _create(stub, row))

    assert (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONFIRMED") == (
        code,
        found["ErrorInfo"].reason,
    )
    assert {"line_id": "1", "item_code": LIMB, "kind": "device"} == found["ErrorInfo"].metadata


def test_faults_have_the_places_of_the_visit(
    stub: Stub,
    client: Client,
) -> None:
    """A line that its scheme does not know is named as the caller sent it, with its path."""
    _register(client, "P3")
    row = injury_stay(request_id="V3", person="P3")
    row["lines"].append(line(6, "NOWHERE", 10, "E11.9"))

    code, found = _refused(lambda: _create(stub, row))

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert ["lines[5].item_code"] == [each.field for each in found["BadRequest"].field_violations]


def test_all_faults_of_a_visit_come_together(client: Client, engine: Engine) -> None:
    """The client raises every fault that the engine finds, before anything is sent."""
    before = engine.ledger.last_seq()
    row = injury_stay(person=None, visit_type="0", service_date="2024-02-30")
    for call in (client.visits.settle, client.visits.preview):
        with pytest.raises(errors.InvalidRequest) as raised:
            call(row)

        assert ["person", "visit_type", "service_date"] == [
            fault.path for fault in raised.value.faults
        ]
    assert before == engine.ledger.last_seq()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"lines": []}, "lines", id="no-lines"),
        pytest.param({"request_id": "V" * 35}, "request_id", id="long-id"),
    ],
)
def test_what_a_visit_needs_beyond_a_claim_is_a_fault(
    client: Client, changes: dict[str, Any], path: str
) -> None:
    """A claim without lines, or with an id that leaves no room for those of parts, is no visit."""
    with pytest.raises(errors.InvalidRequest) as raised:
        client.visits.settle(injury_stay(**changes))

    assert [path] == [fault.path for fault in raised.value.faults]


def test_a_request_without_a_claim_is_refused(stub: Stub) -> None:
    """An empty message moves nothing and says what is missing."""
    for call in (
        lambda: stub.CreateVisit(visits.CreateVisitRequest(), timeout=_SECONDS),
        lambda: stub.PreviewVisit(visits.PreviewVisitRequest(), timeout=_SECONDS),
    ):
        code, found = _refused(call)

        assert grpc.StatusCode.INVALID_ARGUMENT is code
        assert ["claim"] == [each.field for each in found["BadRequest"].field_violations]


def test_used_ids_and_numbers_name_the_visit(stub: Stub) -> None:
    """Other content under the id, or the number under another id: the visit that has it."""
    first = _create(stub, injury_stay(request_id="V4", person="P4", institution_settlement="N4"))
    again = injury_stay(request_id="V4", person="P4", stay_days=9)
    number = injury_stay(request_id="V5", person="P4", institution_settlement="N4")

    for row, reason in ((again, "REQUEST_ID_REUSED"), (number, "DUPLICATE_SETTLEMENT")):
        code, found = _refused(lambda row=row: _create(stub, row))  # type: ignore[misc]

        named = found["ResourceInfo"]
        assert (grpc.StatusCode.ALREADY_EXISTS, reason) == (code, found["ErrorInfo"].reason)
        assert "medsettle.example.com/Visit" == named.resource_type
        assert f"poolingAreas/-/visits/{first.visit}" == named.resource_name


def test_a_visit_is_cancelled_once_and_whole(
    stub: Stub,
    client: Client,
) -> None:
    """A second cancel is refused, and one of a part; each names what stands in the way."""
    visit = _create(stub, injury_stay(request_id="V6", person="P6"))
    part = visit.settlements[0].settlement
    with pytest.raises(errors.PartOfVisit) as alone:
        client.cancel(part, institution="H1", request_id="X5")
    assert {"settlement": part, "visit": visit.visit} == alone.value.metadata

    def cancel(request_id: str) -> object:
        request = visits.CancelVisitRequest(
            name=visit.name, institution="H1", request_id=request_id
        )
        return stub.CancelVisit(request, timeout=_SECONDS)

    cancel("X6")
    code, found = _refused(lambda: cancel("Y6"))

    (violation,) = found["PreconditionFailure"].violations
    assert (grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_CANCELLED") == (
        code,
        found["ErrorInfo"].reason,
    )
    assert ("VISIT", f"poolingAreas/-/visits/{visit.visit}") == (
        violation.type,
        violation.subject,
    )
    # The id of a part's cancel is none of a visit's: refused, and no bug of ours.
    code, found = _refused(lambda: cancel("X6.1"))
    assert (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED") == (
        code,
        found["ErrorInfo"].reason,
    )


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda stub, name: stub.GetVisit(visits.GetVisitRequest(name=name), timeout=_SECONDS),
            id="get",
        ),
        pytest.param(
            lambda stub, name: stub.CancelVisit(
                visits.CancelVisitRequest(name=name, institution="H1", request_id="X7"),
                timeout=_SECONDS,
            ),
            id="cancel",
        ),
    ],
)
@pytest.mark.parametrize("area", ["-", AREA])
def test_an_unknown_visit_is_not_found(
    stub: Stub,
    ask: Callable[[Any, str], object],
    area: str,
) -> None:
    """What was never recorded is not found, and a settlement is no visit."""
    code, found = _refused(lambda: ask(stub, f"poolingAreas/{area}/visits/S0"))

    assert grpc.StatusCode.NOT_FOUND is code
    assert "medsettle.example.com/Visit" == found["ResourceInfo"].resource_type
    assert found["ResourceInfo"].resource_name.endswith("/visits/S0")


def test_a_malformed_cancel_is_refused_with_all_faults(client: Client) -> None:
    """A name of another collection, no institution and a long id are told together."""
    with pytest.raises(errors.InvalidRequest) as raised:
        client.visits.cancel(
            f"poolingAreas/{AREA}/settlements/S1", institution="", request_id="x" * 37
        )

    assert ["name", "institution", "request_id"] == [fault.path for fault in raised.value.faults]


# --- registrations ------------------------------------------------------------------------------


def test_all_faults_of_a_registration_come_together(served: Served) -> None:
    """The parent, the sender, missing columns and a date that does not exist, each by its path."""
    request = registrations.CreateRegistrationRequest(parent="persons/P1", request_id="R1")
    request.registration.number = "R-1"
    request.registration.timeliness = "soon"
    request.registration.valid_from.year = 2024
    request.registration.valid_from.month = 2
    request.registration.valid_from.day = 30
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = registrations_grpc.RegistrationServiceStub(channel)
        code, found = _refused(lambda: stub.CreateRegistration(request, timeout=_SECONDS))
        empty = registrations.CreateRegistrationRequest(
            parent=f"poolingAreas/{AREA}/persons/P1", institution="A", request_id="R1"
        )
        _, missing = _refused(lambda: stub.CreateRegistration(empty, timeout=_SECONDS))

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert [
        "parent",
        "institution",
        "registration.kind",
        "registration.valid_from",
        "registration.timeliness",
    ] == [each.field for each in found["BadRequest"].field_violations]
    assert ["registration"] == [each.field for each in missing["BadRequest"].field_violations]


@pytest.mark.parametrize(
    ("area", "changes", "path"),
    [
        pytest.param("999913", {}, "pooling_area", id="area"),
        pytest.param(AREA, {"kind": "recogniton"}, "registration.kind", id="kind"),
        pytest.param(AREA, {"timeliness": None}, "registration.timeliness", id="window"),
        pytest.param(AREA, {"continues": "R-0"}, "registration.continues", id="continues"),
        pytest.param(AREA, {"diagnoses": "S82"}, "registration.diagnoses", id="type"),
        pytest.param(
            AREA, {"valid_until": date(2024, 4, 29)}, "registration.valid_until", id="order"
        ),
    ],
)
def test_what_the_area_does_not_register_is_a_fault(
    client: Client, engine: Engine, area: str, changes: dict[str, Any], path: str
) -> None:
    """Areas, kinds and columns that the routing document does not take are named by path."""
    before = engine.ledger.last_seq()
    request = RegistrationRequest("AGENCY", "R8", area, "P8", recognition(**changes))
    with pytest.raises(errors.InvalidRequest) as raised:
        client.registrations.record(request)

    assert [path] == [fault.path for fault in raised.value.faults]
    assert before == engine.ledger.last_seq()


def test_an_id_of_a_registration_is_used_once(client: Client) -> None:
    """Other content under a request id is refused."""
    _register(client, "P9")
    with pytest.raises(errors.RequestIdReused):
        client.registrations.record(
            RegistrationRequest(
                "AGENCY", "P9-recognition/R-1", AREA, "P9", recognition(items=("A",))
            )
        )


def test_a_list_of_registrations_names_one_area(client: Client, served: Served) -> None:
    """A person belongs to one pooling area; sizes below zero and foreign tokens are refused."""
    with pytest.raises(errors.InvalidRequest, match="one pooling area"):
        list(client.registrations.held("-", "P9"))
    with pytest.raises(errors.InvalidRequest, match="page_size"):
        list(client.registrations.held(AREA, "P9", page_size=-1))
    request = registrations.ListRegistrationsRequest(
        parent=f"poolingAreas/{AREA}/persons/P9", page_token="dG9rZW4"
    )
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = registrations_grpc.RegistrationServiceStub(channel)
        code, _ = _refused(lambda: stub.ListRegistrations(request, timeout=_SECONDS))
    assert grpc.StatusCode.INVALID_ARGUMENT is code
