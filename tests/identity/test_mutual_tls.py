"""Certificates over real sockets: who is let in, who is not, and what changes while calls go on."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, NotAuthenticated, NotPermitted
from medsettle.identity.authority import DOMAIN, Wanted, add_certificates
from medsettle.identity.certificates import shown_by, spiffe_id
from medsettle.identity.roles import Role
from medsettle.identity.transport import ServerTls, caller_credentials

from tests.identity.known import AREA, H1, NOW, Known, certificates, known, shown, soon, token
from tests.service.claims import claim


def _claim(number: int, institution: str = H1) -> dict[str, object]:
    return claim(number, institution=institution)


def _serial(folder: Path, name: str) -> int:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()).serial_number


def _out_of_reach(client: Client) -> bool:
    """Return whether a connection is refused before any call."""
    try:
        client.person(AREA, "P1")
    except (ConnectionError, TimeoutError):
        return True
    return False


def test_an_institution_is_who_its_certificate_says(server: Known) -> None:
    """It settles its own claim, and the log has its name, role and serial number."""
    settlement = server.by_certificate(H1).settle(_claim(1))

    assert H1 == settlement.columns["institution"]
    (access,) = server.accesses()
    assert (H1, "institution", H1) == (access.who, access.role, access.institution)
    assert f"certificate {_serial(server.folder, H1):x}" == access.shown
    record = settlement.columns["settlement"]
    assert f"poolingAreas/{AREA}/settlements/{record}" == access.resource
    assert ("CreateSettlement", "OK") == (access.method, access.outcome)


def test_without_a_certificate_nothing_is_reached(server: Known) -> None:
    """Plain text and TLS without a certificate end before any call."""
    assert _out_of_reach(Client(server.served.address, timeout=2))
    assert _out_of_reach(
        Client(server.served.address, credentials=shown(server.folder, None), timeout=2)
    )


def test_another_authority_s_certificate_is_none(server: Known, tmp_path: Path) -> None:
    """Who signs for themselves is nobody, whatever the certificate says; so is such a server."""
    other = tmp_path / "other"
    certificates(other)
    pair = other / f"{H1}.pem", other / f"{H1}.key"
    stranger = caller_credentials(server.folder / "ca.pem", *pair)

    assert _out_of_reach(Client(server.served.address, credentials=stranger, timeout=2))
    pair = server.folder / f"{H1}.pem", server.folder / f"{H1}.key"
    deceived = caller_credentials(other / "ca.pem", *pair)
    assert _out_of_reach(Client(server.served.address, credentials=deceived, timeout=2))


def test_an_expired_certificate_opens_no_connection(server: Known) -> None:
    """TLS itself looks at the days."""
    certificates(server.folder, NOW - timedelta(days=3), days=1, suffix="-old")
    client = Client(server.served.address, credentials=shown(server.folder, f"{H1}-old"), timeout=2)

    assert _out_of_reach(client)


def test_a_connection_does_not_outlive_its_certificate(server: Known) -> None:
    """A call after its last second is refused, though the connection has stayed open."""
    client = server.by_certificate(H1)
    client.settle(_claim(1))
    server.clock.pass_by(30 * 86_400 + 1)
    with pytest.raises(NotAuthenticated, match="The certificate holds from"):
        client.settle(_claim(2))


def test_a_revoked_certificate_counts_no_more(server: Known) -> None:
    """Within a second, also on a connection that is open; others go on."""
    client, other = server.by_certificate(H1), server.by_certificate("auditor")
    client.settle(_claim(1))
    serial = f"{_serial(server.folder, H1):040X}"
    written = ":".join(serial[at : at + 2] for at in range(0, 40, 2))
    (server.folder / "revoked.txt").write_text(f"# lost\nserial={written}\n", encoding="ascii")
    soon(server.clock)
    with pytest.raises(NotAuthenticated, match="revoked"):
        client.settle(_claim(2))

    assert [] == list(other.list(pooling_area=AREA, person="P2"))
    refused = [each for each in server.accesses() if each.outcome == "NOT_AUTHENTICATED"]
    assert [f"certificate {serial.lower().lstrip('0')}"] == [each.shown for each in refused]


def test_a_list_that_cannot_be_read_revokes_what_it_did(
    server: Known, caplog: pytest.LogCaptureFixture
) -> None:
    """A slip in the file lets nobody in again, and is told once."""
    client, file = server.by_certificate(H1), server.folder / "revoked.txt"
    file.write_text(f"{_serial(server.folder, H1):x}\n", encoding="ascii")
    soon(server.clock)
    with pytest.raises(NotAuthenticated):
        client.settle(_claim(1))
    file.write_text("no serial\n", encoding="ascii")
    for _ in range(2):
        soon(server.clock)
        with pytest.raises(NotAuthenticated):
            client.settle(_claim(1))
    with pytest.raises(InvalidRequest) as refused:
        server.admission.read_again()

    assert "revoked.txt:1" == refused.value.faults[0].path
    told = [each for each in caplog.messages if "access_file_refused" in each]
    assert 1 == len(told)
    assert "revoked.txt:1" in told[0]
    assert "no serial" not in told[0]


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "0 URIs"),
        ("https://insurance.example/role/auditor", "not one SPIFFE ID"),
        ("spiffe://x/role/king", "'king' is no role"),
        ("spiffe://x/role/institution", "somebody of an institution names it"),
        ("spiffe://x/role/auditor/institution/H1", "is of no institution"),
        ("spiffe://x/role/auditor/area/12", "'12' is no area"),
        ("spiffe://x/role/auditor/role/administrator", "each once"),
        ("spiffe://x/role", "not made of role"),
        ("spiffe://x/role/auditor/right/settle", "not made of role"),
    ],
)
def test_a_certificate_that_names_nobody_is_told_what_it_lacks(
    server: Known, uri: str, says: str
) -> None:
    """The authority signed it, and yet there is nobody to be."""
    add_certificates(server.folder, [Wanted("odd", uri)], NOW)
    with pytest.raises(NotAuthenticated, match=says):
        server.by_certificate("odd").person(AREA, "P1")


def test_a_certificate_that_names_two_names_nobody() -> None:
    """With two URIs it is neither the one nor the other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "two")])
    uris = [
        x509.UniformResourceIdentifier(spiffe_id(DOMAIN, role))
        for role in (Role.AUDITOR, Role.ADMINISTRATOR)
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(uris), critical=False)
        .sign(key, SHA256())
    )
    with pytest.raises(NotAuthenticated, match="2 URIs, and not one SPIFFE ID"):
        shown_by(made.public_bytes(Encoding.PEM))


