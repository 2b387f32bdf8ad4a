"""The national interface, drawn from its own description: no 5xx, nothing undescribed, no -1."""

import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
from medsettle.conformance.scenarios import read_names, read_scenarios
from medsettle.gateway import registry
from medsettle.gateway.openapi import description
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.cli.commands import ROOT, Serving, gateway
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


_FOLDER = ROOT / "fixtures" / "conformance"
_BY_PATH = {
    f"/{number}": each for number, each in registry.by_number(registry.transactions()).items()
}
_ANY = _BY_PATH["/2201"]


@dataclass(frozen=True)
class Begun:
    """A scenario, after how many of its steps it is left, and what settling it takes."""

    scenario: str
    steps: tuple[int, ...]
    facts: Mapping[str, str]


# By the first digits of a transaction: what it is likely to be about.
_VISIT = Begun(
    "outpatient-visit",
    (2, 4, 5, 6),
    {
        **{"insutype": "310", "med_type": "11", "chrg_bchno": "1", "medfee_sumamt": "3600.00"},
        **{"fulamt_ownpay_amt": "100", "overlmt_selfpay": "0", "preselfpay_amt": "50"},
        "inscp_scp_amt": "3450.00",
    },
)
_STAY = Begun(
    "inpatient-stay",
    (1, 2, 4, 7),
    {
        **{"insutype": "310", "med_type": "21", "medfee_sumamt": "21000.00"},
        **{"fulamt_ownpay_amt": "0", "overlmt_selfpay": "200", "preselfpay_amt": "0"},
        "inscp_scp_amt": "20800.00",
    },
)
_SALE = Begun("pharmacy-purchase", (2,), {"insutype": "310", "med_type": "41"})
_ABOUT = {
    "21": _SALE,
    "22": _VISIT,
    "23": _STAY,
    "24": _STAY,
    "26": _STAY,
    "52": _VISIT,
    "41": _STAY,
}


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with gateway(tmp_path_factory.mktemp("fuzzed-gateway") / "data") as server:
        yield server
        assert server.process.poll() is None
        assert server.stop() == 0


@pytest.fixture(scope="module", name="ground")
def _ground(server: Serving) -> Ground:
    return Ground(Kit(Endpoint(f"http://{server.address}"), read_names(_FOLDER)))


@dataclass
class Target:
    """A gateway that is fuzzed, what is known of it, and how often it answered what."""

    server: Serving
    ground: Ground
    session: requests.Session
    codes: Counter[int] = field(default_factory=Counter)

    def ask(self, case: Any, draw: random.Random) -> None:  # noqa: ANN401 - schemathesis has no type
        """Send a drawn request, brought near to a real one, and hold its answer to everything."""
        transaction = _BY_PATH.get(case.operation.path, _ANY)
        if isinstance(case.body, dict) and draw.random() < 0.95:
            self.ground.ground(draw, transaction, case.body)
        response = case.call(base_url=f"http://{self.server.address}", session=self.session)
        case.validate_response(response, checks=_CHECKS)
        if response.headers["content-type"][0].startswith("application/json"):
            answer = json.loads(response.content)
            self.codes[answer["infcode"]] += 1
            assert answer["infcode"] != -1, answer["err_msg"]
            assert [] == list(broken_identities(answer["output"]))
            if answer["infcode"] == 0 and isinstance(case.body, dict):
                self.ground.learn(transaction, case.body, answer)


def _fuzz(target: Target, place: int, mode: GenerationMode, examples: int) -> None:
    """Ask one transaction with so many drawn requests, the same ones in every run."""
    about = _ABOUT.get(_OPERATIONS[place].path[1:3])
    if about is not None and mode is GenerationMode.POSITIVE:
        (scenario,) = read_scenarios(_FOLDER, [about.scenario])
        for steps in about.steps[: max(1, examples)]:
            target.ground.begin(scenario, steps, about.facts)
    drawn = _OPERATIONS[place].as_strategy(generation_mode=mode)

    @seed(place)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn, st.integers(0, 2**32))
    def ask(case: Any, number: int) -> None:  # noqa: ANN401 - as above
        target.ask(case, random.Random(number))

    ask()


def test_drawn_requests(server: Serving, ground: Ground, fuzz_rounds: int) -> None:
    """Every transaction is asked with what its description allows, and some with what it does not.

    What is wrong at one transaction is read by the same code as at another.
    """
    with requests.Session() as session:
        target = Target(server, ground, session)
        for place in range(len(_OPERATIONS)):
            _fuzz(target, place, GenerationMode.POSITIVE, max(1, fuzz_rounds // 4))
        for place in range(0, len(_OPERATIONS), 16):
            _fuzz(target, place, GenerationMode.NEGATIVE, fuzz_rounds)

    assert target.codes[0] > 0
    assert target.codes[-2] > 0


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
