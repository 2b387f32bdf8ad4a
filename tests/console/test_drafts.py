"""Drafts of rule documents: checked as they are written, kept, tested, compared, discarded."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.console.draft_reading import Papers, read_papers
from medsettle.console.drafts import Drafts
from medsettle.errors import NotFound, Precondition
from medsettle.identity.roles import Role

from tests.cli.commands import ROOT, RULES
from tests.console.conftest import AREA, Day, Window, rules_of

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_POLICY = "beijing-employee-inpatient"
_TEXT = (RULES / AREA / "employee-inpatient.yaml").read_text(encoding="utf-8")
_LOWER = _TEXT.replace("1300元", "1000元")
_REFORM = (ROOT / "fixtures/policies/overlays/outpatient-2027.yaml").read_bytes()
_NEW = "/policies/drafts/new"


@pytest.fixture(autouse=True)
def _no_drafts(day: Day) -> Iterator[None]:
    yield
    shutil.rmtree(day.data / "console" / "drafts", ignore_errors=True)


def _kept(client: "Client", **given: object) -> str:
    """Hand a draft in, and return its name."""
    answer = client.post(_NEW, {"document": _LOWER, "purpose": "a lower deductible"} | given)
    assert 302 == answer.status_code, re.sub(r"<[^>]+>", " ", answer.content.decode())
    return answer.headers["location"].split("/")[3]


def _faults(content: str) -> list[tuple[str, str]]:
    """Return what is wrong, each with its line and column."""
    found = content.partition('<ol class="faults">')[2].partition("</ol>")[0]
    rows = [re.sub(r"<[^>]+>", "", each).split("\n")[0] for each in found.split("<li>")[1:]]
    places = re.findall(r">(\d+:\d+)</a>", found)
    return list(zip(places, rows, strict=True))


def test_the_document_has_what_the_tests_change() -> None:
    """Or else they would hand in what is in force."""
    assert _TEXT != _LOWER


def test_a_faultless_draft_is_kept(client_as: ClientAs, day: Day) -> None:
    """Under a name of ours, with who and when; nothing of it comes into force."""
    client = client_as(Role.POLICY_OFFICER, name="Officer")
    name = _kept(client)
    listed = client.get("/policies/drafts/").content.decode()
    shown = client.get(f"/policies/drafts/{name}/").content.decode()

    assert re.fullmatch(r"\d{8}-[0-9a-f]{8}", name)
    assert ("Officer" in listed, name in listed, "a lower deductible" in listed) == (True,) * 3
    assert "not in force" in shown
    assert '<td class="number">1,000.00</td>' in shown
    assert "medsettle policy check rules" in shown
    assert "1,300.00" in client.get(f"/policies/named/{_POLICY}/").content.decode()
    assert str(day.data) not in shown


def test_a_draft_is_kept_once(client_as: ClientAs, day: Day) -> None:
    """The same form sent twice leads to one draft; mended or from a new page it is another."""
    client = client_as(Role.POLICY_OFFICER)
    tokens = [
        re.findall(r'name="once" value="([0-9a-f]+)"', client.get(_NEW).content.decode())[0]
        for _ in range(2)
    ]
    first = _kept(client, once=tokens[0])
    assert first == _kept(client, once=tokens[0])
    others = {
        _kept(client, once=tokens[0], purpose="mended"),
        _kept(client, once=tokens[1]),
    }
    assert 3 == len(others | {first})
    assert 3 == len(list((day.data / "console" / "drafts").iterdir()))


def test_all_faults_are_told_with_line_column_and_remedy(client_as: ClientAs) -> None:
    """Nothing is kept, and what was written stands there to be mended."""
    client = client_as(Role.POLICY_OFFICER)
    lines = _LOWER.splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if line.strip().startswith("rounding:")]
    broken = _LOWER.replace("rounding:", "roundng:")
    answer = client.post(_NEW, {"document": broken.replace("\n", "\r\n")})
    content = answer.content.decode()

    assert 400 == answer.status_code
    assert [f"{number}:5" for number in wrong] == [place for place, _said in _faults(content)]
    assert content.count("did you mean &#x27;rounding&#x27;?") == len(wrong)
    assert "roundng: " in content
    assert "There are no drafts" in client.get("/policies/drafts/").content.decode()


def test_it_is_checked_while_it_is_written(client_as: ClientAs) -> None:
    """By the same words; that is no act of a person, and is not written down."""
    from medsettle.console.models import Access  # noqa: PLC0415 - Django is set up by the fixture

    client = client_as(Role.POLICY_OFFICER)
    by_script = {"X-Requested-With": "fetch"}
    good = client.post(
        "/policies/drafts/check", {"document": _LOWER}, headers=by_script
    ).content.decode()
    bad = client.post(
        "/policies/drafts/check", {"document": "format: 2"}, headers=by_script
    ).content.decode()
    empty = client.post(
        "/policies/drafts/check", {"document": " "}, headers=by_script
    ).content.decode()

    assert ("No faults." in good, _POLICY in good, "7 examples" in good) == (True, True, True)
    assert "fault" in bad
    assert "Write a document here" in empty
    assert 0 == Access.objects.count()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(b"\xff\xfe", "not UTF-8", id="no-text"),
        pytest.param(b"- a\n- b\n", "expected `key: value` lines", id="no-map"),
        pytest.param(b"format: 1\npolicy: x\n", "no pooling area", id="no-area"),
        pytest.param(
            b"pooling_area: ../../etc\n", "no pooling area &#x27;../../etc&#x27;", id="up"
        ),
        pytest.param(b"overlay: x\nchanges: nobody\n", "no policy is called", id="no-policy"),
        pytest.param(b"overlay: x\n", "say with `changes`", id="changes-nothing"),
    ],
)
def test_what_is_no_document_is_refused(client_as: ClientAs, document: bytes, said: str) -> None:
    """As a file, with what to do."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - as above

    file = SimpleUploadedFile("../../rules/x.yaml", document)
    answer = client_as(Role.POLICY_OFFICER).post(_NEW, {"document_file": file})

    assert 400 == answer.status_code
    assert said in answer.content.decode()


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_document_has_a_size(client_as: ClientAs, beyond: int) -> None:
    """The largest is read; one byte more is refused without being read."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - as above

    content = _LOWER.encode()
    content += b"#" * (limits.DOCUMENT_BYTES_MAX - len(content) + beyond)
    answer = client_as(Role.POLICY_OFFICER).post(
        _NEW, {"document_file": SimpleUploadedFile("x.yaml", content)}
    )

    assert (302, 400)[beyond] == answer.status_code
    if beyond:
        assert "The file has 1,048,577 bytes, and may have 1,048,576." in answer.content.decode()


@pytest.mark.parametrize("beyond", [0, 1])
def test_what_a_draft_is_for_has_a_length(client_as: ClientAs, beyond: int) -> None:
    """So many characters, and not one more; the document stands there still."""
    purpose = "目" * (limits.CONSOLE_PURPOSE_CHARS_MAX + beyond)
    given = {"document": _LOWER, "purpose": purpose}
    answer = client_as(Role.POLICY_OFFICER).post(_NEW, given)

    assert (302, 400)[beyond] == answer.status_code
    if beyond:
        assert "at most 300 characters" in answer.content.decode()
        assert "first: 1000元" in answer.content.decode()


def test_examples_of_the_draft_are_settled_by_it(client_as: ClientAs) -> None:
    """Those that the area has: where the deductible is met, they come out otherwise now."""
    client = client_as(Role.POLICY_OFFICER)
    name = _kept(client)
    answer = client.post(f"/policies/drafts/{name}/test", follow=True).content.decode()

    assert "deductible should be 1,300.00元, found 1,000.00元" in answer
    assert answer.count(">fails<") + answer.count(">comes out<") == 7
    assert "/tmp" not in answer


def test_examples_that_are_handed_in_are_those_of_the_draft(client_as: ClientAs) -> None:
    """They are checked with it, and examples of another policy are refused."""
    client = client_as(Role.POLICY_OFFICER)
    examples = (RULES / AREA / "employee-inpatient.examples.yaml").read_text(encoding="utf-8")
    one = examples.replace("1300元", "1000元")
    name = _kept(client, examples=one)
    others = examples.replace(f"policy: {_POLICY}", "policy: beijing-resident-inpatient")
    refused = client.post(_NEW, {"document": _LOWER, "examples": others})

    assert "7" in client.get(f"/policies/drafts/{name}/").content.decode()
    assert 400 == refused.status_code
    assert "the draft has no policy" in refused.content.decode()


def test_a_catalogue_takes_the_place_of_the_area_s(client_as: ClientAs) -> None:
    """A faulty one is told as one; a good one belongs to the draft alone."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - as above

    client = client_as(Role.POLICY_OFFICER)
    good = (RULES / AREA / "catalogue.csv").read_bytes()
    bad = SimpleUploadedFile("c.csv", b"item_code\nx\n")
    refused = client.post(_NEW, {"document": _LOWER, "catalogue_file": bad})
    name = _kept(client, catalogue_file=SimpleUploadedFile("c.csv", good))

    assert 400 == refused.status_code
    assert "catalogue.csv:" in refused.content.decode()
    assert "Choose the catalogue once more" in refused.content.decode()
    assert "its own" in client.get(f"/policies/drafts/{name}/").content.decode()


