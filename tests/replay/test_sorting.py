"""Rows come out of a spool in the order of their claims, and parts keep to their bounds."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.replay.sorting import PartSize, sorting_in
from medsettle.replay.spool import Spool, stable_order


@given(st.lists(st.integers(0, 2**40)))
def test_digits_order_as_comparing_does(keys: list[int]) -> None:
    """Rising, and equal keys as they lie: what a stable sort by comparison gives."""
    found = stable_order(np.array(keys, dtype=np.int64))

    assert sorted(range(len(keys)), key=keys.__getitem__) == found.tolist()


@st.composite
def _dealt(draw: st.DrawFn) -> tuple[list[list[tuple[int, str]]], list[int]]:
    """Draw calls of rows, (claim, text), those of a claim in one call; and the ends of parts."""
    claims = draw(st.integers(1, 12))
    calls: list[list[tuple[int, str]]] = [[] for _ in range(draw(st.integers(1, 4)))]
    for claim in draw(st.permutations([*range(claims), -1])):
        texts = draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12))
        draw(st.sampled_from(calls)).extend((claim, text) for text in texts)
    inner = draw(st.sets(st.integers(1, claims - 1))) if claims > 1 else set()
    return calls, [*sorted(inner), claims]


@given(_dealt())
def test_a_spool_gives_the_rows_of_a_part_in_order(
    dealt: tuple[list[list[tuple[int, str]]], list[int]],
) -> None:
    """Whatever was dealt out together, with a dictionary or without, and nothing of no claim."""
    calls, ends = dealt
    with TemporaryDirectory() as folder:
        with Spool(Path(folder) / "rows", np.array(ends)) as spool:
            for rows in calls:
                texts = pa.array([text for _, text in rows], pa.string()).dictionary_encode()
                table = pa.table({"text": texts})
                spool.add(table, np.array([claim for claim, _ in rows], dtype=np.int64))
            found = [spool.part(number).select(["claim"]) for number in range(len(ends))]
            texts_of = [spool.part(number) for number in range(len(ends))]
        assert [] == [*Path(folder).iterdir()]

    every = sorted((row for rows in calls for row in rows if row[0] >= 0), key=lambda row: row[0])
    for number, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
        due = [row for row in every if first <= row[0] < end]
        assert [claim for claim, _ in due] == found[number]["claim"].to_pylist()
        if due:
            assert [text for _, text in due] == texts_of[number]["text"].to_pylist()


def _parts(folder: Path, persons: Sequence[tuple[int, int]], size: PartSize) -> list[int]:
    """Return how many claims the parts have, of persons with so many claims and lines a claim."""
    rows: list[dict[str, object]] = []
    for number, (claims, lines) in enumerate(persons):
        for order in range(1, claims + 1):
            who = {"pooling_area": "999900", "person": f"P{number:03d}", "order": order}
            rows.append(who | {"book": 0, "seq": len(rows) + 1, "line_count": lines})
    table = pa.Table.from_pylist([row | {"taken_back": None} for row in rows])
    with sorting_in(folder) as sorting:
        sorting.insert("found", table)
        sorting.number()
        return [end - first for first, end in sorting.parts(size)]


@pytest.mark.parametrize(
    ("persons", "size", "expected"),
    [
        pytest.param([(3, 1), (2, 1)], PartSize(claims=5), [5], id="claims-fit"),
        pytest.param([(3, 1), (3, 1)], PartSize(claims=5), [3, 3], id="a-claim-too-many"),
        pytest.param([(3, 2), (2, 2)], PartSize(lines=10), [5], id="lines-fit"),
        pytest.param([(3, 2), (2, 2)], PartSize(lines=9), [3, 2], id="a-line-too-many"),
        pytest.param([(1, 1), (7, 1), (1, 1)], PartSize(claims=3), [1, 7, 1], id="one-alone"),
        pytest.param([(2, 0), (1, 0)], PartSize(claims=3, lines=1), [3], id="no-lines"),
    ],
)
def test_persons_are_whole_and_parts_full(
    persons: list[tuple[int, int]], size: PartSize, expected: list[int], tmp_path: Path
) -> None:
    """As many persons as fit; whoever has more than a part has one alone."""
    assert expected == _parts(tmp_path, persons, size)
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("claims", [3 * limits.HISTORY_PERSON_PARTS, 3])
def test_a_person_may_have_some_parts_alone(claims: int, tmp_path: Path) -> None:
    """Claims and lines of a person have a bound each, one step beyond which is told."""
    lines = 3 * limits.HISTORY_PERSON_PARTS // claims
    fits = [(1, 1), (claims, lines)]
    assert [1, claims] == _parts(tmp_path, fits, PartSize(claims=3, lines=3))

    what = "lines" if claims == 3 else "claims"
    many = [(1, 1), (claims, lines + 1) if claims == 3 else (claims + 1, 0)]
    with pytest.raises(InvalidRequest, match=rf"one person of area 999900 has \d+ {what}"):
        _parts(tmp_path, many, PartSize(claims=3, lines=3))
