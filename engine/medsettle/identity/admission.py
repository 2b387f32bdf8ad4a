"""Lets callers in by what they show, and refuses all others before anything is looked up."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Final

from medsettle import limits
from medsettle.errors import NotAuthenticated, NotPermitted
from medsettle.identity.certificates import Shown, shown_by
from medsettle.identity.principals import ANYBODY, Principal
from medsettle.identity.roles import Right
from medsettle.identity.tokens import Tokens
from medsettle.identity.watched_file import WatchedFile

_BEARER: Final = "bearer "


class Admission:
    """Who is let in at a port: everybody, or who shows a certificate or a token."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        certificates: bool = False,
        revoked: WatchedFile[frozenset[int]] | None = None,
        tokens: WatchedFile[Tokens] | None = None,
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        """Let in by certificates, by tokens or by both; without either, everybody.

        Args:
            clock: Tells whether what is shown has run out.
            certificates: Whether a connection shows one, which TLS has checked.
            revoked: The serial numbers of those that count no more.
            tokens: The tokens that count.
            seconds: Rises; tells when files are looked at again.
        """
        self._clock = clock
        self._certificates = certificates
        self._revoked = revoked
        self._tokens = tokens
        self._seconds = seconds
        self._shown: dict[bytes, Shown] = {}

    @property
    def asks(self) -> bool:
        """Whether callers have to say who they are."""
        return self._certificates or self._tokens is not None

    @property
    def takes_tokens(self) -> bool:
        """Whether a token lets somebody in."""
        return self._tokens is not None

    def principal(self, certificate: bytes | None, authorization: str | None) -> Principal:
        """Return who asks.

        Whoever shows both a certificate and a token is who the token says: it was opened on a
        machine by somebody.

        Args:
            certificate: As PEM, what the connection was opened with; None for none.
            authorization: The header of that name; None for none.

        Raises:
            NotAuthenticated: Nobody who is known.
        """
        if not self.asks:
            return ANYBODY
        known = self._by_certificate(certificate) if certificate is not None else None
        if authorization is not None and self._tokens is not None:
            if authorization[: len(_BEARER)].lower() != _BEARER:
                raise NotAuthenticated("The header authorization is not: Bearer, a space, a token.")
            tokens = self._tokens.at(self._seconds())
            return tokens.principal(authorization[len(_BEARER) :].strip(), self._clock())
        if known is not None:
            return known
        how = " or ".join(
            text
            for text, taken in (
                ("a certificate", self._certificates),
                ("a token", self.takes_tokens),
            )
            if taken
        )
        raise NotAuthenticated(f"This server asks for {how}; nothing was shown.")

    def _by_certificate(self, pem: bytes) -> Principal:
        shown = self._shown.get(pem)
        if shown is None:
            shown = shown_by(pem)
            if len(self._shown) >= limits.CERTIFICATES_REMEMBERED_MAX:
                del self._shown[next(iter(self._shown))]
            self._shown[pem] = shown
        # A connection outlives the check at its beginning.
        if not shown.begins <= self._clock() < shown.ends:
            text = f"The certificate holds from {shown.begins:%Y-%m-%d} to {shown.ends:%Y-%m-%d}."
            raise NotAuthenticated(text, certificate=f"{shown.serial:x}")
        if self._revoked is not None and shown.serial in self._revoked.at(self._seconds()):
            raise NotAuthenticated(
                "The certificate was revoked; ask for a new one.", certificate=f"{shown.serial:x}"
            )
        return shown.principal

    def read_again(self) -> None:
        """Read the files of tokens and revoked certificates again.

        Raises:
            InvalidRequest: All the faults of one; what was read before stays.
            OSError: One cannot be read; likewise.
        """
        for file in (self._revoked, self._tokens):
            if file is not None:
                file.read_again()


def check_right(principal: Principal, right: Right) -> None:
    """Check that somebody may do something.

    Raises:
        NotPermitted: They may not.
    """
    if right not in principal.rights:
        raise NotPermitted(
            f"{principal.name} ({principal.role}) may not do this; it takes the right {right}.",
            right=right,
        )


def check_scope(principal: Principal, institution: str | None, area: str | None) -> None:
    """Check that somebody may ask for an institution and about a pooling area.

    Args:
        principal: Who asks.
        institution: Named by the request; None where it names none.
        area: Likewise; an empty one and `-` are for a fault of the request, or for any area.

    Raises:
        NotPermitted: Not for these; nothing was looked up, so it tells nothing about them.
    """
    if institution and not principal.speaks_for(institution):
        raise NotPermitted(
            f"{principal.name} does not speak for institution {institution[:50]!r}.",
            institution=institution[:50],
        )
    if area and area != "-" and not principal.decides_for(area):
        raise NotPermitted(
            f"{principal.name} asks about pooling area {principal.area} alone.",
            pooling_area=area[:6],
        )
