"""A hospital's client, without a socket between: envelopes to the dispatch of a real engine."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson
from medsettle.engine import Engine
from medsettle.gateway.directory_files import FileDirectory
from medsettle.gateway.dispatch import Dispatch
from medsettle.gateway.office import Office
from medsettle.gateway.registry import transactions
from medsettle.ledger.opening import LedgerPlace, open_ledger
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book
from medsettle.service.desk import Desk
from medsettle.service.measuring import Measuring

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "fixtures" / "directory"
RULES = ROOT / "rules"

NOW = datetime(2024, 6, 3, 2, 0, tzinfo=UTC)
HOSPITAL, COMMUNITY, PHARMACY = "H11000000001", "H11000000003", "P11000000001"
EMPLOYEE, RETIRED = "990000000000000001", "990000000000000002"
AREA = "110000"

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_serials = itertools.count(1)

Nodes = dict[str, Any]


@dataclass
class Till:
    """Sends envelopes of one institution; numbers in answers are decimals."""

    dispatch: Dispatch
    loop: asyncio.AbstractEventLoop
    institution: str = HOSPITAL
    insured_area: str | None = AREA
    sign_no: str | None = None
    clock: Callable[[], datetime] = field(default=lambda: NOW)

    def msgid(self) -> str:
        """Return a message id that was not used before."""
        return f"{self.institution}{self.clock():%Y%m%d%H%M%S}{next(_serials):04d}"

    def envelope(self, infno: str, said: Nodes, msgid: str | None = None) -> dict[str, Any]:
        """Return a request."""
        return {
            "infno": infno,
            "msgid": msgid or self.msgid(),
            "mdtrtarea_admvs": AREA,
            "insuplc_admdvs": self.insured_area,
            "recer_sys_code": "FSI_LOCAL",
            "infver": "V1.0",
            "opter_type": "1",
            "opter": "T001",
            "opter_name": "示例",
            "inf_time": f"{self.clock():%Y-%m-%d %H:%M:%S}",
            "fixmedins_code": self.institution,
            "fixmedins_name": "示例",
            "sign_no": self.sign_no,
            "input": said,
        }

    def post(self, body: bytes, infno: str | None = None) -> dict[str, Any]:
        """Return the answer to a body."""
        answer = self.loop.run_until_complete(self.dispatch.answer(body, infno))
        told: dict[str, Any] = _decoder.decode(answer)
        return told

    def ask(self, infno: str, said: Nodes, msgid: str | None = None) -> dict[str, Any]:
        """Return the whole answer to a transaction."""
        return self.post(orjson.dumps(self.envelope(infno, said, msgid)))

    def done(self, infno: str, said: Nodes, msgid: str | None = None) -> Nodes:
        """Return the output of a transaction, which must succeed."""
        answer = self.ask(infno, said, msgid)
        assert answer["infcode"] == 0, answer["err_msg"]
        output: Nodes = answer["output"]
        return output

    def downloaded(self, number: str, name: str, owner: str | None = None) -> bytes:
        """Return the bytes of a file (9102), which are the whole answer."""
        said = {
            "file_qury_no": number,
            "filename": name,
            "fixmedins_code": owner or self.institution,
        }
        body = orjson.dumps(self.envelope("9102", {"fsDownloadIn": said}))
        reply = self.loop.run_until_complete(self.dispatch.reply(body))
        assert reply.is_file, reply.body
        return reply.body

    def refused(self, infno: str, said: Nodes, msgid: str | None = None) -> str:
        """Return why a transaction is refused (-2)."""
        answer = self.ask(infno, said, msgid)
        assert answer["infcode"] == -2, answer
        assert answer["output"] is None
        message: str = answer["err_msg"]
        return message

    def sign_in(self) -> None:
        """Sign in, as the first call of a day does."""
        said = {"signIn": {"opter_no": "T001", "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}
        self.sign_no = self.done("9001", said)["signinoutb"]["sign_no"]

    def at(self, institution: str) -> "Till":
        """Return the till of another institution, signed in."""
        other = Till(self.dispatch, self.loop, institution, self.insured_area, clock=self.clock)
        other.sign_in()
        return other


@cache
def _rules(folder: Path) -> RuleBook:
    """Return the rules of a folder; they are read-only, so one reading serves every test."""
    return rule_book(folder)


@contextmanager
def open_till(
    place: LedgerPlace,
    *,
    rules: Path = RULES,
    directory: Path = DIRECTORY,
    institution: str = HOSPITAL,
    clock: Callable[[], datetime] = lambda: NOW,
    measuring: Measuring | None = None,
) -> Iterator[Till]:
    """Yield a till that is signed in at an engine with a ledger at a place."""
    loop = asyncio.new_event_loop()
    with open_ledger(place) as ledger:
        engine = Engine(_rules(rules), ledger, clock)

        async def opened() -> Office:
            desk = Desk(
                engine,
                page_key=b"0" * 32,
                on_commit=lambda: None,
                on_shut=lambda _: None,
                measuring=measuring,
            )
            return Office(desk, FileDirectory(directory), clock)

        try:
            office = loop.run_until_complete(opened())
            till = Till(Dispatch(office, transactions()), loop, institution, clock=clock)
            till.sign_in()
            yield till
        finally:
            loop.close()