def test_a_reform_is_a_draft_too(client_as: ClientAs) -> None:
    """Its policy is the reformed one, from the first day of the reform."""
    client = client_as(Role.POLICY_OFFICER)
    name = _kept(client, document=_REFORM.decode())
    shown = client.get(f"/policies/drafts/{name}/").content.decode()
    asked = {"old": "policy:beijing-employee-outpatient", "new": f"draft:{name}"}
    compared = client.get("/policies/compare", asked).content.decode()

    assert "门诊待遇调整 (虚构)" in shown
    assert "2027-01-01" in shown
    assert '1,800.00</td><td class="long differs">1,500.00' in compared


def test_a_draft_in_the_place_of_another_name(client_as: ClientAs) -> None:
    """Two policies of the same visits at one time conflict, unless one takes the other's place."""
    client = client_as(Role.POLICY_OFFICER)
    renamed = _LOWER.replace(f"policy: {_POLICY}", "policy: beijing-inpatient-next")
    beside = client.post(_NEW, {"document": renamed})
    name = _kept(client, document=renamed, instead_of=_POLICY)

    assert 400 == beside.status_code
    assert "110000/draft.yaml decides the same claims" in beside.content.decode()
    assert "beijing-inpatient-next" in client.get(f"/policies/drafts/{name}/").content.decode()


