"""Who is let in at a server: the options of `serve`, checked together, and what they open."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.access_log import AccessLog
from medsettle.identity.addresses import is_loopback

if TYPE_CHECKING:
    import grpc

    from medsettle.identity.transport import ServerTls
    from medsettle.service.server import Identity


@dataclass(frozen=True, slots=True)
class IdentityOptions:
    """What the options say."""

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    revoked: Path | None = None
    tokens: Path | None = None
    token_listen: str | None = None
    insecure: bool = False

    @property
    def asks(self) -> bool:
        """Whether callers have to say who they are."""
        return self.authority is not None or self.tokens is not None

    @property
    def encrypts(self) -> bool:
        """Whether connections are encrypted."""
        return self.certificate is not None

    def check(self, listen: str, *, has_peers_beside: bool) -> None:
        """Check that the options go with where the server listens; with one another they do.

        Args:
            listen: Host and port of the server.
            has_peers_beside: Whether engines of other areas come to the same port, in plain text.

        Raises:
            InvalidRequest: Everything that does not go together.
        """
        faults = [*self._exposed(listen)]
        if has_peers_beside and (self.encrypts or self.asks):
            text = "needs [tls] with listen in its file, for the port of tills asks who calls"
            faults.append(Fault("--peers", text))
        if faults:
            raise InvalidRequest(faults)

    def _exposed(self, listen: str) -> Iterator[Fault]:
        """Yield what other machines would reach or read that must not."""
        if is_loopback(listen):
            return
        if self.tokens is not None and not self.encrypts:
            yield Fault(
                "--access-tokens",
                f"would travel unencrypted to {listen}; give --tls-certificate and --tls-key, or "
                "listen at 127.0.0.1",
            )
        if not self.asks and not self.insecure:
            yield Fault(
                "--listen",
                f"{listen} is reached from other machines, and nobody is asked who they are; give "
                "--tls-certificate, --tls-key and --tls-authority, listen at 127.0.0.1, or say "
                "--insecure",
            )


@dataclass(frozen=True, slots=True)
class Known:
    """What the options open: who is let in, the credentials of the port, and what is read again."""

    identity: "Identity"
    credentials: "grpc.ServerCredentials | None" = None
    readings: list[Callable[[], None]] = field(default_factory=list)


def known_by(options: IdentityOptions, clock: Callable[[], datetime], accesses: AccessLog) -> Known:
    """Return who is let in by options that go together.

    Raises:
        InvalidRequest: All that is wrong with a file.
        OSError: A file cannot be read.
    """
    from medsettle.identity.admission import Admission  # noqa: PLC0415 - loads cryptography
    from medsettle.identity.revoked import read_revoked  # noqa: PLC0415
    from medsettle.identity.tokens import read_tokens  # noqa: PLC0415
    from medsettle.identity.watched_file import WatchedFile  # noqa: PLC0415
    from medsettle.service.server import Identity  # noqa: PLC0415 - loads gRPC

    admission = Admission(
        clock,
        certificates=options.authority is not None,
        revoked=None if options.revoked is None else WatchedFile(options.revoked, read_revoked),
        tokens=None if options.tokens is None else WatchedFile(options.tokens, read_tokens),
    )
    tls = _tls(options)
    if tls is None:
        return Known(Identity(admission, accesses), None, [admission.read_again])
    at_port = None
    if options.token_listen is not None:
        at_port = options.token_listen, tls.credentials(certificates=False)
    return Known(
        Identity(admission, accesses, at_port),
        tls.credentials(certificates=options.authority is not None),
        [tls.read_again, admission.read_again],
    )


def _tls(options: IdentityOptions) -> "ServerTls | None":
    if options.certificate is None or options.key is None:
        return None
    from medsettle.identity.transport import ServerTls  # noqa: PLC0415 - loads gRPC

    return ServerTls(options.certificate, options.key, options.authority)
