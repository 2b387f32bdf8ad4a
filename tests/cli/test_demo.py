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


@pytest.fixture(scope="module", name="kept")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return what a whole demonstration prints, and what it kept."""
    folder = tmp_path_factory.mktemp("demo")
    ran = run("demo", "--claims", _CLAIMS, "--keep", folder, columns=80)
    assert (Exit.OK, "") == (ran.code, ran.err)
    return ran.out, folder


@pytest.mark.slow
def test_the_second_act_settles_one_card_over_all_schemes(kept: tuple[str, Path]) -> None:
    """A delivery, a stay after an injury and a purchase: every scheme has its own, to the fen.

    By hand: injury 16,200; delivery 9,000; basic 1,500 + 2,400 + 100. Relatives pay 88 less 20.
    """
    out, folder = kept

    assert "the card is reported lost: card CARD-FATHER" in " ".join(out.split())
    with connect(folder / "showcase" / "audit") as connection:
        found = connection.sql(
            "select insurance_type, sum(total_fen)::bigint, sum(fund_total_fen)::bigint, "
            "sum(account_fen)::bigint, sum(mutual_aid_fen)::bigint, sum(cash_fen)::bigint "
            "from settlements group by all order by all"
        ).fetchall()
    assert [
        ("310", 400_000, 152_000, 62_000, 6_800, 179_200),
        ("410", 1_620_000, 1_570_000, 0, 0, 50_000),
        ("510", 900_000, 900_000, 0, 0, 0),
    ] == found


@pytest.mark.slow
def test_the_second_act_needs_the_fixtures(tmp_path: Path) -> None:
    """Elsewhere it is left out with what to do, and the rest of the demonstration stands."""
    ran = run(
        *("demo", "--claims", 1, "--fixtures", tmp_path / "none", "--keep", tmp_path), columns=300
    )

    assert Exit.OK == ran.code
    assert "The second act is left out" in ran.out
    assert "name its fixtures with --fixtures" in ran.out


@pytest.mark.slow
def test_the_readme_shows_what_the_demonstration_prints(kept: tuple[str, Path]) -> None:
    """Each line of the settled stay in the README is a line of the demonstration."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```text\n")[1].split("```")[0].splitlines()
    printed = {line.rstrip() for line in kept[0].splitlines()}

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