def test_a_reform_takes_the_place_of_no_policy(client_as: ClientAs) -> None:
    """It changes the one that it names."""
    given = {"document": _REFORM.decode(), "instead_of": _POLICY}
    answer = client_as(Role.POLICY_OFFICER).post(_NEW, given)

    assert 400 == answer.status_code
    assert "takes the place of none" in answer.content.decode()


def test_a_draft_begins_with_a_policy_or_another_draft(client_as: ClientAs) -> None:
    """Written as it is, so that what is handed in again has the same revision."""
    client = client_as(Role.POLICY_OFFICER)
    begun = client.get(_NEW, {"policy": _POLICY}).content.decode()
    name = _kept(client)
    again = client.get(_NEW, {"draft": name}).content.decode()
    file = client.get(f"/policies/drafts/{name}/source?file")

    assert "first: 1300元" in begun
    assert "first: 1000元" in again
    assert _LOWER.encode() == file.content
    assert f'attachment; filename="draft-{name}.yaml"' == file.headers["content-disposition"]


def test_discarding(client_as: ClientAs) -> None:
    """It is gone for everybody, at once; what is no name of a draft never was one."""
    client = client_as(Role.POLICY_OFFICER)
    name = _kept(client)
    answer = client.post(f"/policies/drafts/{name}/discard", follow=True)

    assert f"Draft {name} is discarded." in answer.content.decode()
    assert 404 == client.get(f"/policies/drafts/{name}/").status_code
    assert 404 == client.post(f"/policies/drafts/{name}/discard").status_code
    assert 404 == client.get("/policies/drafts/..%2F..%2Fledger/").status_code


