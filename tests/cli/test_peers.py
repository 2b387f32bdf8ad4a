"""`medsettle peers`: routes or faults of a file, and certificates that it may name."""

from pathlib import Path

import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import run

pytestmark = pytest.mark.slow

_FILE = """
name = "a"
role = "areas"
areas = ["999941"]
[tls]
certificate = "a.pem"
key = "a.key"
authority = "ca.pem"
listen = "127.0.0.1:6101"
[[peers]]
name = "national"
role = "hub"
address = "127.0.0.1:6100"
areas = ["*"]
"""


def test_certificates_are_made_and_the_file_that_names_them_is_checked(tmp_path: Path) -> None:
    """What is made fits a file of peers; its routes are shown, to people and to programs."""
    made = run("peers", "certificates", "--name", "a", "--name", "national", "--out", tmp_path)
    file = tmp_path / "a.toml"
    file.write_text(_FILE, encoding="utf-8")
    shown = run("peers", "check", file)
    told = run("peers", "check", file, "--json")

    assert (Exit.OK, 5) == (made.code, len(made.out.splitlines()))
    assert [
        "a (areas) decides 999941; peers reach it at 127.0.0.1:6101 under TLS",
        "  every other area: through national (hub) at 127.0.0.1:6100",
    ] == shown.out.splitlines()
    assert (Exit.OK, True, ["*"]) == (
        told.code,
        told.json["tls"],
        told.json["peers"][0]["areas"],
    )


def test_faults_and_missing_files_have_their_exit_codes(tmp_path: Path) -> None:
    """Every fault is a line and a finding; a file that is not there, or a bad name, is a slip."""
    file = tmp_path / "a.toml"
    file.write_text(_FILE.replace('"hub"', '"hob"'), encoding="utf-8")
    faulty = run("peers", "check", file)
    missing = run("peers", "check", tmp_path / "none.toml")
    named = run("peers", "certificates", "--name", "A B", "--out", tmp_path)

    assert (Exit.FINDING, Exit.USAGE, Exit.USAGE) == (faulty.code, missing.code, named.code)
    assert "peers[0].role: 'hob' is no role; did you mean 'hub'?" in faulty.err
    assert "tls.certificate: there is no file" in faulty.err


def test_a_data_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A misspelt one has nothing open, as little as one without peers, but it is a slip."""
    alone = run("peers", "cases", "--data", tmp_path)
    missing = run("peers", "cases", "--data", tmp_path / "none")
    told = run("peers", "cases", "--data", tmp_path / "none", "--json")

    assert (Exit.OK, "nothing is open") == (alone.code, alone.out.strip())
    assert (Exit.USAGE, "") == (missing.code, missing.out)
    assert f"{tmp_path / 'none'} is not there; name the data folder with --data" in missing.err
    assert Exit.USAGE == told.code
