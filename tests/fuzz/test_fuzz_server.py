"""Whatever comes over the wire: a status that says whose fault it is, and no entry unsaid."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from medsettle import limits
from medsettle.client import Client
from medsettle.client.claims import claim_message
from medsettle.ledger import SqliteReader
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.cards.desks import write_rules
from tests.cli.commands import Serving, serving
from tests.fuzz.bombs import BOMBS
from tests.fuzz.messages import broken, changed, drawn_message, methods
from tests.fuzz.streams import hostile
from tests.service.claims import claim

pytestmark = pytest.mark.slow

_OURS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
_RECORDED = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
_GROWTH_KB_MAX = 768 * 1024
_BOMB_KB_MAX = 192 * 1024
# Protocol buffers take 240 bytes for a message within a message, which takes three on the wire.
_NESTED_KB_MAX = 448 * 1024


@dataclass
class Target:
    """A server that is fuzzed, and what it is held to."""

    server: Serving
    channel: grpc.Channel
    reader: SqliteReader
    seen: dict[grpc.StatusCode, int] = field(default_factory=dict)
    refusals: int = 0

    def send(self, path: str, data: bytes, seed: str) -> grpc.StatusCode:
        """Send bytes to a method; the answer is never our fault, and nothing is recorded unsaid.

        With OK a call may record what it likes; a refusal that stays one is an entry of its own.
        """
        before = self.reader.last_seq()
        try:
            method: Any = self.channel.unary_unary(path)
            method(data, timeout=60)
            code, text = grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            code, text = error.code(), error.details() or ""
        what = f"{seed}: {path} answers {code.name} to {data[:200]!r} ({len(data)} bytes): {text}"
        assert code not in _OURS, what
        assert code is not grpc.StatusCode.UNAVAILABLE, what
        if code is not grpc.StatusCode.OK:
            kinds = [each.kind for each in self.reader.page(after_seq=before, limit=10)]
            assert [] == kinds or (["refusal"] == kinds and code in _RECORDED), f"{kinds}; {what}"
            self.refusals += len(kinds)
        self.seen[code] = self.seen.get(code, 0) + 1
        return code

    def page_token(self, parent: str) -> str:
        """Return the token of the second page of one settlement each."""
        stub = settlements_grpc.SettlementServiceStub(self.channel)
        request = settlements.ListSettlementsRequest(parent=parent, page_size=1)
        token: str = stub.ListSettlements(request).next_page_token
        assert token
        return token

    def resident_kb(self) -> int:
        """Return how much memory the server holds."""
        return self._status_kb("VmRSS")

    def peak_kb(self) -> int:
        """Return how much it held at most since its peak was forgotten."""
        return self._status_kb("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak be what the server holds now."""
        Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def _status_kb(self, name: str) -> int:
        status = Path(f"/proc/{self.server.process.pid}/status").read_text(encoding="ascii")
        (line,) = (each for each in status.splitlines() if each.startswith(name))
        return int(line.split()[1])


@pytest.fixture(scope="module", name="target")
def _target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzzed")
    data, rules = folder / "data", write_rules(folder / "rules")
    with (
        serving(data, rules) as server,
        Client(server.address) as client,
        grpc.insecure_channel(server.address) as channel,
        SqliteReader(data / "ledger.db") as reader,
    ):
        client.settle(claim(1))
        target = Target(server, channel, reader)
        before = target.resident_kb()
        yield target
        # Alive, well, and not much larger than it was.
        assert client.settle(claim(1)).duplicate
        assert server.process.poll() is None
        assert target.resident_kb() - before < _GROWTH_KB_MAX
        assert server.stop() == 0


def test_drawn_requests(target: Target, fuzz_rounds: int) -> None:
    """Every method is asked with what is well formed, nearly so, or at the edges of types."""
    for at in range(fuzz_rounds):
        for path, method in methods():
            draw = random.Random(f"{at}{path}")
            data = drawn_message(draw, method).SerializeToString()
            target.send(path, data, f"drawn {at}")

    # Each draw is the same in every run, and reaches as far: rules, the ledger and its refusals.
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT} | _RECORDED <= target.seen.keys()
    assert target.refusals > 0