def test_new_certificates_are_taken_without_dropping_calls(server: Known, tmp_path: Path) -> None:
    """What is open goes on; a new connection is opened with what was read last."""
    before = server.by_certificate(H1)
    before.settle(_claim(1))
    other = tmp_path / "other"
    certificates(other)
    for name in ("server.pem", "server.key", "ca.pem"):
        (server.folder / name).write_bytes((other / name).read_bytes())
    assert server.tls is not None
    server.tls.read_again()
    after = Client(server.served.address, credentials=shown(other, H1), timeout=10)
    with after:
        assert after.settle(_claim(2)).columns["institution"] == H1
    assert before.settle(_claim(3)).columns["institution"] == H1


def test_files_that_do_not_belong_together_change_nothing(server: Known) -> None:
    """All that is wrong is told, and the port goes on with what it had."""
    before = server.by_certificate(H1)
    for name in ("server.key", "ca.pem"):
        (server.folder / name).write_text("nothing", encoding="ascii")
    assert server.tls is not None
    with pytest.raises(InvalidRequest) as refused:
        server.tls.read_again()

    assert ["tls.key", "tls.authority"] == [each.path for each in refused.value.faults]
    assert H1 == before.settle(_claim(1)).columns["institution"]


def test_a_port_without_an_authority_asks_for_no_certificate(folder: Path) -> None:
    """To ask for certificates of nobody is a mistake in the program that does."""
    port = ServerTls(folder / "server.pem", folder / "server.key", None)

    assert isinstance(port.credentials(certificates=False), grpc.ServerCredentials)
    with pytest.raises(ValueError, match="no authority"):
        port.credentials(certificates=True)


@pytest.fixture
def both(
    engine: Engine, loop: asyncio.AbstractEventLoop, folder: Path
) -> Iterator[tuple[Known, str]]:
    """Yield a server for certificates and, at a port of its own, a token of an auditor."""
    secret = token(folder, Role.AUDITOR)
    with known(engine, loop, folder) as server:
        yield server, secret


def test_people_come_with_a_token_at_a_port_of_theirs(both: tuple[Known, str]) -> None:
    """Under TLS and without a certificate; without a token nobody is let in there."""
    server, secret = both
    assert [] == list(server.by_token(secret).list(pooling_area=AREA))
    unknown = Client(
        server.served.server.address_of_tokens, credentials=shown(server.folder, None), timeout=5
    )
    with unknown, pytest.raises(NotAuthenticated, match="nothing was shown"):
        unknown.person(AREA, "P1")


def test_a_token_on_a_machine_s_connection_says_who_sits_there(both: tuple[Known, str]) -> None:
    """The certificate opens the connection; the token is who asks, with the rights of its role."""
    server, secret = both
    client = Client(
        server.served.address, credentials=shown(server.folder, H1), token=secret, timeout=10
    )
    with client, pytest.raises(NotPermitted, match="auditor by token"):
        client.settle(_claim(1))
