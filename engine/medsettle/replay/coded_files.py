"""Parquet files as replays read them: codes as dictionaries, and only columns that are there."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.core.columns import Column, Kind


def read_coded(path: Path, columns: Sequence[Column]) -> pa.Table:
    """Return those of some columns that a file has, in their order; codes are dictionaries.

    Raises:
        ArrowException, OSError: It is gone, cannot be read, or is no Parquet file.
    """
    head = pq.read_metadata(path)
    there = {*head.schema.to_arrow_schema().names}
    held = [column for column in columns if column.name in there]
    coded = [column.name for column in held if column.kind is Kind.CODE]
    # Not as a data set, which cuts what it reads into pieces that somebody has to join.
    with pq.ParquetFile(path, metadata=head, read_dictionary=coded) as file:
        found: pa.Table = file.read([column.name for column in held], use_threads=False)
    return found
