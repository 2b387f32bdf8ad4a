"""Serving the console, until it is told to stop."""

import contextlib
import signal
import socket
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

from django.core.wsgi import get_wsgi_application
from waitress.server import BaseWSGIServer, create_server

from medsettle import limits
from medsettle.console import framework, oversize, people, place
from medsettle.console.today_counts import counts_of
from medsettle.errors import SettlementError


def serve(
    where: place.Place,
    clock: Callable[[], datetime],
    listen: str,
    begun: Callable[[str, people.FirstPerson | None], None],
    *,
    hosts: tuple[str, ...] = (),
    behind: tuple[str, ...] = (),
    proxy: str = "127.0.0.1",
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        where: What the pages look at.
        clock: Returns the present moment with a time zone.
        listen: Host and port; port 0 chooses one.
        begun: Called with the address once it listens, and with the first person's password where
            nobody could sign in before.
        hosts: Names by which browsers may ask besides that of `listen` and the loopback ones.
        behind: Names at which a proxy speaks HTTPS; what it says of browsers is believed then.
        proxy: Address of that proxy. Whoever else says such a thing is not heard.

    Raises:
        LedgerUnavailable: There is no ledger, or it cannot be read.
        PolicyRejected: The rules have faults.
        OSError: The address cannot be listened at.
    """
    host, _, port = listen.rpartition(":")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listening:
        listening.bind((host.strip("[]"), int(port)))
        framework.set_up(where.state, hosts=(*_known(host), *hosts), behind=behind)
        holdings = place.Holdings(where, clock)
        place.put(holdings)
        with holdings.engine():
            # Rules with faults are told now, to whoever starts it.
            pass
        with contextlib.suppress(SettlementError):
            # The day is counted from now on, not from when somebody first looks.
            holdings.kept(counts_of).counted()
        server = create_server(
            get_wsgi_application(),
            sockets=[listening],
            threads=limits.CONSOLE_THREADS,
            max_request_body_size=limits.CONSOLE_UPLOAD_BYTES_MAX,
            ident="medsettle",
            **_trusting(proxy if behind else None),
        )
        assert isinstance(server, BaseWSGIServer), "there is one socket"
        server.channel_class = oversize.Channel
        signal.signal(signal.SIGTERM, _leave)
        # Made once nothing can fail any more: who is told no password cannot sign in.
        begun(f"{host}:{listening.getsockname()[1]}", people.first_person())
        # Ends with the SystemExit of a signal, after what is being answered has been.
        server.run()
        holdings.close()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _trusting(proxy: str | None) -> dict[str, Any]:
    """Return what the server is told: whom it believes who asked, and whether by HTTPS."""
    if proxy is None:
        return {}
    told = {"x-forwarded-for", "x-forwarded-proto"}
    return {"trusted_proxy": proxy, "trusted_proxy_count": 1, "trusted_proxy_headers": told}


def _known(host: str) -> tuple[str, ...]:
    names = ("localhost", "127.0.0.1", "[::1]")
    return names if host in {"0.0.0.0", "[::]"} else (*names, host)  # noqa: S104 - it is compared
