"""TLS: the files of a port or of a connection, and what gRPC makes of them.

Between engines both sides show a certificate, and its name is the engine's name. The certificate of
an engine has the name as its common name, which the engine that is called looks at, and as a name
of DNS, which the engine that calls looks at: an address in a file of peers may change hands, a name
does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from medsettle.errors import Fault, InvalidRequest

_PUBLIC: Final = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of one engine: its certificate, the key of it, and the authority of all peers."""

    certificate: Path
    key: Path
    authority: Path


def server_credentials(tls: Tls) -> grpc.ServerCredentials:
    """Return credentials of a port that only holders of a certificate of the authority reach.

    Raises:
        OSError: A file cannot be read.
    """
    pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
    return grpc.ssl_server_credentials(
        [pair], root_certificates=tls.authority.read_bytes(), require_client_auth=True
    )


def channel_credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Return credentials of a connection that shows our certificate and asks for the peer's.

    Raises:
        OSError: A file cannot be read.
    """
    return grpc.ssl_channel_credentials(
        root_certificates=tls.authority.read_bytes(),
        private_key=tls.key.read_bytes(),
        certificate_chain=tls.certificate.read_bytes(),
    )


class ServerTls:
    """TLS of a port whose files may be replaced while calls go on.

    A connection keeps what it was opened with; each new one is opened with what was read last.
    """

    def __init__(self, certificate: Path, key: Path, authority: Path | None) -> None:
        """Read the files of a port.

        Args:
            certificate: Of the server, with the chain up to the authority where there is one.
            key: Of the certificate.
            authority: Whose certificates callers show; None asks for none.

        Raises:
            InvalidRequest: All that is wrong with the files.
            OSError: One cannot be read.
        """
        self._files = certificate, key, authority
        self._configuration = self._read()

    def read_again(self) -> None:
        """Read the files again; connections that are open stay open.

        Raises:
            InvalidRequest: All that is wrong with the files; those read before stay.
            OSError: One cannot be read; likewise.
        """
        self._configuration = self._read()

    def credentials(self, *, certificates: bool) -> grpc.ServerCredentials:
        """Return credentials of a port; whether a connection there is asked for a certificate."""
        if certificates and self._files[2] is None:
            raise ValueError("no authority, whose certificates callers could show")
        used = [self._configuration]

        def newer() -> grpc.ServerCertificateConfiguration | None:
            if used[0] is self._configuration:
                return None
            used[0] = self._configuration
            return used[0]

        return grpc.dynamic_ssl_server_credentials(
            used[0],
            newer,  # type: ignore[arg-type]  # None says that nothing changed, as gRPC documents
            require_client_authentication=certificates,
        )

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, authority = self._files
        if faults := list(file_faults(certificate, key, authority)):
            raise InvalidRequest(faults)
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), certificate.read_bytes())],
            root_certificates=None if authority is None else authority.read_bytes(),
        )


def caller_credentials(
    authority: Path, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials:
    """Return credentials of a connection to a server of an authority.

    Args:
        authority: Whose certificate the server shows.
        certificate: What is shown to the server; None for nothing, where a token is.
        key: Of the certificate.

    Raises:
        InvalidRequest: All that is wrong with the files.
        OSError: One cannot be read.
    """
    faults = list(_authority_faults(authority))
    if certificate is not None and key is not None:
        faults += pair_faults(certificate, key)
    elif certificate is not None or key is not None:
        faults.append(Fault("tls", "a certificate and its key go together; give both"))
    if faults:
        raise InvalidRequest(faults)
    return grpc.ssl_channel_credentials(
        root_certificates=authority.read_bytes(),
        private_key=None if key is None else key.read_bytes(),
        certificate_chain=None if certificate is None else certificate.read_bytes(),
    )


def file_faults(certificate: Path, key: Path, authority: Path | None) -> Iterator[Fault]:
    """Yield why files of TLS do not belong together: gRPC would not say more than no."""
    yield from pair_faults(certificate, key)
    if authority is not None:
        yield from _authority_faults(authority)


def tls_faults(tls: Tls, name: str) -> Iterator[Fault]:
    """Yield why the files of an engine are not its own.

    Args:
        tls: Files that are there.
        name: What the certificate must have as its common name and as a name of DNS.
    """
    yield from file_faults(tls.certificate, tls.key, tls.authority)
    try:
        certificate = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
    except ValueError:
        return
    if name not in (found := _names(certificate)):
        stated = " and ".join(map(repr, found)) or "none"
        text = f"its common name and a name of DNS must be {name!r}, this engine; it has {stated}"
        yield Fault("tls.certificate", text)


def _authority_faults(authority: Path) -> Iterator[Fault]:
    try:
        x509.load_pem_x509_certificates(authority.read_bytes())
    except ValueError as error:
        yield Fault("tls.authority", f"{authority} is no certificate as PEM: {error}")


def pair_faults(certificate_file: Path, key_file: Path) -> Iterator[Fault]:
    """Yield why a certificate and a key are none, or not of one another."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except ValueError as error:
        certificate = None
        yield Fault("tls.certificate", f"{certificate_file} is no certificate as PEM: {error}")
    try:
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        key = None
        yield Fault("tls.key", f"{key_file} is no private key as PEM without a password: {error}")
    if certificate is None:
        return
    if key is not None and key.public_key().public_bytes(
        *_PUBLIC
    ) != certificate.public_key().public_bytes(*_PUBLIC):
        yield Fault("tls.key", f"{key_file} is not the key of {certificate_file}")


def _names(certificate: x509.Certificate) -> list[str]:
    """Return the common names of a certificate that are names of DNS too."""
    common = [
        str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    ]
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [each for each in common if each in others.value.get_values_for_type(x509.DNSName)]