def test_who_may_draft_and_who_sees_drafts(client_as: ClientAs) -> None:
    """An actuary reads and tests them; hospitals hear of rules when they are published."""
    name = _kept(client_as(Role.POLICY_OFFICER))
    actuary, hospital = client_as(Role.ACTUARY), client_as(Role.INSTITUTION, "H11000000001")
    there = f"/policies/drafts/{name}/"

    assert 200 == actuary.get(there).status_code
    assert [403, 403, 403] == [
        actuary.post(path).status_code
        for path in (_NEW, f"{there}discard", "/policies/drafts/none/discard")
    ]
    assert [404, 404, 404] == [
        hospital.get(path).status_code for path in (there, "/policies/drafts/", f"{there}source")
    ]
    assert name not in hospital.get("/policies/compare").content.decode()
    asked = {"old": f"policy:{_POLICY}", "new": f"draft:{name}"}
    assert "Select a valid choice" in hospital.get("/policies/compare", asked).content.decode()


def test_so_many_drafts_are_kept(day: Day, tmp_path: Path) -> None:
    """One more is refused until one is discarded."""
    from datetime import UTC, datetime  # noqa: PLC0415

    papers = Papers(_LOWER.encode())
    reading = read_papers(papers, day.rules, rules_of(day))
    drafts = Drafts(tmp_path)
    moment: datetime = datetime(2026, 3, 10, tzinfo=UTC)

    def keep() -> str:
        return drafts.keep(papers, reading, by="A", when=moment, purpose="")

    first = keep()
    # What is kept is a folder with a file that says of whom: the others are copies of the first.
    folder = tmp_path / "drafts"
    for number in range(limits.CONSOLE_DRAFTS_MAX - 2):
        shutil.copytree(folder / first, folder / f"20260309-{number:08x}")
    last = keep()

    assert limits.CONSOLE_DRAFTS_MAX == len(drafts.listed())
    with pytest.raises(Precondition, match="200 drafts are kept; discard some of them first"):
        keep()
    drafts.discard(last)
    assert keep() in {each.name for each in drafts.listed()}
    with pytest.raises(NotFound, match="there is no draft"):
        drafts.find(last)


@pytest.mark.slow
def test_faults_appear_as_one_types_and_lead_to_their_line(window: Window) -> None:
    """The place of a fault is a link into the text; a mended text is said to be faultless."""
    page = window.open(f"{_NEW}?policy={_POLICY}")
    page.fill("#id_document", _TEXT.replace("in_force:", "in_forse:"))
    page.wait_for_selector("#said .faults a")
    page.click("#said .faults a >> nth=0")
    line = page.evaluate(
        "(() => { const f = document.activeElement;"
        " return f.value.slice(0, f.selectionStart).split('\\n').length; })()"
    )
    page.fill("#id_document", _LOWER)
    page.wait_for_selector("#said .good")
    page.click("text=Check and keep")
    page.wait_for_url("**/drafts/2*/")

    assert line in {
        number
        for number, text in enumerate(_TEXT.splitlines(), 1)
        if text.startswith(("in_force:", "policy:", "#", "format:"))
    }
    assert page.locator("text=not in force").count() == 1


@pytest.mark.slow
def test_a_file_is_checked_when_it_is_chosen(window: Window, tmp_path: Path) -> None:
    """And goes before the text; when it is refused it stands in the page to be mended."""
    file = tmp_path / "employee.yaml"
    file.write_text(_LOWER.replace("visit_types: [21", "visit_types: [77"), encoding="utf-8")
    page = window.open(_NEW)
    page.set_input_files("#id_document_file", file)
    page.wait_for_selector("#said .faults")
    page.click("text=Check and keep")
    page.wait_for_function("document.getElementById('id_document').value.includes('[77')")
    # Chromium complains of every answer that refuses.
    complaints = [each for each in window.complaints if "400" not in each]
    window.complaints[:] = complaints

    assert "visit_types" in page.inner_text("#said")
