"""Engines of several areas and hubs as processes, bound to one another by files of peers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from medsettle.peers.open_cases import FILE_NAME, open_rows
from medsettle.torture.provinces_servers import file_of_peers, free_ports, peer_told

from benchmarks.load.pacing import MachineClock
from benchmarks.load.processes import Server, medsettle_words, serving

_FIXTURES: Final = Path(__file__).parents[2] / "fixtures" / "provinces"
CARE_AREA: Final = "999941"
HOME_AREA: Final = "999942"
RULES_OF: Final = {CARE_AREA: _FIXTURES / "rules-a", HOME_AREA: _FIXTURES / "rules-b"}

_AGREED_SECONDS_MAX: Final = 120
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine: the area it decides, none for a hub, and what it reaches by each neighbour."""

    area: str = ""
    reaches: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """What stands in files of peers."""
        return "areas" if self.area else "hub"


def through_hub() -> dict[str, Plan]:
    """Return a place of care and a place of insurance with a hub between them."""
    return {
        "care": Plan(CARE_AREA, {"hub": ["*"]}),
        "hub": Plan("", {"care": [CARE_AREA], "home": [HOME_AREA]}),
        "home": Plan(HOME_AREA, {"hub": ["*"]}),
    }


def direct() -> dict[str, Plan]:
    """Return a place of care and a place of insurance that know one another."""
    return {
        "care": Plan(CARE_AREA, {"home": [HOME_AREA]}),
        "home": Plan(HOME_AREA, {"care": [CARE_AREA]}),
    }


@contextmanager
def serving_peers(
    plans: Mapping[str, Plan], folder: Path, core: int | None = None
) -> Iterator[dict[str, Server]]:
    """Yield the engines of some plans by name, with empty ledgers; all end with the block.

    Args:
        plans: Each engine.
        folder: Where their data and files of peers go.
        core: On which they run, if that is given.
    """
    ports = dict(zip(plans, free_ports(len(plans)), strict=True))
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    with ExitStack() as stack:
        servers = {}
        for name, plan in plans.items():
            own = folder / name
            rules = RULES_OF.get(plan.area, own / "rules")
            (own / "rules").mkdir(parents=True)
            told = [
                peer_told(each, plans[each].role, addresses[each], list(areas))
                for each, areas in plan.reaches.items()
            ]
            areas = [plan.area] if plan.area else []
            peers = own / "peers.toml"
            peers.write_text(file_of_peers(name, plan.role, areas, told), encoding="utf-8")
            words = medsettle_words(own / "data", rules=rules, listen=addresses[name])
            servers[name] = stack.enter_context(serving([*words, "--peers", str(peers)], core))
        yield servers


def wait_until_agreed(folder: Path) -> None:
    """Return once an engine has nothing open with others; `folder` is that of its files.

    Raises:
        RuntimeError: Something stays open.
    """
    clock = MachineClock()
    end = clock.now() + _AGREED_SECONDS_MAX
    while any(open_rows(folder / "data" / FILE_NAME, datetime.now(UTC))):
        if clock.now() > end:
            raise RuntimeError(f"{folder.name} has open cases after {_AGREED_SECONDS_MAX} seconds")
        clock.wait_until(clock.now() + _LOOK_SECONDS)
