"""Try a claim: by form or JSON, by the rules in force or a draft, with nothing recorded."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from medsettle import limits
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.cli.commands import ROOT, RULES
from tests.console.conftest import AREA, Day, Window

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_ITEM = "009902000001000990200000100"
_STAY = {
    "request_id": "TRIAL",
    "person": "NOBODY",
    "institution": "H11000000001",
    "pooling_area": AREA,
    "insurance_type": "310",
    "visit_type": "21",
    "person_type": "1101",
    "institution_level": "02",
    "birth_date": "1980-05-06",
    "admission_date": "2026-03-01",
    "service_date": "2026-03-09",
    "account_used": "on",
}
"""An employee's first stay of the year, at a hospital of the third level."""


def _form(*lines: dict[str, str], **changed: str) -> dict[str, str]:
    """Return the fields of a form with some lines."""
    fields = {"lines-TOTAL_FORMS": str(len(lines)), "lines-INITIAL_FORMS": "0"}
    for number, line in enumerate(lines):
        fields |= {f"lines-{number}-{name}": text for name, text in line.items()}
    return {**_STAY, **fields, **changed}


def _line(amount: str = "10000", **others: str) -> dict[str, str]:
    return {"item_code": _ITEM, "amount_fen": amount, **others}


def _json(*lines: dict[str, Any], **changed: object) -> str:
    claim = {**_STAY, "account_used": True, "lines": list(lines), **changed}
    return json.dumps(claim)


def _cards(content: str) -> list[str]:
    return re.findall(r'<p class="value">([^<]*)</p>', content)


@pytest.fixture
def draft(client_as: ClientAs, day: Day) -> Iterator[str]:
    """Keep a draft of a lower deductible, and return its name."""
    text = (RULES / AREA / "employee-inpatient.yaml").read_text(encoding="utf-8")
    document = text.replace("1300元", "1000元")
    answer = client_as(Role.POLICY_OFFICER).post("/policies/drafts/new", {"document": document})
    yield answer.headers["location"].split("/")[3]
    shutil.rmtree(day.data / "console" / "drafts")


def test_a_form_is_settled_with_its_explanation(client_as: ClientAs) -> None:
    """Of 10,000.00 the deductible of 1,300.00 stays; of 8,700.00 the pooled fund pays 85 %."""
    answer = client_as(Role.INSTITUTION, "H11000000001").post("/trial/", _form(_line(), {}))
    content = answer.content.decode()

    assert 200 == answer.status_code
    assert ["10,000.00", "7,395.00", "0.00", "2,605.00"] == _cards(content)
    assert "data-figure" in content
    assert "8,700.00 at 85%" in content
    assert "beijing-employee-inpatient" in content


def test_nothing_is_recorded(client_as: ClientAs, looking: Holdings) -> None:
    """Neither a settlement nor a counter of the person, nor the request id."""
    client_as(Role.ACTUARY).post("/trial/", _form(_line()))
    with looking.engine() as engine:
        state = engine.person(AREA, "NOBODY")
        request = engine.find_request("H11000000001", "TRIAL")

    assert (0, ()) == (state.account_fen, state.counters)
    assert "unknown" == request.status


