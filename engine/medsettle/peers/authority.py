"""An authority for development: certificates of engines that run on one machine."""

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from medsettle import limits

AUTHORITY_NAME: Final = "ca.pem"
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644


def make_certificates(folder: Path, names: Sequence[str], moment: datetime) -> list[Path]:
    """Write an authority and, for each name, a certificate and its key; return the files.

    The key of the authority is not kept: for one more name make all anew, in another folder. They
    hold for 127.0.0.1 and localhost, from `moment` on for PEER_CERTIFICATE_DAYS.

    Raises:
        FileExistsError: One of the files is there already; none of it was changed.
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority_key = new_key(SECP256R1())
    authority_name = _subject("medsettle development authority")
    authority = (
        _begun(authority_name, authority_name, authority_key, moment)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, SHA256())
    )
    made = [_written(folder / AUTHORITY_NAME, authority.public_bytes(Encoding.PEM), _PUBLIC)]
    for name in names:
        key = new_key(SECP256R1())
        certificate = (
            _begun(_subject(name), authority_name, key, moment)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_places(name), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
                ),
                critical=False,
            )
            .sign(authority_key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made.append(
            _written(folder / f"{name}.pem", certificate.public_bytes(Encoding.PEM), _PUBLIC)
        )
        made.append(_written(folder / f"{name}.key", private, _PRIVATE))
    return made


def _begun(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, moment: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(minutes=1))
        .not_valid_after(moment + timedelta(days=limits.PEER_CERTIFICATE_DAYS))
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _places(name: str) -> x509.SubjectAlternativeName:
    here = ipaddress.ip_address("127.0.0.1")
    return x509.SubjectAlternativeName(
        [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(here)]
    )


def _written(path: Path, text: bytes, mode: int) -> Path:
    """Write a new file that has its permissions from the first byte on."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        file.write(text)
    return path
