"""Two areas and a hub as `medsettle serve --peers`, in processes and folders of their own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from medsettle import errors, limits
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE
from medsettle.torture.provinces_servers import (
    HUB,
    area_folders,
    file_of_peers,
    free_ports,
    peer_told,
)

_STOP_SECONDS: Final = limits.SHUTDOWN_SECONDS_MAX + 10


@dataclass
class Server:
    """One of the three, through its lives: each begins with `begin` and serves after `wait`.

    A hub has no rules.
    """

    name: str
    rules: Path | None
    folder: Path
    address: str
    process: subprocess.Popen[str] | None = None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def audit(self) -> Path:
        """Its audit tables."""
        return self.data / AUDIT_FOLDER

    @property
    def peers(self) -> Path:
        """Its file of peers."""
        return self.folder / "peers.toml"

    def begin(self) -> None:
        """Start a process; what it logs goes to a file beside its data."""
        command = [sys.executable, "-m", "medsettle.cli", "serve", "--json"]
        command += ["--data", str(self.data)]
        if self.rules is not None:
            command += ["--rules", str(self.rules)]
        # A ledger that the environment names is not for trying things out.
        command += ["--ledger", str(self.data / LEDGER_FILE)]
        command += ["--listen", self.address, "--peers", str(self.peers)]
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def wait(self) -> None:
        """Wait until it serves.

        Raises:
            LedgerUnavailable: It ended before.
        """
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith('{"serving"'):
            raise errors.LedgerUnavailable(
                f"the server of {self.name} ended before it was ready: {line}see "
                f"{self.folder / 'log.txt'}"
            )
        self.address = json.loads(line)["serving"]

    def again(self) -> float:
        """Start it again, and return after how many seconds it served."""
        begun = perf_counter()
        self.begin()
        self.wait()
        return perf_counter() - begun

    def kill(self) -> None:
        """End it as `kill -9` does; once it has ended, nothing happens."""
        if self.process is not None:
            self.process.kill()
            self._ended()

    def stop(self) -> int:
        """End it in order, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        code = self.process.wait(_STOP_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def three_servers(rules: Path, folder: Path) -> Iterator[dict[str, Server]]:
    """Yield two areas and a hub that serve, by their names; they have ended after the block.

    Args:
        rules: A folder below which the rules of both areas lie.
        folder: Where each has a folder of its own.

    Raises:
        FileNotFoundError: The rules of an area are not there.
        LedgerUnavailable: A server did not start.
    """
    areas = area_folders(rules)
    names = [*areas, HUB]
    addresses = {
        name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(len(names)), strict=True)
    }
    servers = {}
    for name in names:
        own = folder / name
        own.mkdir(parents=True, exist_ok=True)
        known = areas[name].parent if name in areas else None
        servers[name] = Server(name, known, own, addresses[name])
        servers[name].peers.write_text(_peers_file(name, addresses), encoding="utf-8")
    try:
        for server in servers.values():
            server.begin()
        for server in servers.values():
            server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.kill()


def _peers_file(name: str, addresses: Mapping[str, str]) -> str:
    if name != HUB:
        return file_of_peers(name, "areas", [name], [peer_told(HUB, "hub", addresses[HUB], ["*"])])
    areas = [each for each in addresses if each != HUB]
    told = [peer_told(area, "areas", addresses[area], [area]) for area in areas]
    return file_of_peers(HUB, "hub", [], told)
