"""Persons come out whole, once, in their order and in batches within bounds, however rows came."""

from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.cluster.versions import made_by
from medsettle.errors import InvalidRequest
from medsettle.replay.history import History, Part, PartFile
from medsettle.replay.spark_pieces import partitions_of
from medsettle.replay.spark_tasks import Packing, borders_of, unpacked
from medsettle.replay.whole_persons import BatchSize, WholePersons

Persons = Sequence[Sequence[int]]
"""How many lines each claim of each person has."""


def _claims(persons: Persons) -> pa.Table:
    names = [f"P{number:03d}" for number, bills in enumerate(persons) for _ in bills]
    return pa.table(
        {
            "claim": pa.array(np.arange(len(names))),
            "pooling_area": pa.array(["999900"] * len(names), pa.string()),
            "person": pa.array(names, pa.string()),
        }
    )


def _lines(persons: Persons) -> pa.Table:
    counts = [count for bills in persons for count in bills]
    claim = np.repeat(np.arange(len(counts)), counts)
    return pa.table({"claim": pa.array(claim), "at": pa.array(np.arange(len(claim)))})


def _batches(
    persons: Persons, size: BatchSize, claim_cuts: Sequence[int], line_cuts: Sequence[int]
) -> list[dict[str, pa.Table]]:
    """Return the batches of tables whose rows come in pieces cut anywhere."""
    pieces = []
    for name, table, cuts in (
        ("claims", _claims(persons), claim_cuts),
        ("lines", _lines(persons), line_cuts),
    ):
        edges = sorted({0, len(table), *(cut % (len(table) + 1) for cut in cuts)})
        for place, (start, end) in enumerate(pairwise(edges)):
            piece = table.slice(start, end - start)
            pieces.append((piece["claim"][0].as_py(), place, name, piece))
    cutting = WholePersons(size)
    found: list[dict[str, pa.Table]] = []
    for _, _, name, piece in sorted(pieces, key=lambda each: each[:2]):
        found += cutting.add(name, piece)
    return [*found, *cutting.rest()]


_PERSONS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=1, max_size=12)
_CUTS = st.lists(st.integers(0, 10**6), max_size=6)


@given(
    persons=_PERSONS,
    size=st.builds(BatchSize, st.integers(1, 8), st.integers(1, 10)),
    claim_cuts=_CUTS,
    line_cuts=_CUTS,
)
def test_persons_come_whole_and_in_order(
    persons: list[list[int]], size: BatchSize, claim_cuts: list[int], line_cuts: list[int]
) -> None:
    """All rows once and in order; a person in one batch; more than a batch is one person's alone.

    And no batch ends while the next person would have fitted in.
    """
    found = _batches(persons, size, claim_cuts, line_cuts)

    claims = [each["claims"] for each in found]
    assert _claims(persons).equals(pa.concat_tables(claims).combine_chunks())
    lines = [each["lines"] for each in found if "lines" in each]
    assert _lines(persons)["at"].to_pylist() == [
        at for each in lines for at in each["at"].to_pylist()
    ]
    whose = [sorted({*each["person"].to_pylist()}) for each in claims]
    assert [f"P{number:03d}" for number in range(len(persons))] == [*chain(*whose)]
    sizes = [_size(persons, names) for names in whose]
    for batch, names, (claim_count, line_count) in zip(found, whose, sizes, strict=True):
        assert claim_count == batch["claims"].num_rows
        assert line_count == (batch["lines"].num_rows if "lines" in batch else 0)
        assert len(names) == 1 or (claim_count <= size.claims and line_count <= size.lines)
    for names, after in pairwise(whose):
        claim_count, line_count = _size(persons, [*names, after[0]])
        assert claim_count > size.claims or line_count > size.lines


def _size(persons: Persons, names: Sequence[str]) -> tuple[int, int]:
    bills = [persons[int(name[1:])] for name in names]
    return sum(map(len, bills)), sum(map(sum, bills))


def test_as_many_as_fit_and_one_more() -> None:
    """Three persons of two claims: six are a batch, of five the third person is left over."""
    persons = [[1, 1], [1, 1], [1, 1]]

    for size, expected in [
        (BatchSize(6, 6), [6]),
        (BatchSize(5, 6), [4, 2]),
        (BatchSize(6, 5), [4, 2]),
        (BatchSize(1, 6), [2, 2, 2]),
    ]:
        found = _batches(persons, size, [], [])
        assert expected == [each["claims"].num_rows for each in found]


def test_moves_come_with_their_person() -> None:
    """They are told by the first claim of their person, which they do not keep."""
    claims = _claims([[0], [0], [0, 0]])
    moves = pa.table({"claim": [1, 2, 2], "delta": [10, 20, 21]})
    cutting = WholePersons(BatchSize(2, 1))

    found = [*cutting.add("claims", claims), *cutting.add("moves", moves), *cutting.rest()]

    assert [2, 2] == [each["claims"].num_rows for each in found]
    assert [[10], [20, 21]] == [each["moves"]["delta"].to_pylist() for each in found]
    assert ["delta"] == found[0]["moves"].column_names


