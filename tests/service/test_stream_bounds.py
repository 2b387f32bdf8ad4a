"""What a stream becomes is bounded, and a step below each bound it is taken."""

import numpy as np
import pyarrow as pa
import pytest
from medsettle import limits
from medsettle.errors import BatchTooLarge
from medsettle.service.stream_bounds import check_decoded, check_messages

from tests.fuzz.streams import stream_of


def _texts(count: int, chars: int) -> pa.Table:
    indices = pa.array(np.zeros(count, dtype=np.int32))
    return pa.table({"a": pa.DictionaryArray.from_arrays(indices, pa.array(["A" * chars]))})


def test_decoded_texts_are_bounded() -> None:
    """So many bytes of text are taken, and one more in each row is not."""
    rows = limits.CLAIMS_PER_BATCH_MAX
    most = limits.STREAM_DECODED_BYTES_MAX // rows
    assert most * rows == limits.STREAM_DECODED_BYTES_MAX
    check_decoded(_texts(rows, most))

    with pytest.raises(BatchTooLarge, match="once decoded, more than"):
        check_decoded(_texts(rows, most + 1))


@pytest.mark.parametrize("nested", [False, True])
def test_elements_of_lists_are_bounded(nested: bool) -> None:
    """So many elements are taken, and one more is not, in lists as in lists of lists."""

    def lists(count: int) -> pa.Table:
        array = pa.ListArray.from_arrays([0, count], pa.array(np.zeros(count, dtype=np.int8)))
        outer = pa.ListArray.from_arrays([0, 1], array) if nested else array
        return pa.table({"a": outer})

    most = limits.STREAM_ELEMENTS_MAX - nested
    check_decoded(lists(most))

    with pytest.raises(BatchTooLarge, match="lines and list elements, more than"):
        check_decoded(lists(most + 1))


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_stated_lengths_are_bounded(compression: str) -> None:
    """A buffer of just so many bytes may be compressed, and one byte more may not."""
    most = limits.STREAM_DECODED_BYTES_MAX
    zeros = pa.array(np.zeros(most + 1, dtype=np.int8))
    check_messages(stream_of(pa.table({"a": zeros[:most]}), compression=compression))

    with pytest.raises(BatchTooLarge, match="once decoded, more than"):
        check_messages(stream_of(pa.table({"a": zeros}), compression=compression))


def test_views_count_by_what_they_show() -> None:
    """Texts as views, short ones and long ones and none, count as the texts that they are."""
    texts = ["", "short", None, "longer than twelve bytes", "统筹" * 10]
    table = pa.table({"a": pa.array(texts * 3, pa.string_view())[2:13]})
    check_decoded(table)
    long = pa.table({"a": pa.array(["A" * 70_000] * 1_000, pa.string_view())})

    with pytest.raises(BatchTooLarge, match="70000000 bytes once decoded"):
        check_decoded(long)
