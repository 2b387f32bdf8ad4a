"""A ledger of many settlements, for consoles that are looked at when they are large."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
from medsettle.audit import Projector
from medsettle.cli.desks import AUDIT_FOLDER, ledger_at
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.ledger.entries import SETTLEMENT_KINDS
from medsettle.ledger.opening import open_ledger, open_reader
from medsettle.ledger.records import decode_settlement
from medsettle.rule_cache import rule_book
from medsettle.settle import machine_code

from benchmarks.bulk import claims

_DAYS: Final = 365
_CLAIMS_OF_A_PERSON: Final = 4
_RECORDED_AT: Final = time(2, tzinfo=UTC)


def settle_many(data: Path, rules: Path, count: int, until: date) -> None:
    """Settle claims into a new data folder, spread over the year before a day, with audit tables.

    Each stretch of claims is recorded on the day of its services and is one segment of the audit
    tables, as behind a server.

    Args:
        data: The folder; its parent is there.
        rules: Of the area that the claims are of.
        count: How many claims.
        until: The first day that has none of them.
    """
    make_folder(data)
    machine_code.load()
    size = claims.CLAIMS_PER_STREAM
    persons = max(1, count // _CLAIMS_OF_A_PERSON)
    moment = [datetime.min.replace(tzinfo=UTC)]
    with open_ledger(ledger_at(data, None)) as ledger:
        engine = Engine(rule_book(rules), ledger, lambda: moment[0])
        with Projector(ledger, data / AUDIT_FOLDER) as projector:
            for first in range(0, count, size):
                day = until - timedelta(_DAYS - first * _DAYS // count)
                moment[0] = datetime.combine(day, _RECORDED_AT)
                most = min(size, count - first)
                for stream in claims.streams(most, persons, lines=1, first=first, day=day):
                    table = pa.ipc.open_stream(stream).read_all()
                    answers = engine.settle(ClaimBatch.from_arrow(table))
                    refused = [each for each in answers if not isinstance(each, Settlement)]
                    assert not refused, refused[0]
                while projector.run_once():
                    pass


def last_settlements(data: Path, count: int) -> list[Settlement]:
    """Return the last settlements of a data folder in ledger order; none where it has no ledger."""
    place = ledger_at(data, None)
    if not Path(place).exists():
        return []
    with open_reader(place) as reader:
        entries = reader.page(after_seq=max(0, reader.last_seq() - count), limit=count)
    return [decode_settlement(entry) for entry in entries if entry.kind in SETTLEMENT_KINDS]