def test_json_is_settled_and_fills_the_form(client_as: ClientAs) -> None:
    """Pasted, or as a file, which goes before the text."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - set up first

    client = client_as(Role.ACTUARY)
    line = {
        "line_id": "1",
        "item_code": _ITEM,
        "fee_date": "2026-03-02",
        "quantity_e4": 20_000,
        "unit_price_e6": 5_000_000_000,
        "amount_fen": 1_000_000,
    }
    pasted = client.post("/trial/", {"do": "read", "json": _json(line)}).content.decode()
    file = SimpleUploadedFile(
        "claim.json",
        _json(line | {"unit_price_e6": 10_000_000_000, "amount_fen": 2_000_000}).encode(),
    )
    said = {"do": "read", "json": "{}", "file": file}
    sent = client.post("/trial/", said).content.decode()

    assert ["10,000.00", "7,395.00", "0.00", "2,605.00"] == _cards(pasted)
    for name, value in {
        "quantity_e4": "2",
        "unit_price_e6": "5000",
        "amount_fen": "10000.00",
    }.items():
        assert re.search(rf'name="lines-0-{name}" value="{value}"', pasted)
    # 18,700.00 at 85 %.
    assert ["20,000.00", "15,895.00", "0.00", "4,105.00"] == _cards(sent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "Paste a claim as JSON", id="nothing"),
        pytest.param("{", "is no JSON in line 1", id="no-json"),
        pytest.param(
            '{"person": "A", "person": "B"}', "gives &quot;person&quot; twice", id="twice"
        ),
        pytest.param("[]", "A claim is an object", id="none"),
        pytest.param("[3]", "A claim is an object", id="a-number"),
        pytest.param("[" * 2000 + "]" * 2000, "is no JSON in line 1", id="deep"),
    ],
)
def test_what_is_no_claim_is_refused(client_as: ClientAs, text: str, said: str) -> None:
    """With what to do, and with the text as it was."""
    answer = client_as(Role.ACTUARY).post("/trial/", {"do": "read", "json": text})

    content = answer.content.decode()
    top, _, form = content.partition('id="claim"')
    assert 400 == answer.status_code
    # At the top of a long page, with the way to where it is mended, and there.
    assert said in top.partition('<a href="#json">')[2]
    assert said in form.partition('id="json-fault">')[2]
    assert 'aria-invalid="true" aria-describedby="json-fault"' in form


def test_every_fault_of_a_claim_stands_beside_its_field(client_as: ClientAs) -> None:
    """Those of the faulty claim of the fixtures, and none is kept back for the next time."""
    bad = (ROOT / "fixtures" / "bad-claim.json").read_text(encoding="utf-8")
    answer = client_as(Role.ACTUARY).post("/trial/", {"do": "read", "json": bad})
    content = answer.content.decode()
    form = content.partition('id="claim"')[2]

    assert 400 == answer.status_code
    for name in ("visit_type", "admission_date", "lines-0-amount_fen"):
        beside = form.partition(f'name="{name}"')[2]
        assert (
            'class="errorlist"'
            in beside[: beside.index("</div>" if "lines" not in name else "</td>")]
        )
    assert "INVALID_REQUEST" in content
    assert '<option value="77" selected>77</option>' in form


@pytest.mark.parametrize(
    ("which", "bill"),
    [
        pytest.param("0", [], id="none"),
        pytest.param("1", ["100.00"], id="first"),
        pytest.param("2", ["200.00"], id="last"),
        pytest.param("3", [], id="one-too-many"),
        pytest.param("²", [], id="no-number"),
    ],
)
def test_one_of_several_claims_is_tried(client_as: ClientAs, which: str, bill: list[str]) -> None:
    """The one of a number; where there is none of that number, the numbers are told."""
    line = {"line_id": "1", "item_code": _ITEM, "fee_date": "2026-03-02", "quantity_e4": 10_000}
    claims = [
        _json(line | {"amount_fen": fen, "unit_price_e6": fen * 10_000}) for fen in (10_000, 20_000)
    ]
    given = {"do": "read", "json": f"[{', '.join(claims)}]", "which": which}
    content = client_as(Role.ACTUARY).post("/trial/", given).content.decode()

    assert bill == _cards(content)[:1]
    assert bool(bill) != ("It holds 2 claims; say which one is tried, from 1 to 2" in content)


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_text_has_a_size(client_as: ClientAs, beyond: int) -> None:
    """The largest is read, white space and all; one byte more is not."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - set up first

    text = _json().encode()
    text += b" " * (limits.DOCUMENT_BYTES_MAX - len(text) + beyond)
    given = {"do": "read", "file": SimpleUploadedFile("c.json", text)}
    content = client_as(Role.ACTUARY).post("/trial/", given).content.decode()

    assert bool(beyond) == ("It has more than 1,048,576 bytes" in content)
    assert bool(beyond) != ("INVALID_REQUEST" in content)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(_line("abc"), "abc is no amount; write yuan", id="no-amount"),
        pytest.param(_line("1.005"), "1.005 is no amount; write yuan", id="part-of-a-fen"),
        pytest.param(_line("NaN"), "NaN is no amount", id="not-a-number"),
        pytest.param(_line("1,5"), "1,5 is no amount", id="a-decimal-comma"),
        pytest.param(_line("12,34"), "12,34 is no amount", id="no-group-of-three"),
        pytest.param(_line(quantity_e4="x"), "x is no number here", id="no-quantity"),
        pytest.param(_line(fee_date="2026-02-01"), "lies outside the visit", id="another-day"),
        pytest.param({"item_code": _ITEM}, "missing; it is required", id="no-amount-at-all"),
    ],
)
def test_a_line_is_told_what_is_wrong_with_it(
    client_as: ClientAs, line: dict[str, str], said: str
) -> None:
    """In the row it stands in, after an empty one that is left out."""
    answer = client_as(Role.ACTUARY).post("/trial/", _form({}, line))
    rows = answer.content.decode().partition('data-rows="lines"')[2].split("<tr>")

    assert 400 == answer.status_code
    _head, first, second = rows[1:4]
    assert "errorlist" not in first
    assert re.search(said, second)


