"""`medsettle demo` runs from end to end and leaves nothing running."""

from pathlib import Path

import pytest
from medsettle.audit import connect, verify
from medsettle.cli.exits import Exit
from medsettle.ledger import SqliteLedger

from tests.cli.commands import ROOT, RULES, run

_CLAIMS = 40


@pytest.mark.slow
def test_the_demonstration_runs(tmp_path: Path) -> None:
    """The day and the cases are settled, verified, and the server has let go of its ledger."""
    ran = run("demo", "--json", "--claims", _CLAIMS, "--keep", tmp_path)

    assert (Exit.OK, "") == (ran.code, ran.err)
    assert str(tmp_path) == ran.json["data"]
    assert ran.json["last_seq"] == verify(tmp_path / "audit").last_seq
    with connect(tmp_path / "audit") as connection:
        kinds = connection.sql("select kind from settlements").to_arrow_table()["kind"].to_pylist()
    # The day, the cases with the visits that they take back, and the one stay that was cancelled.
    texts = [path.read_text(encoding="utf-8") for path in RULES.glob("*/*.examples.yaml")]
    taken_back = sum(text.count("- {cancels: ") + text.count("- cancels: ") for text in texts)
    assert ran.json["settlements"] == len(kinds)
    assert (taken_back + 1, True) == (kinds.count("cancel"), kinds.count("settle") > _CLAIMS)
    # A server that still ran would hold the lock.
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        assert ran.json["last_seq"] == ledger.last_seq()


@pytest.mark.slow
def test_the_readme_shows_what_the_demonstration_prints(tmp_path: Path) -> None:
    """Each line of the settled stay in the README is a line of the demonstration."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```text\n")[1].split("```")[0].splitlines()
    ran = run("demo", "--claims", _CLAIMS, "--keep", tmp_path, columns=80)
    printed = {line.rstrip() for line in ran.out.splitlines()}

    assert [] == [line for line in shown if line and line not in printed]
    assert len(shown) > 1


@pytest.mark.slow
def test_a_demonstration_that_fails_leaves_no_server(tmp_path: Path) -> None:
    """Where no area decides every kind of visit it ends with an error, and all of it ends."""
    rules = tmp_path / "rules" / "430100"
    rules.mkdir(parents=True)
    for path in (RULES / "430100").iterdir():
        (rules / path.name).write_bytes(path.read_bytes())
    ran = run("demo", "--json", "--rules", rules.parent, "--keep", tmp_path / "data")

    assert Exit.FINDING == ran.code
    assert "POLICY_NOT_FOUND" == ran.json["error"]
    SqliteLedger(tmp_path / "data" / "ledger.db").close()
