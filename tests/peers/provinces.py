"""Two invented areas and the cases that are settled between areas, for tests."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medsettle.client import Client
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.core.visits import RegistrationRequest, registration_of
from medsettle.engine import Engine
from medsettle.torture.provinces_servers import HUB, file_of_peers, free_ports, peer_told
from medsettle.torture.servers import Servers

ROOT = Path(__file__).parents[2]
PROVINCES = ROOT / "fixtures" / "provinces"
AREA_A, AREA_B = "999941", "999942"
FOLDERS = {
    AREA_A: PROVINCES / "rules-a" / AREA_A,
    AREA_B: PROVINCES / "rules-b" / AREA_B,
}

_AGENCY = "AGENCY"


@dataclass(frozen=True)
class Case:
    """A claim from area A of a person insured elsewhere, and what must come of it.

    `case` names it in `fixtures/cases.json`, or the section of the worked split; `expect` has
    columns of the settlement, and `figures` the columns of the figures that the collection has.
    What the insured area cannot decide as a whole is previewed only.
    """

    name: str
    case: str
    source: str
    claim: str
    insured_rules: str
    preview: bool
    figures: Mapping[str, str]
    expect: Mapping[str, int]
    account_fen: int = 0
    relative_fen: int = 0
    row: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Read the claim."""
        row = json.loads((PROVINCES / self.claim).read_text(encoding="utf-8"))
        object.__setattr__(self, "row", row)

    def __str__(self) -> str:
        return self.name

    @property
    def insured_folder(self) -> Path:
        """The rules of the insured area."""
        return ROOT / self.insured_rules

    def brought_along(self, asked: Engine | Client) -> None:
        """Record what the person has before the claim: an account, and a limit of a relative."""
        area, person = self.row["pooling_area"], self.row["person"]
        if self.account_fen:
            asked.open_person(Opening(_AGENCY, f"O-{person}", area, person, self.account_fen))
        if self.relative_fen:
            giver = Person(area, f"{person}-R")
            opening = Opening(_AGENCY, f"O-{giver.person}", area, giver.person, self.relative_fen)
            asked.open_person(opening)
            change = LimitChange(
                _AGENCY, f"G-{person}", giver, Person(area, person), self.relative_fen
            )
            asked.relatives.grant(change)


def cases() -> list[Case]:
    """Return every case."""
    return [Case(**each) for each in json.loads((PROVINCES / "cases.json").read_text("utf-8"))]


@dataclass(frozen=True)
class VisitCase:
    """A visit at area A of a person insured elsewhere, over several schemes.

    `expect` has columns of the settlement of each insurance type; `registration` is what an
    authority of the insured area recorded before, and `note` the sum by hand.
    """

    name: str
    source: str
    claim: str
    insured_rules: str
    registration: Mapping[str, Any]
    note: str
    expect: Mapping[str, Mapping[str, int]]

    def __str__(self) -> str:
        return self.name

    @property
    def row(self) -> dict[str, Any]:
        """The claim."""
        found: dict[str, Any] = json.loads((PROVINCES / self.claim).read_text(encoding="utf-8"))
        return found

    @property
    def insured_folder(self) -> Path:
        """The rules of the insured area."""
        return ROOT / self.insured_rules

    def registered(self, asked: Engine | Client) -> None:
        """Record the registration, where the person is insured."""
        told = dict(self.registration)
        area, person = str(told.pop("pooling_area")), str(told.pop("person"))
        registration = registration_of(told)
        request = RegistrationRequest(_AGENCY, f"I-{person}", area, person, registration)
        asked.registrations.record(request)


def visit_cases() -> list[VisitCase]:
    """Return every visit over several schemes."""
    rows = json.loads((PROVINCES / "visits.json").read_text("utf-8"))
    return [VisitCase(**each) for each in rows]


def rules_of(to: Path, *folders: Path) -> Path:
    """Return a folder of rules with these areas only."""
    for folder in folders:
        shutil.copytree(folder, to / folder.name, dirs_exist_ok=True)
    return to


@dataclass(frozen=True)
class Peer:
    """An area as an engine of its own serves it."""

    area: str
    rules: Path

    @classmethod
    def of_area(cls, area: str) -> "Peer":
        """Return one of the two invented areas."""
        return cls(area, FOLDERS[area])


@contextmanager
def serving_peers(
    peers: Mapping[str, Peer],
    sources: Sequence[Servers],
    folder: Path,
    *,
    certificates: Path | None = None,
) -> Iterator[dict[str, str]]:
    """Yield the addresses of `medsettle serve --peers` for some areas and a hub, by their names.

    Args:
        peers: Who serves which area, by its code.
        sources: What starts a server, one for each area and one for the hub.
        folder: Where rules, data and files of peers are kept.
        certificates: Folder of a certificate for each name; without one they speak plain text, at
            the port that tills reach.
    """
    names = [*peers, HUB]
    every = free_ports(2 * len(names))
    ports = dict(zip(names, every, strict=False))
    for_peers = dict(zip(names, every[len(names) :], strict=True)) if certificates else ports
    with ExitStack() as stack:
        for name, source in zip(names, sources, strict=True):
            own = folder / name
            (own / "rules").mkdir(parents=True)
            if name in peers:
                rules_of(own / "rules", peers[name].rules)
            told = _peers_file(name, for_peers)
            if certificates is not None:
                told = told.replace("[[peers]]", _tls(certificates, name, for_peers[name]), 1)
            (own / "peers.toml").write_text(told, encoding="utf-8")
            arguments = ["--rules", str(own / "rules"), "--data", str(own / "data")]
            arguments += ["--listen", f"127.0.0.1:{ports[name]}"]
            stack.enter_context(source.serving([*arguments, "--peers", str(own / "peers.toml")]))
        yield {name: f"127.0.0.1:{port}" for name, port in ports.items()}


def _tls(folder: Path, name: str, port: int) -> str:
    """Return what stands in a file of peers about certificates, before the first peer."""
    files = {"certificate": f"{name}.pem", "key": f"{name}.key", "authority": "ca.pem"}
    lines = [f'{key} = "{folder / file}"' for key, file in files.items()]
    return "\n".join(["[tls]", *lines, f'listen = "127.0.0.1:{port}"', "[[peers]]"])


def _peers_file(name: str, ports: Mapping[str, int]) -> str:
    addresses = {each: f"127.0.0.1:{port}" for each, port in ports.items()}
    if name != HUB:
        return file_of_peers(name, "areas", [name], [peer_told(HUB, "hub", addresses[HUB], ["*"])])
    areas = [each for each in ports if each != HUB]
    told = [peer_told(area, "areas", addresses[area], [area]) for area in areas]
    return file_of_peers(HUB, "hub", [], told)
