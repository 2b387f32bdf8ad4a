"""Two areas and a hub as real processes, with a proxy on each way between them.

    tills ── a ══ proxy ══ hub ══ proxy ══ b ── tills

Each process has its own rules, data folder and file of peers, which stay when it is killed. It
listens on the same port in all its lives; what it asks of another goes through a proxy, one for
each way, and a fault of a link strikes both ways.
"""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final

from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.network_proxy import NetworkProxy
from medsettle.torture.provinces_workload import AREAS
from medsettle.torture.servers import Life, Servers

HUB: Final = "hub"
NAMES: Final = (*AREAS, HUB)
"""The three processes: each area by its code, and the hub."""

_HOST: Final = "127.0.0.1"
_PORTS: Final = range(20_000, 32_000)
_PEERS_FILE: Final = "peers.toml"
_LEDGER_FILE: Final = "ledger.db"


@dataclass
class Process:
    """One of the three, through its lives."""

    name: str
    folder: Path
    rules: Path
    port: int
    _servers: Servers
    _life: Life | None = None
    _lives: ExitStack = field(default_factory=ExitStack)

    @property
    def address(self) -> str:
        """Where it serves, in every life."""
        return f"{_HOST}:{self.port}"

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def ledger(self) -> Path:
        """Its ledger."""
        return self.data / _LEDGER_FILE

    @property
    def life(self) -> Life:
        """Its present life."""
        assert self._life is not None
        return self._life

    def start(self, step: str = "", count: int = 1) -> None:
        """Begin a life, and wait until it serves.

        Args:
            step: Where it dies, one of `named_steps.STEPS`, or empty.
            count: At which arrival there, from 1.

        Raises:
            OSError: It ended before it served.
        """
        arguments = ["--rules", str(self.rules), "--data", str(self.data)]
        arguments += ["--listen", self.address, "--peers", str(self.folder / _PEERS_FILE)]
        self._life = self._lives.enter_context(self._servers.serving(arguments, step, count))

    def kill(self) -> None:
        """End its life as `kill -9` does."""
        self._lives.close()

    def stop(self) -> int:
        """End its life in order, and return the exit code.

        Raises:
            TimeoutError: It did not end.
        """
        code = self.life.stop()
        self._lives.close()
        return code


@dataclass(frozen=True)
class Link:
    """Both ways between an area and the hub."""

    area: str
    up: NetworkProxy
    down: NetworkProxy

    @property
    def ways(self) -> tuple[NetworkProxy, NetworkProxy]:
        """The proxy by which the area asks the hub, and that by which the hub asks the area."""
        return self.up, self.down


@dataclass(frozen=True)
class Provinces:
    """The three processes and the links between them."""

    processes: Mapping[str, Process]
    links: Mapping[str, Link]

    def heal(self) -> None:
        """Let every link pass again."""
        for link in self.links.values():
            for way in link.ways:
                way.heal()


def area_folders(rules: Path) -> dict[str, Path]:
    """Return the folder of each area's rules, wherever below a folder it lies.

    Raises:
        FileNotFoundError: One is not there.
    """
    found = {}
    for area in AREAS:
        folders = sorted(
            each.parent for each in rules.rglob("area.yaml") if each.parent.name == area
        )
        if not folders:
            raise FileNotFoundError(
                f"{str(rules)!r} has no area {area}; name the folder of the two invented areas"
            )
        found[area] = folders[0]
    return found


def book_of_both(rules: Path) -> RuleBook:
    """Return the rules of both areas as one engine loads them.

    Raises:
        PolicyRejected: They have faults.
        FileNotFoundError: Those of an area are not there.
    """
    with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as together:
        for area, folder in area_folders(rules).items():
            shutil.copytree(folder, Path(together) / area)
        return load_rule_book(Path(together))


@contextmanager
def provinces(rules: Path) -> Iterator[Provinces]:
    """Yield two areas and a hub that serve, with empty ledgers; they end with the block.

    Args:
        rules: A folder below which the rules of both areas lie.

    Raises:
        FileNotFoundError: The rules of an area are not there.
        OSError: A server does not start.
    """
    folders = area_folders(rules)
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medsettle-torture-")))
        ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        links = {
            area: Link(
                area,
                stack.enter_context(NetworkProxy(ports[HUB])),
                stack.enter_context(NetworkProxy(ports[area])),
            )
            for area in AREAS
        }
        processes = {}
        for name in NAMES:
            folder, own = root / name, root / name / "rules"
            own.mkdir(parents=True)
            if name in folders:
                shutil.copytree(folders[name], own / name)
            (folder / _PEERS_FILE).write_text(peers_file(name, links), encoding="utf-8")
            source = stack.enter_context(Servers())
            processes[name] = Process(name, folder, own, ports[name], source)
            stack.callback(processes[name].kill)
        for process in processes.values():
            process.start()
        yield Provinces(processes, links)


def peers_file(name: str, links: Mapping[str, Link]) -> str:
    """Return the configuration of one of the three: who it is, and whom it knows."""
    if name != HUB:
        return file_of_peers(
            name, "areas", [name], [peer_told(HUB, "hub", links[name].up.address, ["*"])]
        )
    told = [peer_told(area, "areas", link.down.address, [area]) for area, link in links.items()]
    return file_of_peers(HUB, "hub", [], told)


def file_of_peers(name: str, role: str, areas: list[str], peers: list[str]) -> str:
    """Return a file of peers: who an engine is, what it decides, and whom it knows."""
    return "\n".join([f'name = "{name}"', f'role = "{role}"', f"areas = {areas}", *peers, ""])


def peer_told(name: str, role: str, address: str, areas: list[str]) -> str:
    """Return the part of a file of peers about one of them; `*` is every other area."""
    told = {"name": name, "role": role, "address": address}
    lines = [f'{key} = "{value}"' for key, value in told.items()]
    return "\n".join(["", "[[peers]]", *lines, f"areas = {areas}"])


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now, none of which a connection is given by itself.

    Systems give outgoing connections ports above these, which would be in use by the time that a
    server listens.
    """
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = SystemRandom().choice(_PORTS)
            try:
                stack.enter_context(closing(socket.create_server((_HOST, port))))
            except OSError:
                continue
            found.append(port)
    return found
