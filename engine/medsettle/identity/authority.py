"""An authority for development: certificates of servers, engines and callers of one machine."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest

AUTHORITY_NAME: Final = "ca.pem"
AUTHORITY_KEY_NAME: Final = "ca.key"
DOMAIN: Final = "medsettle.example"
"""Trust domain of what this authority states, which is nobody's."""
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate that is to be made: of a server or an engine, or of a caller by its `uri`."""

    name: str
    uri: str = ""


def make_certificates(folder: Path, names: Sequence[str], moment: datetime) -> list[Path]:
    """Write an authority and, for each engine, a certificate and its key; return the files.

    The key of the authority is not kept: for one more name make all anew, in another folder. They
    hold for 127.0.0.1 and localhost, from `moment` on for CERTIFICATE_DAYS.

    Raises:
        FileExistsError: One of the files is there already; nothing was written.
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [Wanted(name) for name in names]
    _check_room([folder / AUTHORITY_NAME, *_files(folder, wanted)], "name another folder")
    authority = _new_authority(moment)
    made = [_written(folder / AUTHORITY_NAME, authority.pem, _PUBLIC)]
    for each in wanted:
        made += _made(authority, folder, each, moment)
    return made


def add_certificates(
    folder: Path, wanted: Sequence[Wanted], moment: datetime, *, days: int = limits.CERTIFICATE_DAYS
) -> list[Path]:
    """Write a certificate and key for each that is wanted, by the authority of a folder.

    Where the folder has no authority one is made, and its key kept beside it: whoever reads that
    key can state anybody, so it is for development.

    Args:
        folder: Where the files are written.
        wanted: Servers and callers.
        moment: From when on they hold.
        days: For how long, from 1.

    Raises:
        FileExistsError: A name has a file there already; nothing was written.
        InvalidRequest: What is there is no authority.
        OSError: A file cannot be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remedy = "leave that name out, name another folder, or move its certificate and key away for "
    _check_room(_files(folder, wanted), f"{remedy}new ones")
    made = []
    if (folder / AUTHORITY_NAME).exists():
        authority = _kept_authority(folder)
    else:
        authority = _new_authority(moment)
        private = _private_pem(authority.key)
        made.append(_written(folder / AUTHORITY_KEY_NAME, private, _PRIVATE))
        made.append(_written(folder / AUTHORITY_NAME, authority.pem, _PUBLIC))
    for each in wanted:
        made += _made(authority, folder, each, moment, days)
    return made


def _files(folder: Path, wanted: Sequence[Wanted]) -> list[Path]:
    return [folder / f"{each.name}{suffix}" for each in wanted for suffix in (".pem", ".key")]


def _check_room(files: Sequence[Path], remedy: str) -> None:
    there = [path for path in files if path.exists()]
    if there:
        raise FileExistsError(f"{there[0]} is there already and stays as it is; {remedy}")


@dataclass(frozen=True, slots=True)
class _Authority:
    key: EllipticCurvePrivateKey
    pem: bytes


def _new_authority(moment: datetime) -> _Authority:
    key = new_key(SECP256R1())
    certificate = (
        _begun(_AUTHORITY, key, moment, limits.CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    return _Authority(key, certificate.public_bytes(Encoding.PEM))


def _kept_authority(folder: Path) -> _Authority:
    pem = (folder / AUTHORITY_NAME).read_bytes()
    try:
        key = load_pem_private_key((folder / AUTHORITY_KEY_NAME).read_bytes(), None)
    except FileNotFoundError:
        text = f"{folder} has an authority without its key; name another folder"
        raise InvalidRequest([Fault("out", text)]) from None
    except ValueError as error:
        raise InvalidRequest([Fault("out", f"{AUTHORITY_KEY_NAME}: {error}")]) from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise InvalidRequest([Fault("out", f"{AUTHORITY_KEY_NAME} is no key of ours")])
    return _Authority(key, pem)


def _made(
    authority: _Authority,
    folder: Path,
    wanted: Wanted,
    moment: datetime,
    days: int = limits.CERTIFICATE_DAYS,
) -> list[Path]:
    """Write a certificate and its key."""
    key = new_key(SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if not wanted.uri:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    certificate = (
        _begun(_subject(wanted.name), key, moment, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_places(wanted), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(authority.key, SHA256())
    )
    public = certificate.public_bytes(Encoding.PEM)
    return [
        _written(folder / f"{wanted.name}.pem", public, _PUBLIC),
        _written(folder / f"{wanted.name}.key", _private_pem(key), _PRIVATE),
    ]


def _private_pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _begun(
    subject: x509.Name, key: EllipticCurvePrivateKey, moment: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_AUTHORITY)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(minutes=1))
        .not_valid_after(moment + timedelta(days=days))
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


_AUTHORITY: Final = _subject("medsettle development authority")


def _places(wanted: Wanted) -> x509.SubjectAlternativeName:
    """Return what a caller is, or where a server is reached."""
    if wanted.uri:
        return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(wanted.uri)])
    here = ipaddress.ip_address("127.0.0.1")
    return x509.SubjectAlternativeName(
        [x509.DNSName(wanted.name), x509.DNSName("localhost"), x509.IPAddress(here)]
    )


def _written(path: Path, text: bytes, mode: int) -> Path:
    """Write a new file that has its permissions from the first byte on."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        file.write(text)
    return path
