"""Many clients on few persons: what they ask, drawn from a seed, and a history of it."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medsettle.client import Client
from medsettle.core.settlement import Opening, Settlement
from medsettle.core.visits import RegistrationRequest, Visit
from medsettle.engine import Engine
from medsettle.ledger import Ledger
from medsettle.torture.calls import (
    Kind,
    Operation,
    Recorder,
    opening,
    previewing,
    registering,
    settling,
)

from tests.engine.engines import rule_book
from tests.engine.visits import (
    AREA,
    BED,
    DIABETES,
    NURSING,
    SHAPES,
    SURGERY,
    line,
    pregnancy,
    recognition,
    visit_row,
)

_PERSONS = ("P1", "P2", "P3")
_ITEMS = (BED, NURSING, SURGERY, DIABETES)


def model_engine(ledger: Ledger, clock: Callable[[], datetime]) -> Engine:
    """Return an engine by the rules that the servers of these tests have."""
    return Engine(rule_book(SHAPES), ledger, clock)


@dataclass
class Crowd:
    """What the clients of one history have sent and been told, for all to see."""

    seed: int
    recorder: Recorder = field(default_factory=Recorder)
    sent: list[Operation] = field(default_factory=list)
    settlements: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)

    def begin(self, client: Client) -> None:
        """Put money into the accounts, and register what routes visits to several schemes."""
        for person in _PERSONS:
            first = Opening("H1", f"O-{person}", AREA, person, 900_000)
            self.recorder.run(0, client, opening(first))
            for number, each in enumerate((recognition(), pregnancy())):
                request = RegistrationRequest("AGENCY", f"{person}-{number}", AREA, person, each)
                self.recorder.run(0, client, registering(request))

    def run(self, address: str, clients: int, calls: int) -> None:
        """Let clients send calls at the same time, each over a connection of its own."""
        with Client(address, timeout=30) as client:
            self.begin(client)
        with ThreadPoolExecutor(clients) as pool:
            working = [pool.submit(self._work, address, at + 1, calls) for at in range(clients)]
            for each in working:
                each.result(120)

    def _work(self, address: str, number: int, calls: int) -> None:
        draw = random.Random(f"{self.seed}/{number}")
        with Client(address, timeout=30) as client:
            for at in range(calls):
                operation = self._drawn(draw, f"{number}-{at}")
                # Before the answer, so that others repeat and reverse it while it is under way.
                if operation.key is not None:
                    self.sent.append(operation)
                answer = self.recorder.run(number, client, operation)
                if isinstance(answer, Settlement) and operation.kind == "settle":
                    self.settlements.append(str(answer.columns["settlement"]))
                if isinstance(answer, Visit) and operation.kind == "visit":
                    self.visits.append(str(answer.visit))

    def _drawn(self, draw: random.Random, request_id: str) -> Operation:
        kind = draw.choices(list(_SHARES), list(_SHARES.values()))[0]
        row = self._row(draw, draw.choice(_PERSONS), request_id)
        if kind in {"resend", "reuse", "reverse", "find"} and self.sent:
            return self._about(kind, draw.choice(self.sent), row)
        if kind in {"cancel", "get"} and self.settlements:
            return self._naming(kind, request_id, draw.choice(self.settlements))
        if kind == "visit_cancel" and self.visits:
            return self._naming(kind, request_id, draw.choice(self.visits))
        if kind == "person":
            return Operation("person", area=AREA, name=str(row["person"]))
        return previewing(row) if kind == "preview" else settling(row, _RECORDS.get(kind, "settle"))

    @staticmethod
    def _about(kind: str, sent: Operation, row: dict[str, Any]) -> Operation:
        """Return what is asked about a request that was sent, and perhaps not yet answered."""
        if kind == "resend":
            return sent
        if kind == "find":
            return Operation("find", "H1", name=sent.request_id)
        if kind == "reverse":
            return Operation("reverse", "H1", str(row["request_id"]), name=sent.request_id)
        return settling(row | {"request_id": sent.request_id})

    @staticmethod
    def _naming(kind: str, request_id: str, name: str) -> Operation:
        if kind == "get":
            return Operation("get", name=name)
        return Operation(
            "visit_cancel" if "visit" in kind else "cancel", "H1", request_id, name=name
        )

    @staticmethod
    def _row(draw: random.Random, person: str, request_id: str) -> dict[str, Any]:
        # Ids of visits leave room for those of their parts.
        number = draw.choice([None, None, None, f"N{draw.randrange(30)}"])
        lines = [line(at, draw.choice(_ITEMS), draw.randrange(1, 900)) for at in range(1, 3)]
        changes = {"person": person, "institution_settlement": number}
        return visit_row(*lines, request_id=request_id, **changes)


_RECORDS: dict[str, Kind] = {"visit": "visit"}
_SHARES = {
    "settle": 30,
    "resend": 12,
    "reuse": 3,
    "cancel": 12,
    "preview": 12,
    "person": 14,
    "get": 8,
    "visit": 8,
    "visit_cancel": 4,
    "reverse": 10,
    "find": 8,
}
