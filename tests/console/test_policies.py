"""The list of policies, one beside its citations, its source, its examples, and two compared."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from medsettle import limits
from medsettle.identity.roles import Role
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book

from tests.cli.commands import RULES
from tests.console.conftest import AREA, Day, Window, looking_at, rules_of

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_INPATIENT = "beijing-employee-inpatient"
_OLD, _NEW = "beijing-employee-outpatient-2022", "beijing-employee-outpatient"


def _names(content: str) -> list[str]:
    found = re.findall(r'<th scope="row"><a href="/policies/named/([^/]+)/">', content)
    return [unquote(name) for name in found]


def test_every_loaded_policy_is_listed(client_as: ClientAs, day: Day) -> None:
    """By area and name, with its first day, its revision and how far it can be trusted."""
    content = client_as(Role.AUDITOR).get("/policies/").content.decode()
    wanted = sorted(each.policy.name for each in rules_of(day).policies)

    assert wanted == _names(content)
    for each in rules_of(day).policies:
        assert each.digest in content
        assert f"{each.policy.in_force_from:%Y-%m-%d}" in content
    assert len(wanted) == content.count("not tested")


def test_the_list_is_narrowed_and_read_in_parts(client_as: ClientAs) -> None:
    """By words of the name or title, by insurance type; nothing found says what to do."""
    client = client_as(Role.AUDITOR)
    by_word = _names(client.get("/policies/", {"q": "住院待遇"}).content.decode())
    by_kind = _names(client.get("/policies/", {"insurance_type": "390"}).content.decode())
    after = _names(client.get("/policies/", {"after": f"{AREA} {_OLD}"}).content.decode())
    before = _names(client.get("/policies/", {"before": f"{AREA} {_OLD}"}).content.decode())
    nothing = client.get("/policies/", {"q": "<script>"}).content.decode()

    assert [_INPATIENT, "beijing-resident-inpatient"] == by_word
    assert ["beijing-resident-inpatient", "beijing-resident-outpatient"] == by_kind
    assert (_NEW, _OLD) == (before[-1], f"{after and _OLD}")
    assert "beijing-employee-special-outpatient" == after[0]
    assert "No loaded policy fits" in nothing
    assert "<script>" not in nothing.partition("<main")[2]


def test_a_list_of_many_has_parts(client_as: ClientAs, day: Day) -> None:
    """Of all areas of the rules: each policy once, forward to the end, and a part back again."""
    client = client_as(Role.AUDITOR)
    everywhere = replace(day.place(), rules=RULES)
    book: RuleBook = rule_book(RULES)
    wanted = sorted((each.policy.pooling_area, each.policy.name) for each in book.policies)
    seen: list[str] = []
    path = "/policies/"
    with looking_at(everywhere):
        while path:
            content = client.get(path).content.decode()
            seen += _names(content)
            found = re.search(r'href="(\?[^"]*after=[^"]+)" rel="next"', content)
            path = f"/policies/{found[1]}".replace("&amp;", "&") if found else ""
        back = re.search(r'href="(\?[^"]*before=[^"]+)" rel="prev"', content)
        assert back
        earlier = _names(client.get(f"/policies/{back[1]}").content.decode())

    assert [name for _area, name in wanted] == seen
    assert limits.CONSOLE_ROWS_SHOWN == len(earlier)
    assert len(wanted) > 2 * limits.CONSOLE_ROWS_SHOWN


def test_a_policy_stands_beside_its_citations(client_as: ClientAs) -> None:
    """Its stages in order, each value with its source, what is uncertain marked where it stands."""
    content = (
        client_as(Role.INSTITUTION, "H").get(f"/policies/named/{_INPATIENT}/").content.decode()
    )
    stages = re.findall(r"<li[^>]*><p><strong>(\w+)</strong>", content)
    deductible = content.partition('id="table-deductible"')[2].partition("</section>")[0]
    cap = content.partition('<section class="value doubtful" id="table-funds_cap"')[2]

    assert ["pooled_fund", "large_amount", "retiree_supplement", "account"] == stages
    assert '<td class="number">1,300.00</td>' in deductible
    assert '<td class="number">650.00</td>' in deductible
    assert "北京市职工医保住院起付线与分段报销比例" in deductible
    assert "500,000.00" in cap.partition("</section>")[0]
    assert "uncertain</strong>" in cap.partition("</section>")[0]
    assert "<strong>Uncertain:</strong> funds_cap" in content
    assert "110000/employee-inpatient.yaml" in content


def test_the_document_is_shown_as_it_is_written(client_as: ClientAs) -> None:
    """Line by line, so that a fault told with its line is found."""
    content = client_as(Role.AUDITOR).get(f"/policies/named/{_INPATIENT}/source").content.decode()
    written = (RULES / AREA / "employee-inpatient.yaml").read_text(encoding="utf-8").splitlines()

    assert '<span id="L3">policy: beijing-employee-inpatient' in content
    assert len(written) == content.count('<span id="L')


def test_examples_are_tested_on_demand(client_as: ClientAs) -> None:
    """Their state stands on the page of the policy and in the list, and names what they are of."""
    client = client_as(Role.POLICY_OFFICER)
    there = f"/policies/named/{_INPATIENT}/"
    before = client.get(there).content.decode()
    answer = client.post(f"{there}test")
    after = client.get(there).content.decode()
    listed = client.get("/policies/").content.decode()

    assert (302, f"{there}#examples") == (answer.status_code, answer.headers["location"])
    assert (0, 7) == (before.count("comes out"), after.count("comes out"))
    assert "WC-001" in before
    assert "7 / 7" in listed


def test_the_examples_of_a_part_are_tested_together(client_as: ClientAs) -> None:
    """And what came of them is told; the part of the list is shown again."""
    client = client_as(Role.POLICY_OFFICER)
    answer = client.post("/policies/test?insurance_type=390", follow=True)
    content = answer.content.decode()

    assert re.search(r"(\d+) of \1 examples come out", content)
    assert [("/policies/?insurance_type=390", 302)] == answer.redirect_chain
    assert "not tested" not in content


def test_a_policy_is_shown_whose_examples_have_faults(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """With what is wrong, by file and line below the folder of rules."""
    client = client_as(Role.POLICY_OFFICER)
    rules = tmp_path / "rules"
    shutil.copytree(day.rules, rules)
    file = rules / AREA / "employee-inpatient.examples.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nwhat: none\n", encoding="utf-8")
    with looking_at(replace(day.place(), rules=rules)):
        content = client.get(f"/policies/named/{_INPATIENT}/").content.decode()
        tested = client.post(f"/policies/named/{_INPATIENT}/test")

    assert "The examples of the area have faults:" in content
    assert "<li>110000/employee-inpatient.examples.yaml:" in content
    assert 400 == tested.status_code


@pytest.mark.parametrize("path", ["/policies/test", f"/policies/named/{_INPATIENT}/test"])
def test_examples_are_tested_by_one_at_a_time(client_as: ClientAs, path: str) -> None:
    """While somebody does, another is told so at once; whoever writes no drafts may not."""
    from medsettle.console.versions import testing  # noqa: PLC0415 - Django is set up first

    officer, auditor = client_as(Role.POLICY_OFFICER), client_as(Role.AUDITOR)
    with testing():
        meanwhile = officer.post(path)
    shown = {client: client.get(path.removesuffix("test")) for client in (officer, auditor)}

    assert 400 == meanwhile.status_code
    assert "being tested at this moment" in meanwhile.content.decode()
    assert 302 == officer.post(path).status_code
    assert 403 == auditor.post(path).status_code
    assert "Test the examples" in shown[officer].content.decode()
    assert "Test the examples" not in shown[auditor].content.decode()


def test_two_policies_are_compared_by_meaning(client_as: ClientAs) -> None:
    """Above 20,000 yuan employees have 60 % of what had a cap of 20,000 at 70 % before."""
    asked = {"old": f"policy:{_OLD}", "new": f"policy:{_NEW}"}
    content = client_as(Role.ACTUARY).get("/policies/compare", asked).content.decode()
    rows = [re.sub(r"<[^>]*>", "|", row) for row in content.split("<tr>")]
    rate = next(row for row in rows if "person active, place hospital" in row)
    cap = next(row for row in rows if "cap on payment per outpatient_paid" in row)

    assert re.search(r"above 20,000.00\|+70%\|+60%\|+2023-01-01", rate)
    assert re.search(r"20,000.00\|+none\|", cap)
    assert "/policies/compare/borne?old=" in content
    assert "data-figure" not in content


def test_what_a_difference_means_is_worked_out_behind_the_page(client_as: ClientAs) -> None:
    """An employee at a hospital bears 60 % less of what lies above 20,000, where nothing was paid.

    The deductible is 1,800. Of a bill of 200,000 they bore all but the fund's cap of 20,000; now it
    pays 70 % of the 20,000 above the deductible, and 60 % of the rest.
    """
    asked = {"old": f"policy:{_OLD}", "new": f"policy:{_NEW}"}
    client = client_as(Role.ACTUARY)
    part = client.get("/policies/compare/borne", asked)
    whole = client.get("/policies/compare", asked | {"effects": "yes"}).content.decode()
    first = part.content.decode().partition("</details>")[0]
    bill = re.sub(r"<[^>]*>", "|", first.rpartition('<td class="number">200,000.00')[2])
    after = 200_000 - 14_000 - (200_000 - 21_800) * 6 // 10

    assert "yes" == part.headers["X-Done"]
    assert "as of 2023-01-01" in whole
    assert "person active, place hospital, employer_supplement no" in first
    assert ["180,000.00", f"{after:,}.00", f"{180_000 - after:,}.00"] == re.findall(
        r"[\d,.]+", bill
    )


def test_a_policy_compared_with_itself_says_the_same(client_as: ClientAs) -> None:
    """And two days tell apart what one document says of each."""
    client = client_as(Role.AUDITOR)
    same = {"old": f"policy:{_NEW}", "new": f"policy:{_NEW}"}

    assert "They say the same." in client.get("/policies/compare", same).content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"old": "policy:none", "new": f"policy:{_NEW}"}, "Select a valid", id="none"),
        pytest.param({"old": f"policy:{_NEW}"}, "This field is required", id="one"),
        pytest.param(
            {"old": f"policy:{_NEW}", "new": f"policy:{_NEW}", "old_day": "soon"},
            "Enter a valid date",
            id="no-day",
        ),
    ],
)
def test_a_comparison_of_what_is_none_says_so(
    client_as: ClientAs, asked: dict[str, str], said: str
) -> None:
    """Beside the field it is about."""
    answer = client_as(Role.AUDITOR).get("/policies/compare", asked)

    assert 200 == answer.status_code
    assert said in answer.content.decode()


def test_who_may_read_policies(client_as: ClientAs) -> None:
    """A clearing officer too, who drafts and tries nothing there."""
    client = client_as(Role.CLEARING)
    paths = ("/policies/", f"/policies/named/{_INPATIENT}/", "/policies/drafts/new")

    assert [200, 200, 403] == [client.get(path).status_code for path in paths]
    answer = client_as(Role.AUDITOR).get("/policies/named/beijing-employe-inpatient/")
    assert 400 <= answer.status_code < 500
    assert "beijing-employee-inpatient" in answer.content.decode()


@pytest.mark.slow
def test_the_comparison_is_drawn(window: Window) -> None:
    """A line for each group, beside the tables."""
    page = window.open(f"/policies/compare?old=policy:{_OLD}&new=policy:{_NEW}")
    page.wait_for_selector(".figure .scatterlayer .trace")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/policies/")
    page.keyboard.press("/")

    assert "q" == page.evaluate("document.activeElement.name")