def test_more_lines_without_a_script(client_as: ClientAs) -> None:
    """What was filled in stays; a form has so many lines and no more."""
    client = client_as(Role.ACTUARY)
    most = limits.CONSOLE_FORM_LINES_MAX
    more = client.post("/trial/", _form(_line("12.50")) | {"do": "more"}).content.decode()
    full = _form(*[_line("1")] * most)
    still = client.post("/trial/", full | {"do": "more"}).content.decode()

    assert 'name="lines-0-amount_fen" value="12.50"' in more
    assert 4 == more.count('name="lines-') // 10
    assert f'name="lines-{most - 1}-amount_fen"' in still
    assert f'name="lines-{most}-amount_fen"' not in still


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_claim_of_many_lines_is_tried_as_json(client_as: ClientAs, beyond: int) -> None:
    """One line more than the form has rows: it is settled all the same, and changed as JSON."""
    count = limits.CONSOLE_FORM_LINES_MAX + beyond
    line = {
        "item_code": _ITEM,
        "fee_date": "2026-03-02",
        "quantity_e4": 10_000,
        "unit_price_e6": 100_000_000,
        "amount_fen": 10_000,
    }
    lines = [line | {"line_id": str(number)} for number in range(count)]
    answer = client_as(Role.ACTUARY).post("/trial/", {"do": "read", "json": _json(*lines)})
    content = answer.content.decode()

    assert f"{count * 100:,}.00" == _cards(content)[0]
    assert bool(beyond) == ("more lines than the 60" in content)
    assert bool(beyond) != ('data-rows="lines"' in content)


def test_a_claim_beside_a_draft(client_as: ClientAs, draft: str) -> None:
    """A deductible of 1,000.00: the fund pays 85 % of 300.00 more, which is 255.00."""
    asked = _form(_line(), against=f"draft:{draft}")
    content = client_as(Role.ACTUARY).post("/trial/", asked).content.decode()
    text = re.sub(r"<[^>]+>", "|", content)
    other = _form(_line(), rules=f"draft:{draft}")
    alone = client_as(Role.ACTUARY).post("/trial/", other).content.decode()

    assert re.search(r"pooled fund\|+7,395.00\|+7,650.00\|+\+255.00", text)
    assert re.search(r"cash\|+2,605.00\|+2,350.00\|+-255.00", text)
    assert ["10,000.00", "7,650.00", "0.00", "2,350.00"] == _cards(alone)
    assert "/tmp" not in alone


def test_a_hospital_tries_no_draft_and_no_other_hospital(client_as: ClientAs, draft: str) -> None:
    """That a draft exists is no answer to give."""
    client = client_as(Role.INSTITUTION, "H11000000009")
    other = client.post("/trial/", _form(_line()))
    own = _form(_line(), institution="H11000000009")
    drafted = client.post("/trial/", own | {"rules": f"draft:{draft}"})

    assert "you try claims of your own institution, H11000000009" in other.content.decode()
    assert [] == _cards(other.content.decode())
    assert draft not in client.get("/trial/").content.decode()
    assert "Select a valid choice" in drafted.content.decode()
    assert ["10,000.00", "7,395.00", "0.00", "2,605.00"] == _cards(
        client.post("/trial/", own).content.decode()
    )


