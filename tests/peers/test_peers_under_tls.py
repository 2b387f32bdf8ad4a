"""Engines that show certificates to one another, on a port that tills do not reach."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from medsettle.client import Client
from medsettle.identity.authority import make_certificates
from medsettle.identity.transport import Tls, channel_credentials
from medsettle.torture.provinces_servers import HUB, free_ports
from medsettle.torture.servers import Servers
from medsettle.v1 import peer_service_pb2 as peers
from medsettle.v1 import peer_service_pb2_grpc as peers_grpc

from tests.peers.provinces import AREA_A, AREA_B, Peer, cases, serving_peers

_SPLIT = next(each for each in cases() if each.name == "worked-split")


@pytest.mark.slow
def test_a_claim_between_areas_travels_under_tls(tmp_path: Path) -> None:
    """Tills need no certificate; a peer without one, and one at the port of tills, is refused."""
    names = [AREA_A, AREA_B, HUB]
    certificates = tmp_path / "certificates"
    make_certificates(certificates, names, datetime.now(UTC))
    known = {area: Peer.of_area(area) for area in (AREA_A, AREA_B)}
    with ExitStack() as stack:
        sources = [stack.enter_context(Servers()) for _ in names]
        addresses = stack.enter_context(
            serving_peers(known, sources, tmp_path, certificates=certificates)
        )
        home = stack.enter_context(Client(addresses[AREA_B]))
        care = stack.enter_context(Client(addresses[AREA_A]))
        _SPLIT.brought_along(home)
        settled = care.settle(_SPLIT.row)
        refused = _greeted(addresses[AREA_A], None)
        own = Tls(*(certificates / file for file in ("hub.pem", "hub.key", "ca.pem")))
        # The port of peers is told in the file of the hub, and is not that of tills.
        listens = _listens(tmp_path / AREA_A / "peers.toml")
        greeted = _greeted(listens, channel_credentials(own))
        authority = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
        nameless = _greeted(listens, authority)
        unserved = _greeted(f"127.0.0.1:{free_ports(1)[0]}", None)

    assert _SPLIT.expect == {name: settled.fen(name) for name in _SPLIT.expect}
    assert refused is grpc.StatusCode.UNIMPLEMENTED
    assert greeted is grpc.StatusCode.OK
    assert nameless is grpc.StatusCode.UNAVAILABLE
    assert unserved is grpc.StatusCode.UNAVAILABLE


def _listens(file: Path) -> str:
    (line,) = (each for each in file.read_text("utf-8").splitlines() if each.startswith("listen"))
    return line.split('"')[1]


def _greeted(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    """Return how a server answers the hub's greeting."""
    if credentials is None:
        channel = grpc.insecure_channel(address)
    else:
        # Certificates hold for the name of an engine.
        options = (("grpc.ssl_target_name_override", AREA_A),)
        channel = grpc.secure_channel(address, credentials, options=options)
    with channel:
        stub = peers_grpc.PeerServiceStub(channel)
        request = peers.GreetRequest(name=HUB, version="1")
        try:
            stub.Greet(request, timeout=10, metadata=(("medsettle-from", HUB),))
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return error.code()
    return grpc.StatusCode.OK
