"""Where in a file something was altered, and how much of it is told."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.audit.findings import Altered, Finding, Findings
from medsettle.audit.placing import (
    DECODING_FAULTS,
    PlacedRow,
    placed_bytes,
    placed_rows,
    unreadable_columns,
)
from medsettle.audit.seals import SealedFile, block_digests
from medsettle.audit.segments import parquet_bytes, read_parquet, stored_columns

_TEXTS = ("kind", "person", "counter")


def _placed(sealed: list[int], found: list[int]) -> list[PlacedRow]:
    return placed_rows(np.array(sealed, np.uint32), np.array(found, np.uint32))


@pytest.mark.parametrize(
    ("found", "placed"),
    [
        pytest.param([1, 2, 3, 4], [], id="as-it-was"),
        pytest.param([1, 9, 3, 4], [PlacedRow(Altered.ROW_CHANGED, 1)], id="changed"),
        pytest.param([1, 3, 4], [PlacedRow(Altered.ROW_DROPPED, 1)], id="dropped"),
        pytest.param([2, 3, 4], [PlacedRow(Altered.ROW_DROPPED, 0)], id="first-dropped"),
        pytest.param([1, 2, 3], [PlacedRow(Altered.ROW_DROPPED, 3)], id="last-dropped"),
        pytest.param([1, 2, 9, 3, 4], [PlacedRow(Altered.ROW_INSERTED, 2)], id="inserted"),
        pytest.param([1, 2, 3, 4, 4], [PlacedRow(Altered.ROW_INSERTED, 4)], id="repeated"),
        pytest.param(
            [1, 3, 2, 4],
            [PlacedRow(Altered.ROWS_REORDERED, 1, 2), PlacedRow(Altered.ROWS_REORDERED, 2, 1)],
            id="turned-round",
        ),
        pytest.param(
            [2, 3, 9, 4],
            [PlacedRow(Altered.ROW_DROPPED, 0), PlacedRow(Altered.ROW_INSERTED, 2)],
            id="dropped-and-inserted",
        ),
        pytest.param(
            [], [PlacedRow(Altered.ROW_DROPPED, each) for each in range(4)], id="all-dropped"
        ),
    ],
)
def test_rows_are_placed(found: list[int], placed: list[PlacedRow]) -> None:
    """Of four rows, whatever was done to one is placed where it was done."""
    assert placed == _placed([1, 2, 3, 4], found)


@pytest.mark.parametrize("rows", [1_998, 1_999])
def test_many_altered_rows_are_counted(rows: int) -> None:
    """However many differ, and whether they are aligned or held place by place."""
    last = 10 * rows
    found = _placed([*range(rows), last], [*range(rows, 2 * rows), last, last + 1])

    assert rows + 1 == len(found)


def test_the_first_findings_are_told_and_all_are_counted() -> None:
    """At the bound all are told, beyond it those that come first in the ledger."""
    most = limits.SEAL_FINDINGS_MAX
    findings = Findings()
    for seq in range(3 * most, 2 * most, -1):
        findings.add(seq, Finding(Altered.ENTRY, "", seq=seq))
    assert [*range(2 * most + 1, 3 * most + 1)] == [each.seq for each in findings.told()]

    for seq in range(2 * most, 0, -1):
        findings.add(seq, Finding(Altered.ENTRY, "", seq=seq))
    assert [*range(1, most + 1)] == [each.seq for each in findings.told()]
    assert (3 * most, {Altered.ENTRY: 3 * most}) == (len(findings), dict(findings.counts))


@pytest.mark.parametrize("at", [1023, 1024, 2047])
def test_a_block_ends_where_it_ends(at: int) -> None:
    """The last byte of one block and the first of the next are placed in their own."""
    content = bytearray(range(256)) * 8
    blocks = block_digests(bytes(content))
    before = SealedFile("moves", "", 2048, "", np.zeros(0, np.uint32), {}, blocks)
    content[at] ^= 1
    found = placed_bytes(before, bytes(content))

    size = limits.SEAL_BLOCK_BYTES
    assert found is not None
    assert (at // size * size, at // size * size + size - 1) == (found.first, found.last)


def test_a_damaged_page_is_told_before_it_is_decoded() -> None:
    """In each column the last byte of its page is flipped: the column cannot be read, whatever."""
    columns = stored_columns("moves")
    rows = pa.table(
        {
            "seq": pa.array(range(1, 101), pa.int64()),
            **{name: pa.array([f"{name}{n % 7}" for n in range(100)]) for name in _TEXTS},
            "period": pa.array([2024] * 100, pa.int64()),
            "delta": pa.array([n * n for n in range(100)], pa.int64()),
        }
    )
    content = bytes(parquet_bytes(columns, rows))
    group = pq.ParquetFile(pa.BufferReader(content)).metadata.row_group(0)
    told = []
    for at in range(group.num_columns):
        chunk = group.column(at)
        begin = chunk.dictionary_page_offset or chunk.data_page_offset
        damaged = bytearray(content)
        damaged[begin + chunk.total_compressed_size - 1] ^= 1
        with pytest.raises(DECODING_FAULTS):
            read_parquet(bytes(damaged))
        told += unreadable_columns(bytes(damaged))

    assert rows.equals(read_parquet(content).cast(rows.schema))
    assert [(0, name) for name in rows.schema.names] == told
