"""The ledger entries of claims that are still columns, and what was recorded of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core import schema
from medsettle.core.claim_texts import ClaimTexts
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import day_number
from medsettle.core.settlement import Settlement
from medsettle.core.table_rows import TableRows
from medsettle.engine.requests import settlement_id
from medsettle.ledger.entries import Entry, Posting
from medsettle.ledger.record_columns import Recording, encode_records
from medsettle.ledger.records import named, placed
from medsettle.settle.settled_block import LateSettled, SettledBlock


@dataclass(frozen=True, slots=True, eq=False)
class RecordedBlock:
    """Claims of one block that were recorded, m of them: their rows in the batch, ids and seqs."""

    recording: Recording
    rows: NDArray[np.int64]
    seqs: NDArray[np.int64]
    moment: datetime

    def columns(self) -> dict[str, object]:
        """Return the columns of the settlements, each an array or the one value that all have."""
        block, positions = self.recording.block, self.recording.positions
        rows = block.assembler.batch.rows
        assert isinstance(rows, TableRows)
        places = pa.array(self.rows)
        facts = {name: rows.table.claims[name].take(places) for name in schema.REPEATED}
        amounts = {name: column[positions] for name, column in block.amounts().items()}
        own: dict[str, object] = {
            "seq": self.seqs,
            "settlement": pa.array(self.recording.settlements, pa.string()),
            "create_time": self.moment,
            "catalogue_digest": pa.array(block.digests(positions), pa.string()),
        }
        return {**facts, **block.same(), **own, **amounts}

    def settlement(self, at: int) -> Settlement:
        """Return the recorded settlement of one of them."""
        made = self.recording.block.settlement(int(self.recording.positions[at]))
        own = named(made, self.recording.settlements[at])
        return placed(own, int(self.seqs[at]), self.moment)


@dataclass(frozen=True, slots=True, eq=False)
class BlockEntries:
    """The entries of some claims of a block: `rows` are theirs in the batch, in order."""

    recording: Recording
    rows: list[int]
    entries: list[Entry]

    def by_row(self) -> Iterator[tuple[int, Entry]]:
        """Return row and entry of each."""
        return zip(self.rows, self.entries, strict=True)

    def recorded(self, seqs: Mapping[int, int], moment: datetime) -> RecordedBlock:
        """Return them as recorded, by the seq that each row has."""
        found = np.array([seqs[row] for row in self.rows], dtype=np.int64)
        return RecordedBlock(self.recording, np.array(self.rows), found, moment)


def late_entries(
    claims: ClaimBatch, digests: Mapping[int, bytes], late: Mapping[int, LateSettled]
) -> list[BlockEntries]:
    """Return the entries of claims by the blocks they are of.

    Args:
        claims: The batch.
        digests: Their content digests, by row.
        late: The claims, by row and in the order of rows.
    """
    rows = claims.rows
    texts = rows.texts() if late and isinstance(rows, TableRows) else None
    if texts is None:
        return []
    blocks: dict[int, tuple[SettledBlock, list[int]]] = {}
    for row, each in late.items():
        blocks.setdefault(id(each.block), (each.block, []))[1].append(row)
    return [_of_block(texts, digests, late, *each) for each in blocks.values()]


def _of_block(
    texts: ClaimTexts,
    digests: Mapping[int, bytes],
    late: Mapping[int, LateSettled],
    block: SettledBlock,
    rows: list[int],
) -> BlockEntries:
    batch = block.assembler.batch
    names = ("institution", "request_id", "institution_settlement", "pooling_area", "person")
    columns = [batch.column(name) for name in names]
    days = batch.column("service_date")
    numbers = {day: day_number(day) for day in {*days} if day is not None}
    given = list(zip(*([column[row] for row in rows] for column in columns), strict=True))
    ids = [settlement_id(area, own, request) for own, request, _, area, _ in given]
    moved = [late[row].moved for row in rows]
    recording = Recording(
        block=block,
        texts=texts,
        positions=np.array([late[row].position for row in rows], dtype=np.int64),
        settlements=ids,
        postings=[
            orjson.dumps([(key.counter, key.period, delta) for key, delta in own]) for own in moved
        ],
    )
    entries = [
        Entry(
            kind="settle",
            settlement=own_id,
            original=None,
            institution=institution,
            request_id=request_id,
            institution_settlement=number,
            pooling_area=area,
            person=person,
            service_day=numbers[days[row]],
            content_digest=digests[row],
            record=record,
            postings=tuple(Posting(key, delta) for key, delta in own),
        )
        for row, own_id, record, own, (institution, request_id, number, area, person) in zip(
            rows, ids, encode_records(recording), moved, given, strict=True
        )
    ]
    return BlockEntries(recording, rows, entries)
