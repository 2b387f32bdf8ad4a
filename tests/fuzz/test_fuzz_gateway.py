"""The national interface, drawn from its own description: no 5xx, nothing undescribed, no -1."""

import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.conformance.endpoint import Endpoint
from medsettle.conformance.identities import broken_identities
from medsettle.conformance.running import Kit
from medsettle.gateway import registry
from medsettle.gateway.openapi import description
from medsettle.gateway.transactions import Transaction
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.cli.commands import Serving, gateway
from tests.fuzz.grounding import Ground
from tests.fuzz.messages import broken

pytestmark = pytest.mark.slow

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_SCHEMA = schemathesis.openapi.from_dict(description(registry.transactions()))
_OPERATIONS = [each.ok() for each in _SCHEMA.get_all_operations() if isinstance(each, Ok)]


_BY_PATH = {
    f"/{number}": each for number, each in registry.by_number(registry.transactions()).items()
}
_ANY = _BY_PATH["/2201"]


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with gateway(tmp_path_factory.mktemp("fuzzed-gateway") / "data") as server:
        yield server
        assert server.process.poll() is None
        assert server.stop() == 0


@pytest.fixture(scope="module", name="ground")
def _ground(server: Serving) -> Ground:
    return Ground(Kit(Endpoint(f"http://{server.address}"), {}))


def test_drawn_requests(server: Serving, ground: Ground, fuzz_rounds: int) -> None:
    """Every transaction is asked with what its description allows, and with what it does not."""
    codes: Counter[int] = Counter()
    with requests.Session() as session:
        for place, operation in enumerate(_OPERATIONS):
            transaction = _BY_PATH.get(operation.path, _ANY)
            for mode in GenerationMode:
                if mode is GenerationMode.NEGATIVE and place % 4:
                    # What is wrong at one transaction is read by the same code as at another.
                    continue

                @seed(place)
                @settings(
                    max_examples=fuzz_rounds,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(
                    operation.as_strategy(generation_mode=mode),
                    st.integers(0, 2**32),
                )
                def ask(case: Any, number: int, transaction: Transaction = transaction) -> None:  # noqa: ANN401 - schemathesis'
                    draw = random.Random(number)
                    if isinstance(case.body, dict) and draw.random() < 0.95:
                        ground.ground(draw, transaction, case.body)
                    response = case.call(base_url=f"http://{server.address}", session=session)
                    case.validate_response(response, checks=_CHECKS)
                    if response.status_code == http.HTTPStatus.OK:
                        answer = json.loads(response.content)
                        codes[answer["infcode"]] += 1
                        assert answer["infcode"] != -1, answer["err_msg"]
                        assert [] == list(broken_identities(answer["output"]))
                        if answer["infcode"] == 0:
                            ground.learn(transaction, case.body, answer)

                ask()

    assert codes[0] > 0
    assert codes[-2] > 0


def _valid(ground: Ground) -> bytes:
    kit = ground.kit
    request = kit.envelope("H11000000001", "110000", "2201")
    request["sign_no"] = kit.sign_no("H11000000001", "110000")
    registration = {
        "psn_no": "990000000000000001",
        "insutype": "310",
        "begntime": "2024-05-06 09:00:00",
        "mdtrt_cert_type": "02",
        "ipt_otp_no": "1",
    }
    return json.dumps(request | {"input": {"data": registration}}).encode()


def _post(server: Serving, path: str, body: bytes, method: str = "POST") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.request(method, path, body)
    response = connection.getresponse()
    status, answer = response.status, json.loads(response.read() or b"null")
    connection.close()
    return status, answer


def test_broken_bodies(server: Serving, ground: Ground, fuzz_rounds: int) -> None:
    """A body cut, flipped or doubled anywhere is an answer with -2 or 0, never a crash."""
    codes: Counter[int] = Counter()
    for at in range(fuzz_rounds * 50):
        body = broken(random.Random(f"body {at}"), _valid(ground))
        status, answer = _post(server, "/2201", body)
        assert status == http.HTTPStatus.OK, body
        codes[answer["infcode"]] += 1

    assert {0, -2} >= codes.keys()
    assert codes[-2] > 0


_HOSTILE = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "half a character": b'{"infno": "\\ud800"}',
    "deep": b"[" * 100_000,
    "deep input": b'{"input": ' * 50_000,
    "a long number": b'{"msgid": ' + b"9" * 100_000 + b"}",
    "a huge exponent": b'{"msgid": 1e999999999}',
    "no number": b'{"msgid": NaN}',
    "names twice": b'{"infno": "2201", "infno": "2202", "input": {}, "input": []}',
    "text as input": b'{"infno": "2201", "input": "{\\"data\\": [[[]]]}"}',
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_bodies(server: Serving, name: str) -> None:
    """What only looks like a request is refused with its fault."""
    status, answer = _post(server, "/2201", _HOSTILE[name])

    assert (http.HTTPStatus.OK, -2) == (status, answer["infcode"])
    assert answer["err_msg"].startswith("[INVALID_REQUEST]")


def test_bodies_at_the_bound(server: Serving) -> None:
    """One byte more than a request may have is 413; at the bound it is read and refused inside."""
    most = limits.GATEWAY_BYTES_MAX
    at_bound, _ = _post(server, "/2201", b" " * most)
    beyond, answer = _post(server, "/2201", b" " * (most + 1))

    assert (http.HTTPStatus.OK, http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE) == (at_bound, beyond)
    assert str(most) in answer["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods(server: Serving, method: str) -> None:
    """Only POST is answered at a transaction."""
    status, _ = _post(server, "/2201", b"", method)

    assert http.HTTPStatus.METHOD_NOT_ALLOWED == status


@pytest.mark.parametrize("path", ["/22", "/2201/x", "/a/b", "//", "/2201%00", "/%C3%A9"])
def test_other_paths(server: Serving, path: str) -> None:
    """What is no path of the gateway is 404."""
    status, _ = _post(server, path, b"{}")

    assert http.HTTPStatus.NOT_FOUND == status
