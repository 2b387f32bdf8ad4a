"""`medsettle policy explain`: one claim walked through, and what cannot be is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.exits import Exit
from rich.cells import cell_len

from tests.cli.commands import ROOT, run

pytestmark = pytest.mark.slow

_PAGES = Path(__file__).parent / "walks"
_STAY = ROOT / "fixtures" / "stay.json"
_NANCHANG = "nanchang-employee-inpatient"


def _page(text: str) -> str:
    """Return a page without digests, line numbers, blanks and the policies not chosen.

    Lines of documents move, others are added, and where a line wraps depends on both.
    """
    text = re.sub(r"\n    not .*?(?=\n\n)", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"digest\s+[0-9a-f]{12}", "digest", text)
    return re.sub(r"\s", "", re.sub(r"(\.(?:yaml|csv|json)):\d+", r"\1", text))


def test_a_page_reads_as_reviewed() -> None:
    """A stay of a retiree before whom 80,000 were paid this year, every amount worked by hand.

    The bed is 12 x (120 - 80) = 480 above its ceiling, 10 % of the drug 291, class C 300: 28,579
    in scope. 27,929 above 650 at 91 % are more than the 20,000 left of the cap: 21,978.021978 fit,
    9 % of it is 1,978.02, and 5,950.978022 go on: 80 % is 4,760.78, 20 % 1,190.20. Half of both own
    shares, 3,168.22, is 1,584.11. The account has 500: 29,650 less all that is 2,805.11.
    """
    before = ("pooled_paid=80000元", "admissions=1次", "account=500元")
    options = [word for each in before for word in ("--before", each)]
    ran = run("policy", "explain", "fixtures/stay.json", *options, columns=80)

    assert (Exit.OK, "") == (ran.code, ran.err)
    assert _page((_PAGES / "stay.txt").read_text(encoding="utf-8")) == _page(ran.out)
    assert [] == [line for line in ran.out.splitlines() if cell_len(line) > 80]


def test_a_skipped_stage_says_which_condition_failed() -> None:
    """The second stay of three: another illness between two courses, which pays its 800 again.

    1,800 less 800 at 85 % is 850; the civil servants' fund is not for this person.
    """
    ran = run("policy", "explain", _NANCHANG, "--example", "chemotherapy", "--visit", 2)

    assert Exit.OK == ran.code
    first, *_ = ran.out.splitlines()
    assert first.startswith("chemotherapy, visit 2 of 3 (rules/360100/employee-inpatient.examples.")
    for said in (
        "\n  chemotherapy_stays     2025         1\n",
        "\n  pooled_paid            2025  8,500.00  +850.00 by this claim 本次\n",
        ". civil_servant: civil_servant 公务员补助 (skipped 跳过)\n",
        "\n  when civil_servant is yes: it is no, which is not met 不符合\n",
        "\n          950.00  the person 个人负担总金额\n",
        "\n          850.00  pooled_fund comes out 相符\n",
    ):
        assert said in ran.out


def test_the_same_is_told_for_programs() -> None:
    """As JSON: the last visit, its cells with place and confidence, and what was counted before."""
    found = run("policy", "explain", _NANCHANG, "--example", "chemotherapy", "--json").json

    assert (3, 3, []) == (found["visit"], found["visits"], found["differences"])
    counters = {each["name"]: (each["before"], each["unit"]) for each in found["counters"]}
    assert ((1, "settlements"), (935_000, "fen")) == (
        counters["chemotherapy_stays"],
        counters["pooled_paid"],
    )
    (deductible,) = [
        question for question in found["stages"][0]["questions"] if question["name"] == "deductible"
    ]
    standard, factor = deductible["cells"]
    assert ("deductible", ["800.00"], "S3") == (
        standard["table"],
        standard["values"],
        standard["confidence"],
    )
    assert ("deductible_factor", ["0%"], "uncertain") == (
        factor["table"],
        factor["values"],
        factor["confidence"],
    )
    assert re.fullmatch(r"360100/employee-inpatient\.yaml:\d+", factor["place"])
    assert (850_000, 150_000) == (
        found["settlement"]["pooled_fund_fen"],
        found["settlement"]["cash_fen"],
    )


def test_an_amount_that_does_not_come_out_is_a_finding(tmp_path: Path) -> None:
    """An expectation a yuan off is shown with both amounts, and the exit code says so."""
    folder = ROOT / "rules" / "360100"
    text = (folder / "employee-inpatient.examples.yaml").read_text(encoding="utf-8")
    examples = tmp_path / "employee-inpatient.examples.yaml"
    examples.write_text(text.replace("pooled_fund: 850.00元", "pooled_fund: 851.00元"), "utf-8")
    call = ("policy", "explain", examples, "--example", "chemotherapy", "--visit", 2)

    ran = run(*call, columns=80)
    assert Exit.FINDING == ran.code
    assert "851.00  pooled_fund, but found 850.00 不符" in ran.out
    (told,) = run(*call, "--json").json["differences"]
    assert {"amount": "pooled_fund", "expected": 85_100, "found": 85_000} == told


def test_a_gap_is_shown_and_is_no_failure() -> None:
    """What a policy cannot decide is named at the end, with what recording would do."""
    ran = run(
        "policy", "explain", "changsha-employee-inpatient", "--example", "DC-003-from-the-top"
    )

    assert Exit.OK == ran.code
    assert "Gaps 未能裁定\n  pooled_fund.net is " in ran.out
    assert "it is refused when it is to be recorded. 仅可预结算，不能入账。" in ran.out


def test_a_claim_of_a_file_is_walked_after_those_before_it(tmp_path: Path) -> None:
    """The second claim of a person in a file meets the counters that the first one left."""
    stay = json.loads(_STAY.read_text(encoding="utf-8"))
    path = tmp_path / "stays.jsonl"
    lines = [json.dumps(stay | {"request_id": f"R{number}"}) for number in (1, 2)]
    path.write_text("\n".join(lines), encoding="utf-8")

    first = run("policy", "explain", path, "--visit", 1, "--json").json
    last = run("policy", "explain", path, "--json").json

    assert [(1, 130_000), (2, 65_000)] == [
        (each["visit"], each["settlement"]["deductible_fen"]) for each in (first, last)
    ]


# --- what cannot be walked through --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(
            ["nanchang-employee-inpatien", "--example", "levels"],
            Exit.FINDING,
            [f"no policy is called 'nanchang-employee-inpatien'; did you mean '{_NANCHANG}'?"],
            id="no-such-policy",
        ),
        pytest.param(
            [_NANCHANG, "--example", "level"],
            Exit.FINDING,
            [f"{_NANCHANG} has no example 'level'; did you mean 'levels'?"],
            id="no-such-example",
        ),
        pytest.param(
            [_NANCHANG, "--example", "chemotherapy", "--visit", "4"],
            Exit.USAGE,
            ["chemotherapy has no visit 4; write --visit 1 to 3"],
            id="no-such-visit",
        ),
        pytest.param(
            ["beijing-veteran-cadre"],
            Exit.USAGE,
            [
                "beijing-veteran-cadre is a policy, and a claim is to be walked through; choose "
                "one with --example: WC-011"
            ],
            id="policy-without-an-example",
        ),
        pytest.param(
            ["fixtures/stay.json", "--before", "x", "--before", "account=5", "--before", "=5元"],
            Exit.USAGE,
            [
                "--before x names no counter; write pooled_paid=98000元 or the like",
                "--before account=5: '5' has no unit; write 5元 if yuan are meant",
                "--before =5元 names no counter; write pooled_paid=98000元 or the like",
            ],
            id="nothing-brought-along",
        ),
        pytest.param(
            ["fixtures/stay.json", "--before", "pooled_pay=1元", "--before", "admission=1次"],
            Exit.FINDING,
            [
                "before.pooled_pay: no counter is called 'pooled_pay'; did you mean 'pooled_paid'?",
                "before.admission: no counter is called 'admission'; did you mean 'admissions'?",
            ],
            id="no-such-counters",
        ),
        pytest.param(
            ["README.md"],
            Exit.USAGE,
            ["README.md ends in '.md'; expected one of .json, .jsonl, .parquet, .arrow"],
            id="no-file-of-claims",
        ),
    ],
)
def test_what_cannot_be_walked_is_told_with_the_next_step(
    arguments: list[str], code: Exit, says: list[str]
) -> None:
    """Wrong names, numbers and files: all faults of the call at once, and its exit code."""
    ran = run("policy", "explain", *arguments, "--json")

    assert (code, says) == (ran.code, ran.json["messages"])


def _refused(tmp_path: Path, **changed: str) -> dict[str, Any]:
    stay = json.loads(_STAY.read_text(encoding="utf-8"))
    path = tmp_path / "claim.json"
    path.write_text(json.dumps(stay | changed), encoding="utf-8")
    ran = run("policy", "explain", path, "--json")
    assert Exit.FINDING == ran.code
    found: dict[str, Any] = ran.json
    return found


def test_a_claim_with_faults_is_told_all_of_them() -> None:
    """The faults are those of `settle`, each with its path."""
    ran = run("policy", "explain", "fixtures/bad-claim.json", "--json")

    assert (Exit.FINDING, "INVALID_REQUEST") == (ran.code, ran.json["error"])
    paths = [message.partition(":")[0] for message in ran.json["messages"]]
    assert {"visit_type", "lines[0].amount_fen", "admission_date"} <= {*paths}


def test_a_claim_that_no_policy_decides_is_told_what_is_loaded(tmp_path: Path) -> None:
    """The policies of its area, or the areas there are, stand below the reason."""
    found = _refused(tmp_path, insurance_type="320")
    assert "POLICY_NOT_FOUND" == found["error"]
    assert "loaded for area 110000:" == found["messages"][1]
    assert (
        "beijing-resident-outpatient: insurance type 390, visit types 11, 12, 13, from 2018-01-01"
    ) in found["messages"]

    elsewhere = _refused(tmp_path, pooling_area="999999")
    assert elsewhere["messages"][1].startswith("loaded are the areas 110000, 120000, ")


def test_a_claim_before_its_policy_began_is_told_so(tmp_path: Path) -> None:
    """The date, and from when the policies of the area are in force."""
    days = {"admission_date": "2017-05-20", "service_date": "2017-06-01"}
    lines = json.loads(_STAY.read_text(encoding="utf-8"))["lines"]
    moved = [line | {"fee_date": "2017-05-25"} for line in lines]

    found = _refused(tmp_path, **days, lines=moved)  # type: ignore[arg-type]

    assert "POLICY_NOT_IN_FORCE" == found["error"]
    assert "is in force on the service_date 2017-06-01" in found["messages"][0]
    assert any(
        message.startswith("beijing-employee-inpatient: ") and message.endswith("from 2018-01-01")
        for message in found["messages"]
    )


def test_rules_with_faults_are_told_with_their_places() -> None:
    """Nothing is walked through rules that settle nothing."""
    ran = run(
        *("policy", "explain", "fixtures/stay.json", "--json"),
        *("--rules", "fixtures/policies/bad/books/overlap"),
    )

    assert (Exit.FINDING, "POLICY_REJECTED") == (ran.code, ran.json["error"])
    assert "999900/second.yaml:7:14 visit_types: " in ran.json["messages"][0]