def test_the_rules_as_they_had_been_published(client_as: ClientAs) -> None:
    """Before the first document was published there is nothing to settle by, which is said."""
    client = client_as(Role.ACTUARY)
    now = client.post("/trial/", _form(_line(), known_on="2026-03-09")).content.decode()
    never = client.post("/trial/", _form(_line(), known_on="1990-01-01"))
    no_day = client.post("/trial/", _form(_line(), known_on="then"))

    assert ["10,000.00", "7,395.00", "0.00", "2,605.00"] == _cards(now)
    assert "as published by 2026-03-09" in now
    assert [] == _cards(never.content.decode())
    assert "Enter a valid date" in no_day.content.decode()


def test_an_example_fills_the_form(client_as: ClientAs) -> None:
    """Chosen from those of a policy; one that is none says so."""
    client = client_as(Role.ACTUARY)
    asked = {"policy": "beijing-employee-inpatient"}
    offered = client.get("/trial/", asked).content.decode()
    filled = client.get("/trial/", asked | {"example": "two-stays", "visit": "2"}).content.decode()

    assert "example=WC-001&amp;visit=1" in offered
    assert "Filled in from the example two-stays" in filled
    assert 'name="person" value="EXAMPLE"' in filled
    wrong = [{"example": "none"}, {"example": "two-stays", "visit": "3"}]
    wrong += [{"example": "two-stays", "visit": "²"}]
    assert [404] * 3 == [client.get("/trial/", asked | each).status_code for each in wrong]
    assert 400 == client.get("/trial/", {"policy": "none", "example": "x"}).status_code


def test_a_recorded_claim_is_tried_again(client_as: ClientAs, day: Day) -> None:
    """Its form has what was sent; who may not see the settlement does not fill a form with it."""
    settlement = day.settled[3].columns
    client = client_as(Role.INSTITUTION, str(settlement["institution"]))
    there = f"/settlements/{settlement['settlement']}"
    link = f"/trial/?settlement={settlement['settlement']}"
    content = client.get(link).content.decode()
    other = client_as(Role.INSTITUTION, "H99999999999").get(link)

    assert link in client.get(there).content.decode()
    assert f'name="person" value="{settlement["person"]}"' in content
    assert f"Filled in from settlement {settlement['settlement']}" in content
    assert 404 == other.status_code
    assert str(settlement["person"]) not in other.content.decode()


def test_who_may_try(client_as: ClientAs) -> None:
    """An auditor and a clearing officer look at what was settled."""
    answers = [client_as(role).get("/trial/") for role in (Role.AUDITOR, Role.CLEARING)]

    assert [403, 403] == [answer.status_code for answer in answers]


@pytest.mark.slow
def test_rows_are_added_and_a_claim_is_tried_in_the_browser(window: Window) -> None:
    """A row more is empty and numbered; the picture is drawn; the enter key tries the claim."""
    page = window.open("/trial/?policy=beijing-employee-inpatient&example=DC-001&visit=1")
    rows = page.locator("table.lines tbody tr")
    before = rows.count()
    page.click("button[value=more]")
    page.wait_for_function(f"document.activeElement.name === 'lines-{before}-item_code'")
    page.keyboard.press("Enter")
    page.wait_for_selector(".figure .sankey-node")

    assert "" == page.evaluate(
        f"document.getElementsByName('lines-{before - 1}-item_code')[0].value"
    )
    assert page.locator("ul.cards .value").count() >= 4


@pytest.mark.slow
def test_a_file_of_a_claim_is_tried(window: Window, tmp_path: Path) -> None:
    """Chosen in the browser; it is settled and fills the form."""
    line = {
        "line_id": "1",
        "item_code": _ITEM,
        "fee_date": "2026-03-02",
        "quantity_e4": 10_000,
        "unit_price_e6": 10_000_000_000,
        "amount_fen": 1_000_000,
    }
    file = tmp_path / "claim.json"
    file.write_text(_json(line), encoding="utf-8")
    page = window.open("/trial/")
    page.click("summary:has-text('As JSON')")
    page.set_input_files("#file", file)
    page.click("button[value=read]")
    page.wait_for_selector(".figure .sankey-node")

    assert "7,395.00" in page.inner_text("ul.cards")
    assert "10000.00" == page.input_value("[name=lines-0-amount_fen]")
