"""What the command line says of what is found before payment."""

import json
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit
from medsettle.core.arrow import claims_table

from tests.cli.claim_files import write_claims
from tests.cli.commands import RULES, run
from tests.engine.suspects import AREA, may, suspect

pytestmark = pytest.mark.slow

_SHAPES = RULES.parent / "fixtures" / "policies" / "shapes"


def test_findings_are_shown_with_code_and_remedy(tmp_path: Path) -> None:
    """A refused claim shows its code and what to do, a warned one both languages; JSON has all."""
    rows = [
        suspect("R1", may(5), may(6), visit_type="22"),
        suspect("R2", may(5), may(6), visit_type="22", liability="2"),
    ]
    file = write_claims(tmp_path / "claims.arrow", claims_table(rows).to_pylist())
    call = ("settle", file, "--rules", _SHAPES, "--data", tmp_path / "data")
    shown, as_json = run(*call), run(*call, "--json")

    assert (Exit.FINDING, Exit.FINDING) == (shown.code, as_json.code)
    assert "R1 LIABILITY_UNANSWERED" in shown.out
    assert "Ask who is liable and state it." in shown.out
    assert "OTHER_LIABLE: liability is '2', which means third_party_does_not_pay." in shown.out
    assert "请登记对第三人的追偿。" in shown.out
    refused, warned = as_json.json_lines
    assert "LIABILITY_UNANSWERED" == refused["outcome"]
    assert ["third-party-advance"] == [each["check"] for each in warned["warnings"]]


def test_the_document_is_checked_and_has_a_schema(tmp_path: Path) -> None:
    """`policy check` reads exclusions.yaml alone and with its area; `policy schema` knows it."""
    document = _SHAPES / "999960" / "exclusions.yaml"
    folder = tmp_path / "999960"
    folder.mkdir()
    for path in (_SHAPES / "999960").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    text = document.read_text(encoding="utf-8").replace("action: warn", "action: warm", 1)
    (folder / document.name).write_text(text, encoding="utf-8")

    assert Exit.OK == run("policy", "check", document).code
    faulty = run("policy", "check", folder, "--json")
    assert Exit.FINDING == faulty.code
    assert ["versions[0].checks[2].action"] == [
        each["key_path"] for each in faulty.json["violations"]
    ]
    schema = run("policy", "schema", "--exclusions").json
    assert "核查项" in str(schema)


def test_an_institution_is_registered_about(tmp_path: Path) -> None:
    """The file names it as `about`; it is listed under it, and never beside a person."""
    own = {"kind": "stopped", "number": "1", "valid_from": "2024-05-05", "pooling_area": AREA}
    at = ("--rules", _SHAPES, "--data", tmp_path / "data")
    sender = ("--institution", "AGENCY", "--request-id", "G1")
    file, both = tmp_path / "one.json", tmp_path / "both.json"
    file.write_text(json.dumps(own | {"about": "H1"}), encoding="utf-8")
    both.write_text(json.dumps(own | {"about": "H1", "person": "P1"}), encoding="utf-8")

    added = run("registration", "add", file, *sender, *at, "--json")
    listed = run("registration", "list", "--area", AREA, "--about", "H1", *at, "--json")
    twice = run("registration", "add", both, *sender, *at)
    neither = run("registration", "list", "--area", AREA, *at)

    assert (Exit.OK, "H1", "") == (added.code, added.json["about"], added.json["person"])
    assert added.json == listed.json
    assert [Exit.FINDING, Exit.USAGE] == [twice.code, neither.code]
    assert "state either it or `about`" in twice.out + twice.err
    assert "name either --person or --about" in neither.out + neither.err
