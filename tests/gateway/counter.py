"""A counter of the bureau for tests: real engine, real directory, real dispatch, no socket."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from medsettle.engine import Engine
from medsettle.gateway import registry
from medsettle.gateway.directory_files import FileDirectory
from medsettle.gateway.dispatch import Dispatch
from medsettle.gateway.office import Office
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.service.desk import Desk

from fixtures import make_directory as invented
from tests.service.serving import Ticking
from tests.stores import ledger_in

REAL_RULES = Path(__file__).parents[2] / "rules"
AREAS = ("110000", "220100", "360100", "440100", "440300")


def rules_of(folder: Path, areas: tuple[str, ...] = AREAS) -> RuleBook:
    """Return the rule book of some real areas, put together in a folder."""
    folder.mkdir(exist_ok=True)
    for area in areas:
        (folder / area).symlink_to(REAL_RULES / area)
    return load_rule_book(folder)


@dataclass
class Counter:
    """Sends messages and returns what is answered, as JSON has it."""

    office: Office
    engine: Engine
    dispatch: Dispatch
    runner: asyncio.Runner
    institution: str = invented.HOSPITAL_TERTIARY
    _sent: int = field(default=0)

    def send(self, infno: str, said: dict[str, Any], **envelope: object) -> dict[str, Any]:
        """Return the whole response to a message."""
        self._sent += 1
        institution = str(envelope.get("fixmedins_code", self.institution))
        body = {
            "infno": infno,
            "msgid": f"{institution}20240502093000{self._sent:04d}",
            "mdtrtarea_admvs": "110000",
            "insuplc_admdvs": "110000",
            "fixmedins_code": institution,
            "input": said,
        } | envelope
        answer = self.dispatch.answer(orjson.dumps(body))
        found: dict[str, Any] = orjson.loads(self.runner.run(answer))
        return found

    def ask(self, infno: str, said: dict[str, Any], **envelope: object) -> dict[str, Any]:
        """Return the output of a message that is expected to be answered."""
        found = self.send(infno, said, **envelope)
        assert found["infcode"] == 0, found["err_msg"]
        output: dict[str, Any] = found["output"]
        return output

    def refusal(self, infno: str, said: dict[str, Any], **envelope: object) -> str:
        """Return the err_msg of a message that is expected to be refused."""
        found = self.send(infno, said, **envelope)
        assert found["infcode"] == -2, found
        assert found["output"] is None
        message: str = found["err_msg"]
        return message


@contextmanager
def counter_on(folder: Path, rulebook: RuleBook, directory: FileDirectory) -> Iterator[Counter]:
    """Yield a counter with the ledger of a folder; nobody has to sign in."""
    ledger = open_ledger(ledger_in(folder))
    clock = Ticking()
    engine = Engine(rulebook, ledger, clock)
    with asyncio.Runner() as runner:

        async def made() -> Desk:
            return Desk(
                engine,
                page_key=b"0" * 32,
                on_commit=lambda: None,
                on_shut=lambda _: None,
            )

        office = Office(runner.run(made()), directory, clock, signs_in=False)
        yield Counter(office, engine, Dispatch(office, registry.transactions()), runner)
    ledger.close()


def at(moment: str) -> str:
    """Return a moment of the invented day, for messages."""
    return str(datetime.fromisoformat(f"2024-05-02T{moment}:00")).replace("T", " ")
