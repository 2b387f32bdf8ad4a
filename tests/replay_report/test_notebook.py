"""The notebook of the Python interface runs from top to bottom, and holds nothing of its writer."""

import json
from pathlib import Path
from typing import Any

import pytest
from medsettle.core.money import yuan_from_fen

from tests.replay_report.compared_by_hand import persons_of
from tests.replay_report.conftest import Replayed

_NOTEBOOK = Path(__file__).parents[2] / "fixtures" / "replay" / "what-would-it-have-cost.ipynb"


def _cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


def test_the_notebook_is_one() -> None:
    """As format 4.5 has it: cells with ids of their own, code without outputs or counts."""
    book = json.loads(_NOTEBOOK.read_text(encoding="utf-8"))

    assert (4, 5) == (book["nbformat"], book["nbformat_minor"])
    assert {"cells", "metadata", "nbformat", "nbformat_minor"} == set(book)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(ids) == len(set(ids))
    for cell in book["cells"]:
        assert all(isinstance(line, str) for line in cell["source"])
        if cell["cell_type"] == "code":
            assert (None, []) == (cell["execution_count"], cell["outputs"])
        else:
            assert "markdown" == cell["cell_type"]


def test_the_notebook_runs(
    replayed: Replayed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its answer to a question of one's own is what persons gain, counted here one by one."""
    for name in ("results", "history"):
        (tmp_path / name).symlink_to(replayed.folder / name)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in _cells():
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)  # noqa: S102

    assert ("ceiling", "july") == names["results"].reforms
    assert (tmp_path / "comparison" / "report.html").is_file()
    gains: dict[int, list[int]] = {}
    for each in persons_of(replayed.told, "ceiling"):
        gains.setdefault(min(each.claims, 5), []).append(each.gain)
    assert [(claims, len(own), sum(own)) for claims, own in sorted(gains.items())] == names[
        "answer"
    ]
    assert yuan_from_fen(sum(map(sum, gains.values()))) != "0.00"
