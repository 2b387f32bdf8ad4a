"""Servers that ask who calls: their authority, certificates, tokens and log, in a folder."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from medsettle import limits
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.identity.access_log import Access, AccessLog, read_accesses
from medsettle.identity.admission import Admission
from medsettle.identity.authority import DOMAIN, Wanted, add_certificates
from medsettle.identity.certificates import spiffe_id
from medsettle.identity.revoked import read_revoked
from medsettle.identity.roles import Role
from medsettle.identity.tokens import new_token, read_tokens
from medsettle.identity.transport import ServerTls, caller_credentials
from medsettle.identity.watched_file import WatchedFile
from medsettle.service.server import Identity

from tests.service.serving import Served, serving

NOW = datetime.now(UTC)
AREA = "999900"
H1, H2 = "H001", "H002"


@dataclass
class Moving:
    """A clock and a counter of seconds that stand until they are moved."""

    moment: datetime = NOW
    seconds: float = 0.0

    def pass_by(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.moment += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Known:
    """A running server that asks who calls, and what it knows them by."""

    folder: Path
    served: Served
    clock: Moving
    tls: ServerTls | None
    admission: Admission
    log: AccessLog
    _clients: list[Client] = field(default_factory=list)

    def by_certificate(self, name: str) -> Client:
        """Return a client that shows a certificate of the folder."""
        credentials = shown(self.folder, name)
        return self._opened(Client(self.served.address, credentials=credentials, timeout=10))

    def by_token(self, token: str) -> Client:
        """Return a client that shows a token, at the port of tokens where there is one."""
        address = self.served.server.address_of_tokens or self.served.address
        credentials = shown(self.folder, None) if self.tls is not None else None
        return self._opened(Client(address, credentials=credentials, token=token, timeout=10))

    def nobody(self, credentials: grpc.ChannelCredentials | None = None) -> Client:
        """Return a client that shows nothing, or what is given."""
        return self._opened(Client(self.served.address, credentials=credentials, timeout=10))

    def accesses(self) -> list[Access]:
        """Return what was taken down; the log is closed for it."""
        self.log.close()
        return [*read_accesses(self.folder / "access")]

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()

    def _opened(self, client: Client) -> Client:
        self._clients.append(client)
        return client


def shown(folder: Path, name: str | None) -> grpc.ChannelCredentials:
    """Return the credentials of a caller: a certificate by its file's name, or none."""
    pair = (None, None) if name is None else (folder / f"{name}.pem", folder / f"{name}.key")
    return caller_credentials(folder / "ca.pem", *pair)


def certificates(folder: Path, moment: datetime = NOW, days: int = 30, *, suffix: str = "") -> None:
    """Write a server and a caller of each role, two of institutions, and one of one area."""
    wanted = [] if suffix else [Wanted("server")]
    wanted += [
        Wanted(f"{name}{suffix}", spiffe_id(DOMAIN, role, institution, area))
        for name, role, institution, area in (
            *((role.value, role, "", "") for role in Role if role is not Role.INSTITUTION),
            *((code, Role.INSTITUTION, code, AREA) for code in (H1, H2)),
            ("clearing-elsewhere", Role.CLEARING, "", "999999"),
            ("clearing-here", Role.CLEARING, "", AREA),
        )
    ]
    add_certificates(folder, wanted, moment, days=days)


def token(folder: Path, role: Role, *institutions: str, area: str = "", days: int = 30) -> str:
    """Return a new token in the file of a folder."""
    made = new_token(
        *(folder / "tokens.json", f"{role} by token", role),
        moment=NOW,
        days=days,
        institutions=institutions,
        area=area,
    )
    return made.secret


@contextmanager
def known(
    engine: Engine, loop: asyncio.AbstractEventLoop, folder: Path, *, tls: bool = True
) -> Iterator[Known]:
    """Yield a server on loopback; with TLS certificates count, and tokens at a port of theirs."""
    tokens = folder / "tokens.json"
    revoked = folder / "revoked.txt"
    revoked.touch()
    clock = Moving()
    port = None
    if tls:
        port = ServerTls(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    admission = Admission(
        lambda: clock.moment,
        certificates=tls,
        revoked=WatchedFile(revoked, read_revoked) if tls else None,
        tokens=WatchedFile(tokens, read_tokens) if tokens.exists() else None,
        seconds=lambda: clock.seconds,
    )
    with closing(AccessLog(folder / "access", lambda: clock.moment)) as log:
        of_tokens = None
        if port is not None and tokens.exists():
            of_tokens = "127.0.0.1:0", port.credentials(certificates=False)
        with serving(
            *(engine, loop),
            credentials=None if port is None else port.credentials(certificates=True),
            identity=Identity(admission, log, of_tokens),
        ) as served:
            found = Known(folder, served, clock, port, admission, log)
            try:
                yield found
            finally:
                found.close()


def soon(clock: Moving) -> None:
    """Let so much time pass that files are looked at again."""
    clock.pass_by(limits.ACCESS_FILES_SECONDS)
