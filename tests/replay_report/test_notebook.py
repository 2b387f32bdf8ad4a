"""The notebook of the Python interface runs from top to bottom, and holds nothing of its writer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from medsettle.core.money import yuan_from_fen
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE
from medsettle.replay.population.making import Wanted, make_population

from tests.replay.populations import CAPITAL, rules
from tests.replay_report.compared_by_hand import persons_of
from tests.replay_report.compared_worlds import reform_file, rules_folder
from tests.replay_report.conftest import Replayed

_ROOT = Path(__file__).parents[2]
_NOTEBOOK = _ROOT / "fixtures" / "replay" / "what-would-it-have-cost.ipynb"


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
    rules_folder(tmp_path / "rules")
    shutil.copy(reform_file("july"), tmp_path / "reform.yaml")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in _cells():
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)  # noqa: S102

    assert ("ceiling", "july") == names["results"].reforms
    for world in (BASELINE, "july"):
        path = tmp_path / "results" / "claims" / world / "part-00000.parquet"
        columns = ["claim", "policy", "fund_total_fen", "cash_fen"]
        written = pq.read_table(path, columns=columns, partitioning=None).to_pylist()
        assert written == names["replayed"][f"claims/{world}"].select(columns).to_pylist()
    assert (tmp_path / "comparison" / "report.html").is_file()
    gains: dict[int, list[int]] = {}
    for each in persons_of(replayed.told, "ceiling"):
        gains.setdefault(min(each.claims, 5), []).append(each.gain)
    assert [(claims, len(own), sum(own)) for claims, own in sorted(gains.items())] == names[
        "answer"
    ]
    assert yuan_from_fen(sum(map(sum, gains.values()))) != "0.00"


def test_the_block_of_the_readme_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over a population of Beijing; each world has a row for every claim."""
    page = (_ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [
        each.partition("```")[0] for each in page.split("```python\n") if "replay_part" in each
    ]
    for name in ("rules", "fixtures"):
        (tmp_path / name).symlink_to(_ROOT / name)
    make_population(rules(), Wanted(CAPITAL, 20, 2025, 2025), tmp_path / "var" / "history")
    monkeypatch.chdir(tmp_path)

    exec(compile(block, "README.md", "exec"), {})  # noqa: S102

    claims = History.open(tmp_path / "var" / "history").rows("claims")
    assert claims > 20
    worlds = [f"claims/{name} {claims}" for name in (BASELINE, "outpatient-july-2025")]
    assert [*worlds, "differences 0"] == capsys.readouterr().out.splitlines()
