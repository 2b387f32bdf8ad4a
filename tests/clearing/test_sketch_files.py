"""Sketches in files: the same when read, and refused when they are something else."""

from pathlib import Path

import numpy as np
import pytest
from medsettle import errors, limits
from medsettle.clearing.sketch import Sketch
from medsettle.clearing.sketch_files import read_sketch, write_sketch


def _sketch(cells: int) -> Sketch:
    numbers = np.arange(cells * 4, dtype=np.uint64).reshape(cells, 4)
    return Sketch(("settlement", "total_fen"), b"seed", 17, numbers)


def test_a_sketch_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Columns, seed, rows and every word of every cell, with the highest bits."""
    made = _sketch(99)
    made.cells[0, 0] = 2**64 - 1
    size = write_sketch(tmp_path / "s", made)
    found = read_sketch(tmp_path / "s")

    assert size == (tmp_path / "s").stat().st_size
    assert (made.columns, made.seed, made.rows) == (found.columns, found.seed, found.rows)
    assert np.array_equal(made.cells, found.cells)
    assert 0 == np.count_nonzero(found.minus(made).cells)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        pytest.param(b"", "is no sketch", id="empty"),
        pytest.param(b"settlement,total_fen\n", "is no sketch", id="text"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, match: str) -> None:
    """The message says which command makes one."""
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(errors.InvalidRequest, match=f"{match}.*reconcile sketch"):
        read_sketch(path)


def test_a_sketch_cut_short_is_refused(tmp_path: Path) -> None:
    """Half of a file that came over a line that broke is none."""
    write_sketch(tmp_path / "s", _sketch(99))
    content = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(content[: len(content) // 2])
    with pytest.raises(errors.InvalidRequest, match="is no sketch"):
        read_sketch(tmp_path / "s")


def test_thirds_of_cells_are_asked_for(tmp_path: Path) -> None:
    """A sketch has three parts of the same size."""
    write_sketch(tmp_path / "s", _sketch(100))
    with pytest.raises(errors.InvalidRequest, match="other cells than a sketch"):
        read_sketch(tmp_path / "s")


@pytest.mark.parametrize(("more", "match"), [(0, "is no sketch"), (1, "is larger than a sketch")])
def test_the_bytes_of_a_file_are_bounded(tmp_path: Path, more: int, match: str) -> None:
    """A larger file is not read at all."""
    path = tmp_path / "s"
    with path.open("wb") as file:
        file.truncate(limits.SKETCH_BYTES_MAX + more)
    with pytest.raises(errors.InvalidRequest, match=match):
        read_sketch(path)


@pytest.mark.parametrize("more", [0, 3])
def test_the_cells_of_a_file_are_bounded(tmp_path: Path, more: int) -> None:
    """As many as a sketch may be made of are read; a cell of each third more is refused."""
    thirds = -(-limits.SKETCH_CELLS_MAX // 3) * 3
    cells = np.zeros((thirds + more, 4), dtype=np.uint64)
    write_sketch(tmp_path / "s", Sketch(("settlement",), b"", 0, cells))
    if more:
        with pytest.raises(errors.InvalidRequest, match=f"{thirds + more} cells, at most"):
            read_sketch(tmp_path / "s")
    else:
        assert thirds == len(read_sketch(tmp_path / "s").cells)