def test_a_column_that_a_piece_lacks_has_no_values_there() -> None:
    """As a file of a history that has none of a column."""
    one = _claims([[0], [0]])
    other = one.slice(1).append_column("disease", pa.array(["M01600"]))
    cutting = WholePersons()

    found = [*cutting.add("claims", one.slice(0, 1)), *cutting.add("claims", other)]
    (batch,) = [*found, *cutting.rest()]

    assert [None, "M01600"] == batch["claims"]["disease"].to_pylist()


@pytest.mark.parametrize("numbers", [[3, 2], [2, 2], [1, 2]])
def test_claims_that_do_not_rise_are_refused(numbers: list[int]) -> None:
    """Within a piece, or from one piece to the next; a claim twice too."""
    claims = _claims([[0]] * 2).set_column(0, "claim", pa.array(numbers))
    cutting = WholePersons()
    list(cutting.add("claims", _claims([[0]] * 2)))

    with pytest.raises(InvalidRequest, match=r"history\.claims: .* do not rise .* after 1; make"):
        list(cutting.add("claims", claims))


def test_lines_of_no_claim_are_refused() -> None:
    """A partition with lines alone has lost its claims."""
    cutting = WholePersons()
    list(cutting.add("lines", _lines([[2]])))

    with pytest.raises(InvalidRequest, match=r"history\.lines: has rows of claims that are not"):
        list(cutting.rest())


def test_a_batch_has_a_bound() -> None:
    """One to as many as may be; none, and one more, are refused together."""
    BatchSize(1, 1)
    BatchSize(limits.REPLAY_BATCH_CLAIMS, limits.REPLAY_BATCH_LINES)

    with pytest.raises(InvalidRequest) as refused:
        BatchSize(0, limits.REPLAY_BATCH_LINES + 1)
    assert ["batch.claims", "batch.lines"] == [fault.path for fault in refused.value.faults]
    with pytest.raises(InvalidRequest):
        BatchSize(limits.REPLAY_BATCH_CLAIMS + 1, 1)
    with pytest.raises(InvalidRequest):
        BatchSize(1, 0)


def test_partitions_weigh_the_same() -> None:
    """Four parts of ten claims, the third with half of all rows, so that its middle is too."""
    weights = [(10, 20), (10, 20), (10, 60), (10, 20)]

    assert () == borders_of(weights, 1)
    assert (23,) == borders_of(weights, 2)
    assert (15, 23, 28) == borders_of(weights, 4)
    # More partitions than claims: some are empty.
    assert (0, 0, 1, 1) == borders_of([(2, 2)], 5)


@pytest.mark.parametrize(
    ("rows", "cores", "expected"),
    [
        (limits.REPLAY_PARTITION_ROWS, 1, 1),
        (limits.REPLAY_PARTITION_ROWS + 1, 1, 2),
        (limits.REPLAY_PARTITION_ROWS + 1, 3, 3),
        (limits.REPLAY_PARTITION_ROWS * limits.REPLAY_PARTITIONS_MAX, 1, 65_536),
        (limits.REPLAY_PARTITION_ROWS * limits.REPLAY_PARTITIONS_MAX + 1, 1, 65_536),
    ],
)
def test_as_many_partitions_as_fit(rows: int, cores: int, expected: int) -> None:
    """So many claims and lines are one; a core has one at least, and there is a bound."""
    files = (PartFile("claims", "c", 1, ""), PartFile("lines", "l", rows - 1, ""))
    history = History(Path(), {}, (Part(0, files),), "")

    assert expected == partitions_of(history, cores)


def test_a_piece_ends_with_its_partition_and_its_part() -> None:
    """Rows of the second part come first, as Spark reads files: claims 3 and 4, then 0 to 2.

    The first partition ends before claim 2, so 0 and 1 are a piece, 2 is one, and 3 and 4 are one.
    """
    batch = pa.record_batch({"claim": [3, 4, 0, 1, 1, 2], "note": [None] * 5 + ["x"]})

    (found,) = Packing("lines", (2,), (0, 3), made_by())(iter([batch]))

    assert [1, 0, 1] == found["partition"].to_pylist()
    assert [3, 0, 2] == found["first"].to_pylist()
    assert [0, 1, 2] == found["place"].to_pylist()
    rows = [unpacked(each).to_pydict() for each in found["content"]]
    assert [{"claim": [3, 4]}, {"claim": [0, 1, 1]}, {"claim": [2], "note": ["x"]}] == rows


def test_another_version_on_an_executor_is_told() -> None:
    """It would read or settle otherwise."""
    packing = Packing("lines", (), (0,), "0.0.0")

    with pytest.raises(RuntimeError, match=r"is installed on this executor and 0\.0\.0 asks"):
        list(packing(iter([])))
