"""Settlements of an invented area on chosen days, and a till that reconciles them."""

import base64
import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.gateway.dispatch import Dispatch, Reply
from medsettle.gateway.registry import transactions
from medsettle.gateway.statement_terms import StatementTerms
from medsettle.ledger.opening import LedgerPlace

from tests.engine.engines import RULES, id_of, settled
from tests.gateway.till import EMPLOYEE, HOSPITAL, RETIRED, Till, open_till
from tests.service.claims import claim

AREA = "999900"
DAY = "2024-06-03"

__all__ = ["AREA", "DAY", "EMPLOYEE", "HOSPITAL", "RETIRED", "Counter", "open_counter"]


@dataclass
class Counter:
    """An institution's till with its engine; `moment` is now."""

    till: Till
    engine: Engine
    moment: list[datetime]
    made: list[Settlement] = field(default_factory=list)

    def on(self, day: str, hour: int = 10) -> None:
        """Let it be an hour of a day in China, and sign in."""
        self.moment[0] = datetime.fromisoformat(f"{day}T{hour:02d}:00:00+08:00").astimezone(UTC)
        self.till.sign_in()

    def settle(self, number: int, fen: int, **changes: object) -> Settlement:
        """Settle an outpatient bill, by default of one person in visit E<number>."""
        row = claim(number, fen) | {
            "institution": HOSPITAL,
            "person": EMPLOYEE,
            "institution_settlement": f"E{number}.b.0",
        }
        found = settled(self.engine, row | changes)
        self.made.append(found)
        return found

    def cancel(self, settlement: Settlement, request_id: str) -> Settlement:
        """Cancel a settlement."""
        found = self.engine.cancel(HOSPITAL, request_id, id_of(settlement))
        self.made.append(found)
        return found

    def total(self, settlements: Iterable[Settlement], **changes: object) -> dict[str, Any]:
        """Return stmtinfo of 3201 about outpatient bills of a day, with the sums of these."""
        held = list(settlements)
        said = head(held) | {"insutype": "310", "acct_pay": yuan(sum(map(accounts, held)))}
        found: dict[str, Any] = self.till.done("3201", {"data": said | changes})["stmtinfo"]
        return found

    def upload(self, data: bytes, name: str = "detail.zip") -> str:
        """Send a file and return its number."""
        said = {
            "in": base64.b64encode(data).decode(),
            "filename": name,
            "fixmedins_code": self.till.institution,
        }
        number: str = self.till.done("9101", {"fsUploadIn": said})["file_qury_no"]
        return number

    def download(self, number: str, name: str) -> bytes:
        """Return the bytes of a file, which are the whole answer."""
        return self.till.downloaded(number, name)

    def reply(self, infno: str, said: dict[str, Any]) -> Reply:
        """Return the answer to a transaction, in an envelope or not."""
        body = orjson.dumps(self.till.envelope(infno, said))
        return self.till.loop.run_until_complete(self.till.dispatch.reply(body))

    def detail(
        self, data: bytes, settlements: Iterable[Settlement], **changes: object
    ) -> list[list[str]]:
        """Return the rows of result.txt for a file about a day."""
        said = head(list(settlements)) | {"file_qury_no": self.upload(data), **changes}
        info = self.till.done("3202", {"data": said})["fileinfo"]
        with zipfile.ZipFile(io.BytesIO(self.download(*told(info)))) as archive:
            assert ["result.txt"] == archive.namelist()
            text = archive.read("result.txt").decode()
        return [line.split("\t") for line in text.splitlines()]


def told(info: dict[str, Any]) -> tuple[str, str]:
    """Return number and name of fileinfo."""
    return info["file_qury_no"], info["filename"]


def yuan(fen: int) -> str:
    """Return an amount as a client writes it."""
    return str(Decimal(fen).scaleb(-2))


def accounts(settlement: Settlement) -> int:
    """Return what accounts paid."""
    return settlement.accounts_fen


def head(settlements: list[Settlement]) -> dict[str, Any]:
    """Return what 3201 and 3202 say alike, with the sums of these settlements."""
    cancels = sum(each.columns["kind"] == "cancel" for each in settlements)
    return {
        "clr_type": "11",
        "setl_optins": AREA,
        "stmt_begndate": DAY,
        "stmt_enddate": DAY,
        "medfee_sumamt": yuan(sum(each.fen("total_fen") for each in settlements)),
        "fund_pay_sumamt": yuan(sum(each.fen("fund_total_fen") for each in settlements)),
        "fixmedins_setl_cnt": len(settlements) - 2 * cancels,
        "cash_payamt": yuan(sum(each.fen("cash_fen") for each in settlements)),
        "refd_setl_flag": None,
    }


def line(settlement: Settlement, **changes: str) -> str:
    """Return the line of a settlement as an institution writes it."""
    columns = settlement.columns
    cells = {
        "setl_id": id_of(settlement),
        "mdtrt_id": str(columns["institution_settlement"]).partition(".")[0],
        "psn_no": str(columns["person"]),
        "medfee_sumamt": yuan(settlement.fen("total_fen")),
        "fund_pay_sumamt": yuan(settlement.fen("fund_total_fen")),
        "acct_pay": yuan(settlement.accounts_fen),
        "refd_setl_flag": "1" if columns["kind"] == "cancel" else "0",
    }
    return "\t".join((cells | changes).values())


def zipped(*lines: str, name: str = "detail.txt") -> bytes:
    """Return an archive with a text of these lines."""
    return packed("".join(f"{each}\n" for each in lines).encode(), name)


def packed(data: bytes, name: str = "detail.txt", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with one file."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        archive.writestr(name, data)
    return written.getvalue()


@contextmanager
def open_counter(
    place: LedgerPlace, terms: StatementTerms | None = None, *, enclosed: bool = False
) -> Iterator[Counter]:
    """Yield a counter on a day, at an engine with the ledger of a place."""
    moment = [datetime(2024, 6, 3, 2, tzinfo=UTC)]

    def now() -> datetime:
        return moment[0]

    with open_till(place, rules=RULES, clock=now) as till:
        office = till.dispatch._office
        engine = office.desk.engine
        assert isinstance(engine, Engine)
        settings = replace(office, statements=terms or StatementTerms(), files_enclosed=enclosed)
        till.dispatch = Dispatch(settings, transactions())
        counter = Counter(till, engine, moment)
        counter.on(DAY)
        yield counter
