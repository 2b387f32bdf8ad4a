"""`medsettle policy check` and `test`: which folder is meant, and what is told how often."""

import shutil
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import RULES, run

pytestmark = pytest.mark.slow

_SHAPES = RULES.parent / "fixtures" / "policies" / "shapes"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a copy of one area's rules."""
    folder = tmp_path / "my-rules"
    shutil.copytree(RULES / "410500", folder / "410500")
    return folder


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert 1 == text.count(old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_fault_of_an_area_is_told_once(rules: Path) -> None:
    """One slip in `area.yaml` is one message, however many documents lie beside it."""
    _replace(rules / "410500" / "area.yaml", "unlisted_items: refuse", "unlisted_items: refused")
    ran = run("policy", "check", rules)

    assert Exit.FINDING == ran.code
    assert 1 == ran.out.count("did you mean 'refuse'?")
    assert "2 documents not read, for the area beside has faults; mend these first" in ran.out
    assert "3 document(s), 1 fault(s)" in ran.out


def test_the_folder_of_one_area_is_checked_whole(rules: Path) -> None:
    """Given one area, what shows between its documents is told as well."""
    (rules / "410500" / "catalogue.csv").unlink()
    ran = run("policy", "check", rules / "410500", "--json")

    assert Exit.FINDING == ran.code
    [fault] = ran.json["violations"]
    assert "there is no file 'catalogue.csv' beside this one" in fault["message"]


def test_remarks_are_told_and_are_no_faults() -> None:
    """What looks like a slip in the rules and is meant is told with its place and fails nothing."""
    ran = run("policy", "check", RULES / "120000", "--json")
    (remark,) = ran.json["remarks"]

    assert (Exit.OK, []) == (ran.code, ran.json["violations"])
    assert str(RULES / "120000" / "employee-outpatient.yaml") == remark["file"]
    assert remark["message"].startswith("above 10,000.00元, where the last band ends")
    shown = run("policy", "check", RULES / "120000")
    assert (Exit.OK, True) == (shown.code, "0 fault(s), 1 remark(s)" in shown.out)


def test_examples_are_proved_with_the_policies_beside_them(rules: Path) -> None:
    """Without --rules the folder is the one that the examples lie in, or are below."""
    file = rules / "410500" / "resident-chronic.examples.yaml"

    for path in (rules, rules / "410500", file):
        ran = run("policy", "test", path)
        assert (Exit.OK, True) == (ran.code, "examples come out" in ran.out)
    assert Exit.OK == run("policy", "test", _SHAPES / "999907").code


@pytest.mark.parametrize("command", ["show", "test"])
def test_a_folder_that_is_none_of_areas_is_told(tmp_path: Path, command: str) -> None:
    """A missing folder, or the folder of one area, is told with what to write instead."""
    path = [RULES] if command == "test" else []
    missing = run("policy", command, *path, "--rules", tmp_path / "nix")
    assert Exit.USAGE == missing.code
    assert f"there is no folder '{tmp_path}/nix' here; name the folder" in missing.err
    assert "with --rules" in missing.err

    one = run("policy", command, *path, "--rules", RULES / "110000")
    assert Exit.USAGE == one.code
    assert f"is the folder of one area; give the folder above: --rules {RULES}" in one.err


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_path_that_is_not_there_is_told(tmp_path: Path, command: str) -> None:
    """A misspelt path is a wrong call and no success."""
    ran = run("policy", command, tmp_path / "nix")

    assert Exit.USAGE == ran.code
    assert f"there is no file or folder '{tmp_path}/nix' here; correct the path" in ran.err


def test_names_of_policies_are_whole_in_a_narrow_terminal() -> None:
    """A name of the list can be copied into the next command, at eighty columns too."""
    listed = run("policy", "show", columns=80)
    names = [each["policy"] for each in run("policy", "show", "--json").json]

    assert names
    assert [name for name in names if f"{name} " not in listed.out] == []