def test_changed_claims(target: Target, fuzz_rounds: int) -> None:
    """Claims that would be settled, with a few fields changed at any depth."""
    codes = set()
    for at in range(fuzz_rounds * 20):
        draw = random.Random(f"claim {at}")
        valid = claim_message(claim(1_000 + at))
        request = settlements.CreateSettlementRequest(claim=changed(draw, valid))  # type: ignore[arg-type]
        path = "/medsettle.v1.SettlementService/CreateSettlement"
        codes.add(target.send(path, request.SerializeToString(), f"changed {at}"))

    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT} <= codes


def test_broken_bytes(target: Target, fuzz_rounds: int) -> None:
    """Every method is sent bytes that are no message, or nearly one."""
    for at in range(fuzz_rounds * 3):
        for path, method in methods():
            draw = random.Random(f"broken {at}{path}")
            whole = drawn_message(draw, method).SerializeToString()
            target.send(path, broken(draw, whole), f"broken {at}")


def test_oversized_bytes(target: Target) -> None:
    """More than one call may hold is refused before it is read."""
    for path in sorted(path for path, _ in methods())[::6]:
        data = b"\x0a" * (limits.MESSAGE_BYTES_MAX + limits.ENVELOPE_BYTES + 1)
        assert grpc.StatusCode.RESOURCE_EXHAUSTED is target.send(path, data, "oversized")


@pytest.mark.parametrize("name", ["SettleClaims", "PreviewClaims"])
def test_hostile_streams(target: Target, fuzz_rounds: int, name: str) -> None:
    """Arrow streams that are cut, flipped, of other types, compressed, nested or bombs."""
    path = f"/medsettle.v1.SettlementService/{name}"
    codes = set()
    for at in range(fuzz_rounds * 25):
        draw = random.Random(f"stream {at}")
        rows = [claim(10_000 + 3 * at + number) for number in range(3)]
        request = settlements.SettleClaimsRequest(arrow_stream=hostile(draw, rows))
        codes.add(target.send(path, request.SerializeToString(), f"stream {at}"))

    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT} <= codes


def test_changed_page_tokens(target: Target) -> None:
    """A token with any one character changed, cut off or doubled is no token of this server."""
    path = "/medsettle.v1.SettlementService/ListSettlements"
    parent = "poolingAreas/-"
    whole = target.page_token(parent)
    changed_ones = [whole[:at] for at in range(1, len(whole))] + [whole + whole, whole + "A"]
    changed_ones += [
        whole[:at] + ("B" if whole[at] == "A" else "A") + whole[at + 1 :]
        for at in range(len(whole))
    ]
    for token in changed_ones:
        request = settlements.ListSettlementsRequest(parent=parent, page_token=token)
        code = target.send(path, request.SerializeToString(), token)
        # Base64 has spare bits in its last character, so another one may mean the same bytes.
        same = token[:-1] == whole[:-1]
        assert code is grpc.StatusCode.INVALID_ARGUMENT or same, token


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_go_off(target: Target, name: str) -> None:
    """A small stream that would be gigabytes is refused at the price of its own bytes."""
    request = settlements.SettleClaimsRequest(arrow_stream=BOMBS[name]())
    target.forget_peak()
    before = target.resident_kb()
    path = "/medsettle.v1.SettlementService/SettleClaims"
    code = target.send(path, request.SerializeToString(), name)

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert target.peak_kb() - before < _BOMB_KB_MAX


def test_a_claim_of_a_million_lines_is_refused(target: Target) -> None:
    """A line that says nothing takes three bytes on the wire, and is never made a row."""
    valid = claim_message(claim(5))
    tag = settlements.Claim(lines=[settlements.ClaimLine()]).SerializeToString()
    data = valid.SerializeToString() + tag * (4_000_000 // len(tag))
    whole = settlements.CreateSettlementRequest(claim=settlements.Claim.FromString(data))
    target.forget_peak()
    before = target.resident_kb()
    code = target.send(
        "/medsettle.v1.SettlementService/CreateSettlement", whole.SerializeToString(), "lines"
    )

    assert grpc.StatusCode.INVALID_ARGUMENT is code
    assert target.peak_kb() - before < _NESTED_KB_MAX
