"""`medsettle policy`: check, test, show and describe rule documents."""

import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from medsettle.cli.exits import Exit
from medsettle.policy.vocabulary import words

from tests.cli.commands import RULES, run

pytestmark = pytest.mark.slow


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a copy of one area's rules."""
    folder = tmp_path / "rules"
    shutil.copytree(RULES / "110000", folder / "110000")
    return folder


def _replace(path: Path, old: str, new: str) -> int:
    """Replace a text in a document and return the line it stands in, from 1."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_the_rules_have_no_faults() -> None:
    """Every document of the repository is checked and found right."""
    ran = run("policy", "check", "rules", "--json")

    assert (Exit.OK, []) == (ran.code, ran.json["violations"])
    assert len(list(RULES.rglob("*.yaml"))) == ran.json["documents"]


def test_every_fault_is_listed_with_its_place(rules: Path) -> None:
    """Faults in three documents come together, each with file, line and column."""
    area = rules / "110000"
    places = {
        (str(area / name), _replace(area / name, old, new))
        for name, old, new in (
            ("employee-inpatient.yaml", "later: 650元", "later: 650"),
            ("resident-outpatient.yaml", "payer: pooled_fund", "payer: pooled_fnud"),
            ("resident-outpatient.examples.yaml", "kind: published", "kind: guessed"),
        )
    }
    ran = run("policy", "check", rules, "--json")

    assert Exit.FINDING == ran.code
    assert places == {(each["file"], each["line"]) for each in ran.json["violations"]}
    shown = run("policy", "check", rules)
    assert (Exit.FINDING, True) == (shown.code, "3 fault(s)" in shown.out)
    assert all(f"{file}:{line}:" in shown.out for file, line in places)


def test_a_single_document_is_checked() -> None:
    """A document alone is checked with the area beside it; a folder without rules is told."""
    ran = run("policy", "check", RULES / "110000" / "veteran-cadre.yaml", "--json")
    assert (Exit.OK, 1) == (ran.code, ran.json["documents"])

    none = run("policy", "check", "fixtures/nowhere", "--json")
    assert (Exit.USAGE, "USAGE") == (none.code, none.json["error"])


def test_what_a_document_leaves_out_is_no_fault() -> None:
    """Remarks are shown with place and next step, counted apart, and the exit code says success."""
    ran = run("policy", "check", "fixtures/policies/remarks")
    assert Exit.OK == ran.code
    assert "sources.yaml:13:3 sources.letter\n  remark: no value cites source 'letter'; " in ran.out
    assert ran.out.endswith("7 document(s), 0 fault(s), 7 remark(s)\n")

    found = run("policy", "check", "fixtures/policies/remarks", "--json").json
    assert ([], 7) == (found["violations"], len(found["remarks"]))
    alone = run("policy", "check", "fixtures/policies/remarks/999900/levels.yaml")
    assert alone.out.endswith("1 document(s), 0 fault(s), 1 remark(s)\n")


def test_the_examples_come_out(rules: Path) -> None:
    """All of the repository come out; an expectation a fen off is told with both amounts."""
    whole = run("policy", "test", "rules", "--json")
    assert Exit.OK == whole.code
    assert 15 <= len(whole.json)
    assert not [each for each in whole.json if each["faults"]]

    examples = rules / "110000" / "veteran-cadre.examples.yaml"
    _replace(examples, "fund_total: 100.00元", "fund_total: 101.00元")
    ran = run("policy", "test", examples, "--rules", rules)
    assert Exit.FINDING == ran.code
    assert "fund_total should be 101.00元, found 100.00元" in ran.out
    assert "0 of 1 examples come out" in ran.out


def test_a_refused_visit_is_told_where_it_stands(rules: Path) -> None:
    """A claim that the policy refuses is no bare reason: file, line and number of the visit."""
    examples = rules / "110000" / "veteran-cadre.examples.yaml"
    line = _replace(examples, "item: 009902000001000990200000100", "item: NOWHERE")
    visit = line - 7
    ran = run("policy", "test", examples, "--rules", rules)

    assert Exit.FINDING == ran.code
    assert f"veteran-cadre.examples.yaml:{visit}" in ran.out.replace("\n", "")
    assert "WC-011, visit 1: INVALID_REQUEST" in ran.out.replace("\n", "")


def test_no_examples_prove_nothing(tmp_path: Path) -> None:
    """A folder without examples is no success."""
    assert Exit.FINDING == run("policy", "test", tmp_path).code


def test_policies_and_their_tables_are_shown() -> None:
    """The list has every policy; one of them is shown with sources, cells and confidence."""
    listed = run("policy", "show", "--json")
    names = {each["policy"] for each in listed.json}
    assert "beijing-employee-inpatient" in names

    one = run("policy", "show", "beijing-employee-inpatient", "--json").json
    tables = {table["table"]: table for table in one["tables"]}
    assert ["1,300.00", "650.00"] == tables["deductible"]["cells"]
    assert ["10%", "5%", "3%"] == tables["own_share"]["cells"][:3]
    assert [3_000_000, 4_000_000, 10_000_000] == tables["own_share"]["limits_fen"]
    assert "uncertain" == tables["funds_cap"]["confidence"]

    shown = run("policy", "show", "beijing-employee-inpatient")
    assert (Exit.OK, True) == (shown.code, "to 30,000.00" in shown.out)
    unknown = run("policy", "show", "beijing", "--json")
    assert (Exit.FINDING, "POLICY_NOT_FOUND") == (unknown.code, unknown.json["error"])


def test_the_schemas_are_schemas() -> None:
    """What is printed for editors is JSON Schema, for every kind of document."""
    for arguments in ((), ("--area",), ("--overlay",), ("--examples",)):
        ran = run("policy", "schema", *arguments)

        assert Exit.OK == ran.code
        Draft202012Validator.check_schema(ran.json)


def test_words_and_codes_are_listed() -> None:
    """Every word of the vocabulary is listed with its Chinese one, and the codes with theirs."""
    assert {*words().items()} == {tuple(pair) for pair in run("policy", "words", "--json").json}
    some = run("policy", "words", "起付")
    assert (Exit.OK, True, False) == (some.code, "deductible" in some.out, "caps" in some.out)
    assert Exit.FINDING == run("policy", "words", "nothing-like-it").code

    codes = run("policy", "words", "--codes")
    assert Exit.OK == codes.code
    for word in ("普通门诊", "职工基本医疗保险", "成年居民", "三级", "uncertain 存疑"):
        assert word in codes.out
