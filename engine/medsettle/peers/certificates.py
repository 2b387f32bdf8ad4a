"""TLS between engines: both sides show a certificate, and its name is the engine's name.

The certificate of an engine has the name as its common name, which the engine that is called looks
at, and as a name of DNS, which the engine that calls looks at: an address in a file of peers may
change hands, a name does not.
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

from medsettle.errors import Fault

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


def tls_faults(tls: Tls, name: str) -> Iterator[Fault]:
    """Yield why the files of an engine are not its own: gRPC would not say more than no.

    Args:
        tls: Files that are there.
        name: What the certificate must have as its common name and as a name of DNS.
    """
    try:
        certificate = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
    except ValueError as error:
        certificate = None
        yield Fault("tls.certificate", f"{tls.certificate} is no certificate as PEM: {error}")
    try:
        key = load_pem_private_key(tls.key.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        key = None
        yield Fault("tls.key", f"{tls.key} is no private key as PEM without a password: {error}")
    try:
        x509.load_pem_x509_certificates(tls.authority.read_bytes())
    except ValueError as error:
        yield Fault("tls.authority", f"{tls.authority} is no certificate as PEM: {error}")
    if certificate is None:
        return
    if name not in (found := _names(certificate)):
        stated = " and ".join(map(repr, found)) or "none"
        text = f"its common name and a name of DNS must be {name!r}, this engine; it has {stated}"
        yield Fault("tls.certificate", text)
    if key is not None and key.public_key().public_bytes(
        *_PUBLIC
    ) != certificate.public_key().public_bytes(*_PUBLIC):
        yield Fault("tls.key", f"{tls.key} is not the key of {tls.certificate}")


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
