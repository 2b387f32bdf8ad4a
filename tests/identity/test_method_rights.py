"""Which right each method takes, and who has it: the table, and every cell over a real socket."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from medsettle.engine import Engine
from medsettle.identity.roles import Right, Role, rights_of
from medsettle.service import entrance
from medsettle.service.method_rights import METHOD_RIGHTS, OPEN_METHODS
from medsettle.service.server import SERVICES
from medsettle.v1 import (
    card_service_pb2,
    enquiry_service_pb2,
    mutual_aid_service_pb2,
    person_service_pb2,
    policy_service_pb2,
    registration_service_pb2,
    request_service_pb2,
    settlement_service_pb2,
    visit_service_pb2,
)

from tests.identity.known import H1, Known, known, token

_FILES = (
    *(card_service_pb2, enquiry_service_pb2, mutual_aid_service_pb2, person_service_pb2),
    *(policy_service_pb2, registration_service_pb2, request_service_pb2),
    *(settlement_service_pb2, visit_service_pb2),
)

_SEE_PERSON = {"GetPerson", "GetOverview", "GetCard", "CheckCard"}
_SEE_PERSON |= {"ListRegistrations", "ListRelations"}
_HISTORY = {"ListAccountMovements", "ListLimitUses", "ListCardEvents"}
_LOOK = {"GetSettlement", "ListSettlements", "ExplainSettlement", "GetVisit", "FindRequest"}
_TRY = {"PreviewSettlement", "PreviewClaims", "PreviewVisit"}
_POLICIES = {"ListPolicies", "GetPolicy"}
_SETTLE = {"CreateSettlement", "SettleClaims", "CreateVisit"}
_TAKE_BACK = {"CancelSettlement", "CancelVisit", "ReverseRequest"}
_REPORT = {"RecordCardEvent", "CreateRegistration", "GrantLimit", "LowerLimit", "DissolveRelation"}
_KEEP = {"RecordOpening", "EndInsurance", "BeginInsurance"}

_MAY = {
    Role.INSTITUTION: _LOOK | _TRY | _POLICIES | _SETTLE | _TAKE_BACK | _REPORT | _SEE_PERSON,
    Role.CLEARING: _LOOK | _POLICIES | _TAKE_BACK,
    Role.ACTUARY: _LOOK | _TRY | _POLICIES,
    Role.AUDITOR: _LOOK | _POLICIES | _SEE_PERSON | _HISTORY | {"CompareWithout"},
    Role.POLICY_OFFICER: _TRY | _POLICIES,
    Role.ADMINISTRATOR: _LOOK
    | _TRY
    | _POLICIES
    | _REPORT
    | _KEEP
    | _SEE_PERSON
    | _HISTORY
    | {"CompareWithout"},
}


def _services() -> Iterator[ServiceDescriptor]:
    for file in _FILES:
        yield from file.DESCRIPTOR.services_by_name.values()


def _methods() -> dict[str, str]:
    """Return the name of each method by its full name as gRPC has it."""
    return {
        f"/{service.full_name}/{method.name}": method.name
        for service in _services()
        for method in service.methods
    }


def test_every_method_takes_one_right() -> None:
    """A method of the protos that the table leaves out fails here, as does one it invents."""
    assert set(SERVICES) == {each.full_name for each in _services()}
    assert set(_methods()) == set(METHOD_RIGHTS)
    assert OPEN_METHODS.isdisjoint(METHOD_RIGHTS)


def test_every_role_is_in_the_matrix() -> None:
    """No role is left out, and what nobody may is nothing."""
    assert set(Role) == set(_MAY)
    assert set(_methods().values()) == set().union(*_MAY.values())


@pytest.fixture
def by_tokens(
    engine: Engine, loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> Iterator[tuple[Known, dict[Role, str]]]:
    """Yield a server that knows a token of each role, and the tokens."""
    tokens = {
        role: token(tmp_path, role, *((H1,) if role is Role.INSTITUTION else ())) for role in Role
    }
    with known(engine, loop, tmp_path, tls=False) as server:
        yield server, tokens


def _code(channel: grpc.Channel, path: str, metadata: tuple[tuple[str, str], ...]) -> Any:  # noqa: ANN401
    method: Any = channel.unary_unary(path)
    try:
        method(b"", timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        assert isinstance(error, grpc.Call)
        return error.code()
    return grpc.StatusCode.OK


def test_all_roles_by_all_methods(by_tokens: tuple[Known, dict[Role, str]]) -> None:
    """Each role is let in to what its work takes and to nothing else, over a real socket."""
    server, tokens = by_tokens
    refused = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    let_in = {role: set[str]() for role in Role}
    with grpc.insecure_channel(server.served.address) as channel:
        for role, secret in tokens.items():
            metadata = (("authorization", f"Bearer {secret}"),)
            for path, name in _methods().items():
                if _code(channel, path, metadata) not in refused:
                    let_in[role].add(name)
        nobody = {_code(channel, path, ()) for path in _methods()}

    assert _MAY == let_in
    assert {grpc.StatusCode.UNAUTHENTICATED} == nobody


def test_a_method_without_a_right_may_be_called_by_nobody(
    by_tokens: tuple[Known, dict[Role, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the table leaves out: no role is let in to it, whatever it may do besides."""
    server, tokens = by_tokens
    path = "/medsettle.v1.PolicyService/ListPolicies"
    left = {each: right for each, right in METHOD_RIGHTS.items() if each != path}
    assert len(left) + 1 == len(METHOD_RIGHTS)
    monkeypatch.setattr(entrance, "METHOD_RIGHTS", left)
    with grpc.insecure_channel(server.served.address) as channel:
        found = {
            _code(channel, path, (("authorization", f"Bearer {secret}"),))
            for secret in tokens.values()
        }

    assert {grpc.StatusCode.INTERNAL} == found


def test_health_and_reflection_take_no_right(by_tokens: tuple[Known, dict[Role, str]]) -> None:
    """Whoever reaches the port may ask whether it serves, and for what the protos say."""
    server, _ = by_tokens
    with grpc.insecure_channel(server.served.address) as channel:
        assert grpc.StatusCode.OK is _code(channel, "/grpc.health.v1.Health/Check", ())
        stream: Any = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        assert list(stream(iter([b""]), timeout=10))


def test_nobody_settles_who_also_keeps_the_books() -> None:
    """Settling is the institutions' alone, approving is not, and an auditor changes nothing."""
    assert [Role.INSTITUTION] == [role for role in Role if Right.SETTLE in rights_of(role)]
    assert Right.APPROVE not in rights_of(Role.INSTITUTION)
    changing = {Right.SETTLE, Right.TAKE_BACK, Right.REPORT, Right.KEEP_PERSONS, Right.CLEAR}
    changing |= {Right.APPROVE, Right.RECONCILE, Right.REPLAY, Right.DRAFT, Right.PEOPLE}
    assert changing.isdisjoint(rights_of(Role.AUDITOR))
