"""What a certificate says of whom it was made for.

Its SPIFFE ID, the one URI among its alternative names, states the role, and for whom it holds:

    spiffe://insurance.example/role/institution/institution/H11000000001/area/110000
    spiffe://insurance.example/role/clearing/area/110000
    spiffe://insurance.example/role/auditor

That is a standard of its own (X.509-SVID), which the tools of public key infrastructures issue and
check; fields of the subject mean something else to every authority. The trust domain in front is
not looked at: the authority that a server trusts vouches for all that it signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest, NotAuthenticated
from medsettle.identity.principals import Principal, principal_faults, principal_of
from medsettle.identity.roles import Role

_SCHEME: Final = "spiffe://"
_KEYS: Final = ("role", "area", "institution")
_HOW: Final = (
    "Have one made with the URI spiffe://DOMAIN/role/ROLE, followed by /institution/CODE and "
    "/area/AREA where they apply."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate says: who it is for, its serial number, and when it holds."""

    principal: Principal
    serial: int
    begins: datetime
    ends: datetime


def spiffe_id(domain: str, role: Role, institution: str = "", area: str = "") -> str:
    """Return the URI by which a certificate states somebody.

    >>> spiffe_id("insurance.example", Role.CLEARING, area="999900")
    'spiffe://insurance.example/role/clearing/area/999900'
    """
    text = f"{_SCHEME}{domain}/role/{role}"
    text += f"/institution/{institution}" if institution else ""
    return text + (f"/area/{area}" if area else "")


def shown_by(pem: bytes) -> Shown:
    """Return what a certificate says that a connection was opened with.

    Raises:
        NotAuthenticated: It names nobody, or somebody who cannot be.
    """
    if len(pem) > limits.CERTIFICATE_BYTES_MAX:
        raise NotAuthenticated(f"The certificate has {len(pem)} bytes; that is none of ours.")
    certificate = x509.load_pem_x509_certificate(pem)
    ends = certificate.not_valid_after_utc
    try:
        name, role, institutions, area = _stated(certificate)
        faults: Sequence[Fault] = principal_faults(name, role, institutions, area)
    except InvalidRequest as error:
        faults = error.faults
    if faults:
        said = "; ".join(str(fault) for fault in faults)
        raise NotAuthenticated(f"The certificate names nobody: {said}. {_HOW}")
    principal = principal_of(
        name,
        Role(role),
        institutions,
        area,
        shown=f"certificate {certificate.serial_number:x}",
        until=ends,
    )
    return Shown(principal, certificate.serial_number, certificate.not_valid_before_utc, ends)


def _stated(certificate: x509.Certificate) -> tuple[str, str, tuple[str, ...], str]:
    """Return name, role, institutions and area of a certificate, unchecked."""
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = []
    else:
        found = others.get_values_for_type(x509.UniformResourceIdentifier)
    if len(found) != 1 or not found[0].startswith(_SCHEME):
        raise InvalidRequest([Fault("uri", f"it has {len(found)} URIs, and not one SPIFFE ID")])
    uri = found[0]
    _, *parts = uri.removeprefix(_SCHEME).split("/")
    words = dict(zip(parts[::2], parts[1::2], strict=False))
    if len(parts) % 2 or len(words) * 2 != len(parts) or not set(words) <= set(_KEYS):
        text = f"{uri[:200]!r} is not made of role, area and institution, each once"
        raise InvalidRequest([Fault("uri", text)])
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    institution = words.get("institution")
    return (
        str(names[0].value) if names else uri,
        words.get("role", ""),
        (institution,) if institution is not None else (),
        words.get("area", ""),
    )
