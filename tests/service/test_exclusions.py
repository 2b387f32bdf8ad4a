"""What is found before payment, over a real connection: refused with a reason, or warned of."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from medsettle import errors, limits
from medsettle.client import Client
from medsettle.core.arrow import claims_table
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration, RegistrationRequest, institution_holder
from medsettle.engine import Engine
from medsettle.service.status import status_of
from medsettle.service.streams import stream_of

from tests.engine.engines import acts, engine_on
from tests.engine.suspects import AREA, may, suspect
from tests.engine.visits import SHAPES
from tests.service.serving import serving


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


@pytest.fixture(name="client")
def _client(engine: Engine, loop: asyncio.AbstractEventLoop) -> Iterator[Client]:
    with serving(engine, loop) as served, Client(served.address) as client:
        yield client


def test_a_warning_arrives_as_the_engine_has_it(client: Client, engine: Engine) -> None:
    """Code, reason, remedy and clause in both languages are those of the record."""
    answer = client.settle(suspect("R1", may(5), may(6), visit_type="22", liability="2"))

    assert engine.get(str(answer.columns["settlement"])) == answer
    assert ["OTHER_LIABLE"] == [each.code for each in answer.warnings]


def test_a_refusal_arrives_as_its_own_error(client: Client, engine: Engine) -> None:
    """The error of the code, with what it was found by and the remedy; nothing is recorded."""
    first = client.settle(suspect("S1", may(1), may(11)))
    row = suspect("R1", may(5), may(20), institution="H2")
    with pytest.raises(errors.OverlappingStay) as raised:
        client.settle(row)

    assert first.columns["settlement"] == raised.value.metadata["beside"]
    assert "Correct the days of the stay." == raised.value.metadata["remedy_en"]
    with pytest.raises(errors.OverlappingStay):
        client.preview(row)
    assert 1 == acts(engine)


def test_the_cashier_reads_the_remedy_of_the_area(engine: Engine) -> None:
    """The Chinese sentence of the class is followed by the remedy that the document states."""
    (answer,) = engine.settle(
        ClaimBatch.from_rows([suspect("R1", may(5), may(6), visit_type="22")])
    )
    error = answer.error()  # type: ignore[union-attr]
    status = status_of(error)
    found = {
        kind: message
        for kind in (details.LocalizedMessage, details.PreconditionFailure, details.ErrorInfo)
        for each in status.details
        if each.Is((message := kind()).DESCRIPTOR) and each.Unpack(message)
    }

    assert grpc.StatusCode.FAILED_PRECONDITION.value[0] == status.code
    assert found[details.LocalizedMessage].message.endswith(
        "用新的流水号提交。请询问并填写责任方。"
    )
    assert "LIABILITY_UNANSWERED" == found[details.ErrorInfo].reason
    assert "EXCLUSION" == found[details.PreconditionFailure].violations[0].type


def test_the_longest_remedies_fit_in_a_status() -> None:
    """Names and remedies of the most characters arrive whole, however long the sentence is."""
    most = limits.REMEDY_CHARS_MAX
    error = errors.DuplicateItem(
        "x" * 2 * limits.MESSAGE_CHARS_MAX,
        check="检" * limits.CODE_CHARS_MAX,
        beside="9" * 30,
        reason_zh="原" * 100,
        remedy_en="y" * most,
        remedy_zh="办" * most,
    )
    status = status_of(error)
    found = details.LocalizedMessage()
    assert any(each.Is(found.DESCRIPTOR) and each.Unpack(found) for each in status.details)

    assert status.ByteSize() <= limits.STATUS_BYTES_MAX
    assert found.message.endswith("办" * most)


def test_a_stream_of_answers_has_codes_and_warnings(engine: Engine) -> None:
    """A refused claim has its code as outcome, a warned one the finding in a column."""
    rows = [
        suspect("R1", may(5), may(6), visit_type="22"),
        suspect("R2", may(5), may(6), visit_type="22", liability="2"),
        suspect("R3", may(7), may(8)),
    ]
    answers = engine.settle(ClaimBatch.from_arrow(claims_table(rows)))
    found = pa.ipc.open_stream(stream_of(answers)).read_all().to_pylist()

    assert ["LIABILITY_UNANSWERED", "SETTLED", "SETTLED"] == [row["outcome"] for row in found]
    assert [[], ["OTHER_LIABLE"], []] == [
        [warning["code"] for warning in row["warnings"]] for row in found
    ]


def test_an_institution_is_suspended_over_the_same_connection(
    client: Client, engine: Engine
) -> None:
    """A registration about an institution is recorded, listed under it, and stops its claims."""
    stopped = Registration("stopped", "1", may(5), may(7))
    request = RegistrationRequest("AGENCY", "G1", AREA, "", stopped, "H1")
    state = client.registrations.record(request)

    assert ("", "H1", stopped) == (state.person, state.about, state.registration)
    assert engine.registrations.held(AREA, institution_holder("H1")) == [state]
    assert [state] == list(client.registrations.held(AREA, institution_holder("H1")))
    assert [] == list(client.registrations.held(AREA, "H1"))
    with pytest.raises(errors.SuspendedInstitution):
        client.settle(suspect("R1", may(5), may(6)))
    assert "R2" == client.settle(suspect("R2", may(7), may(8))).columns["request_id"]


def test_whom_a_registration_is_about_is_checked(client: Client) -> None:
    """A kind about institutions is refused for a person, and one about persons the other way."""
    stopped, suspension = (
        Registration(kind, "1", may(5), may(7)) for kind in ("stopped", "suspension")
    )
    for own, person, about in ((stopped, "P1", ""), (suspension, "", "H1")):
        with pytest.raises(errors.InvalidRequest, match="leave it out"):
            client.registrations.record(
                RegistrationRequest("AGENCY", "G1", AREA, person, own, about)
            )
