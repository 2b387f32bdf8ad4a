"""Replays: what is asked before one begins, what is refused, and what is read of it after."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from medsettle import limits
from medsettle.console.draft_reading import Papers, read_papers
from medsettle.console.drafts import drafts_in
from medsettle.console.jobs import Job, Jobs, Kind, State
from medsettle.console.replaying import entry_at_end_of
from medsettle.errors import Precondition
from medsettle.identity.roles import Role

from tests.cli.commands import ROOT
from tests.console.conftest import AREA, Day, Window, looking_at
from tests.console.waiting import JOB_MILLISECONDS_MAX, ended, until

if TYPE_CHECKING:
    from django.test import Client
    from medsettle.console.place import Holdings

ClientAs = Callable[..., "Client"]
_REFORM = (ROOT / "fixtures" / "replay" / "outpatient-july-2025.yaml").read_text(encoding="utf-8")
_INVENTED: dict[str, Any] = {
    "source": "invented",
    "area": AREA,
    "persons": "60",
    "first_year": "2025",
    "last_year": "2025",
    "seed": "7",
    "text": _REFORM,
}


@pytest.fixture
def own(day: Day, client_as: ClientAs, tmp_path: Path) -> "Iterator[tuple[Client, Holdings]]":
    """Return an actuary before a copy of the day, with no replay begun."""
    data = tmp_path / "data"
    shutil.copytree(day.data, data)
    client = client_as(Role.ACTUARY, name="actuary")
    with looking_at(day.place(data)) as holdings:
        yield client, holdings


def _text(content: bytes) -> str:
    """Return what of a page is read, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content.decode())).split())


def _begun(holdings: "Holdings") -> Job:
    (job,) = Jobs(holdings.place, holdings.clock).listed(Kind.REPLAY)
    return job


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"area": ""}, "Name the area whose population is drawn.", id="no-area"),
        pytest.param({"area": "999999"}, "Select a valid choice", id="no-such-area"),
        pytest.param({"persons": "0"}, "greater than or equal to 1", id="nobody"),
        pytest.param(
            {"persons": str(limits.CONSOLE_PERSONS_DRAWN_MAX + 1)},
            f"less than or equal to {limits.CONSOLE_PERSONS_DRAWN_MAX}",
            id="too-many",
        ),
        pytest.param({"persons": ""}, "Write a number.", id="no-number"),
        pytest.param({"last_year": "2024"}, "not before the first", id="backwards"),
        pytest.param(
            {"first_year": str(2025 - limits.POPULATION_YEARS_MAX)},
            f"they are {limits.POPULATION_YEARS_MAX} years at most",
            id="too-many-years",
        ),
        pytest.param({"text": ""}, "give a reform to compare", id="no-reform"),
        pytest.param({"text": "overlay: x"}, "its faults are listed below", id="no-overlay"),
        pytest.param({"source": "elsewhere"}, "Select a valid choice", id="no-source"),
        pytest.param(
            {"source": "recorded", "until": "2020-01-01"}, "Nothing was recorded until", id="early"
        ),
    ],
)
def test_what_cannot_be_replayed_is_told_beside_its_field(
    own: "tuple[Client, Holdings]", changed: dict[str, str], told: str
) -> None:
    """And nothing is begun; what was written stays in the form."""
    client, holdings = own
    answer = client.post("/replays/new", _INVENTED | changed)

    assert 400 == answer.status_code
    assert told in _text(answer.content)
    assert [] == Jobs(holdings.place, holdings.clock).listed(Kind.REPLAY)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(_REFORM, "outpatient-july-2025 can be replayed from 2025-07-01", id="good"),
        pytest.param(
            _REFORM.replace("1500元", "1500万万"), "line 19:26 set.tables", id="an-amount"
        ),
        pytest.param(
            _REFORM.replace("changes: ", "changes: no-"), "no policy is called", id="no-policy"
        ),
        pytest.param(": :", "line 1:", id="no-yaml"),
        pytest.param("", "", id="nothing-yet"),
    ],
)
def test_a_reform_is_checked_while_it_is_written(
    own: "tuple[Client, Holdings]", text: str, told: str
) -> None:
    """With the place of each fault, or what it changes; the name of no file of ours is told."""
    client, _holdings = own
    answer = client.post("/replays/check", {"text": text})

    assert 200 == answer.status_code
    assert told in _text(answer.content)
    assert "reform-1.yaml" not in answer.content.decode()


def test_a_reform_says_what_it_changes(own: "tuple[Client, Holdings]") -> None:
    """In the words of a comparison of policies, in yuan."""
    client, _holdings = own
    said = _text(client.post("/replays/check", {"text": _REFORM}).content)

    assert "deductible, person active: from 1,800.00 to 1,500.00, as of 2025-07-01" in said


def test_two_reforms_of_one_name_are_refused(own: "tuple[Client, Holdings]") -> None:
    """One is written, the other uploaded; the second one is told to take another name."""
    client, _holdings = own
    other = SimpleUploadedFile("other.yaml", _REFORM.encode())
    said = _text(client.post("/replays/check", {"text": _REFORM, "reforms": [other]}).content)

    assert "other.yaml overlay : another one is called outpatient-july-2025 already" in said


@pytest.mark.parametrize("beyond", [0, 1])
def test_no_more_reforms_are_compared_than_may(own: "tuple[Client, Holdings]", beyond: int) -> None:
    """One more is refused."""
    client, _holdings = own
    files = [
        SimpleUploadedFile(
            f"{number}.yaml",
            _REFORM.replace("overlay: outpatient", f"overlay: n{number}").encode(),
        )
        for number in range(limits.COMPARE_REFORMS_MAX + beyond)
    ]
    said = _text(client.post("/replays/check", {"reforms": files}).content)

    assert bool(beyond) == (f"at most {limits.COMPARE_REFORMS_MAX} reforms" in said)


@pytest.mark.parametrize(
    ("persons", "fits"),
    [(limits.CONSOLE_PERSONS_DRAWN_MAX, True), (limits.CONSOLE_PERSONS_DRAWN_MAX + 1, False)],
)
def test_so_many_persons_are_drawn_and_no_more(
    looking: "Holdings", persons: int, *, fits: bool
) -> None:
    """One more is a fault of the form."""
    from medsettle.console.pages.replay_form import ReplayForm  # noqa: PLC0415 - Django is set up

    form = ReplayForm(_INVENTED | {"persons": str(persons)}, rules=looking.rules())

    assert fits is form.is_valid()


@pytest.mark.parametrize("beyond", [0, 1])
def test_files_of_one_field_are_bounded_together(looking: "Holdings", beyond: int) -> None:
    """One byte more than may be uploaded is refused."""
    from django.forms import ValidationError  # noqa: PLC0415 - Django is set up by the fixture
    from medsettle.console.uploads import ManyFiles  # noqa: PLC0415

    files = [SimpleUploadedFile(f"{number}.yaml", b"x") for number in range(2)]
    files[1].size = limits.CONSOLE_UPLOAD_BYTES_MAX - 1 + beyond
    try:
        taken = len(ManyFiles().clean(files))
    except ValidationError as error:
        assert "larger than 32 MiB together" in str(error)
        taken = 0

    assert (0 if beyond else 2) == taken


def test_what_was_written_is_kept_where_no_job_may_begin(
    own: "tuple[Client, Holdings]", day: Day
) -> None:
    """The form says why, and still has the reform."""
    client, holdings = own
    jobs = Jobs(holdings.place, holdings.clock)
    place = ("--data", str(day.data), "--rules", str(day.rules), "--listen", "127.0.0.1:0")
    running = [
        jobs.begin(Kind.VERIFICATION, "A", {"what": "tables"}, lambda _: [["console", *place]])
        for _ in range(limits.CONSOLE_JOBS_RUNNING_MAX)
    ]
    answer = client.post("/replays/new", _INVENTED)
    for job in running:
        until((job.folder / "process").exists)
        with suppress(Precondition):  # It may have ended by itself.
            jobs.stop(job, "A")
        ended(job)

    assert 400 == answer.status_code
    assert "no more may at once" in _text(answer.content)
    assert "overlay: outpatient-july-2025" in answer.content.decode()


def test_a_replay_is_begun_once(own: "tuple[Client, Holdings]") -> None:
    """The same form sent twice leads to the replay that the first began."""
    client, holdings = own
    page = client.get("/replays/new").content.decode()
    (token,) = re.findall(r'name="once" value="([0-9a-f]+)"', page)
    answers = [client.post("/replays/new", _INVENTED | {"once": token}) for _ in range(2)]
    job = _begun(holdings)
    jobs = Jobs(holdings.place, holdings.clock)
    until((job.folder / "process").exists)
    jobs.stop(job, "A")
    ended(job)
    assert [f"/replays/{job.name}/"] * 2 == [each.headers["location"] for each in answers]
    assert 1 == len(jobs.listed(Kind.REPLAY, None))


def test_the_last_entry_of_a_day_is_found(looking: "Holdings", day: Day) -> None:
    """All of today's are; none of those is found a day before."""
    today = timezone.localdate(day.settled[0].columns["create_time"])  # type: ignore[arg-type]
    last = looking.reader.last_seq()

    assert last == entry_at_end_of(today + timedelta(days=1), looking.reader)
    assert 0 == entry_at_end_of(today - timedelta(days=1), looking.reader)


@pytest.mark.slow
def test_the_baseline_is_proved_by_what_was_recorded(
    own: "tuple[Client, Holdings]", day: Day
) -> None:
    """Every claim of the day comes out as it was recorded; a report needs a reform."""
    client, holdings = own
    answer = client.post("/replays/new", {"source": "recorded", "title": "Proof"})
    job = _begun(holdings)

    assert State.DONE is ended(job), job.faults
    assert f"/replays/{job.name}/" == answer.headers["location"]
    said = _text(client.get(answer.headers["location"]).content)
    assert f"all {len(day.settled)} claims come out fen for fen as they were recorded" in said
    assert 404 == client.get(f"/replays/{job.name}/report").status_code
    assert "Proof done settled here none" in _text(client.get("/replays/").content)


@pytest.mark.slow
def test_a_reform_is_compared_on_an_invented_population(own: "tuple[Client, Holdings]") -> None:
    """The report stands in a box that runs nothing; its tables are there to take away."""
    client, holdings = own
    client.post("/replays/new", _INVENTED)
    job = _begun(holdings)
    assert State.DONE is ended(job), job.faults
    path = f"/replays/{job.name}"
    shown = client.get(f"{path}/")
    report = client.get(f"{path}/report")
    page = b"".join(report.streaming_content)  # type: ignore[attr-defined]
    book = client.get(f"{path}/files/comparison/figures.xlsx")
    content = b"".join(book.streaming_content)  # type: ignore[attr-defined]

    assert "With outpatient-july-2025, funds would have paid" in _text(shown.content)
    assert "<iframe" in shown.content.decode()
    assert report.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
    assert page.startswith(b"<!DOCTYPE html>")
    assert content.startswith(b"PK")
    assert "comparison-figures.xlsx" in book.headers["Content-Disposition"]
    for name in ("../job.json", "..%2Fjob.json", "comparison/none", "/etc/hosts"):
        assert 404 == client.get(f"{path}/files/{name}").status_code
    assert 302 == client.post(f"{path}/delete").status_code
    assert 404 == client.get(f"{path}/").status_code
    assert not job.folder.exists()


def _draft(holdings: "Holdings", document: str) -> str:
    """Keep a draft as the page of drafts does, and return its name."""
    papers = Papers(document.encode())
    place, rules = holdings.place, holdings.rules()
    reading = read_papers(papers, place.rules, rules)
    assert () == reading.violations
    moment = holdings.clock()
    return drafts_in(place.state).keep(papers, reading, by="B", when=moment, purpose="")


@pytest.mark.slow
def test_claims_are_replayed_under_a_draft(own: "tuple[Client, Holdings]") -> None:
    """Beside a draft of a reform; what the draft of a policy settles otherwise is listed."""
    client, holdings = own
    path = holdings.place.rules / AREA / "employee-outpatient.yaml"
    reform = _draft(holdings, _REFORM)
    text = path.read_text(encoding="utf-8").replace("1800元", "1900元").replace("1300元", "1400元")
    policy = _draft(holdings, text)
    form = client.get("/replays/new").content.decode()
    client.post("/replays/new", {"source": "recorded", "rules": policy, "drafts": [reform]})
    job = _begun(holdings)
    state = ended(job)
    shown = client.get(f"/replays/{job.name}/").content

    assert f'<option value="{policy}"' in form
    assert f'type="checkbox" name="drafts" value="{reform}"' in form
    assert State.DONE is state, job.faults
    assert re.search(r"[1-9]\d* of \d+ claims do not come out as they were recorded", _text(shown))
    assert re.search(r'<a class="mono" href="/settlements/[0-9a-f]+">', shown.decode())
    assert "With outpatient-july-2025" in _text(shown)
    assert not holdings.place.rules.joinpath(AREA, "draft.yaml").exists()


def test_only_an_actuary_may_replay(client_as: ClientAs, looking: "Holdings") -> None:
    """Nor is a verification read as a replay, whoever asks; an auditor reads and does nothing."""
    clerk = client_as(Role.CLEARING)
    for path in ("", "new", "x/", "x/report", "x/files/y"):
        assert 403 == clerk.get(f"/replays/{path}").status_code
    assert 403 == clerk.post("/replays/check").status_code
    auditor = client_as(Role.AUDITOR)
    for path in ("check", "new", "x/stop", "x/delete"):
        assert 403 == auditor.post(f"/replays/{path}").status_code
    assert 403 == auditor.get("/replays/new").status_code
    page = auditor.get("/replays/")
    assert (200, False) == (page.status_code, "/replays/new" in page.content.decode())
    name = "20260311T080000000000-verification-00000000"
    assert 404 == client_as(Role.ACTUARY).get(f"/replays/{name}/").status_code


@pytest.mark.slow
def test_a_replay_is_begun_and_followed_in_a_browser(window: Window) -> None:
    """The reform is checked as it is written; the page renews itself until the report stands."""
    page = window.open("/replays/")
    page.keyboard.press("n")
    page.wait_for_url("**/replays/new")
    page.fill("#id_text", "overlay: x")
    page.wait_for_selector("#reforms-read .errorlist")
    page.fill("#id_text", _REFORM)
    page.wait_for_selector("#reforms-read .tag.good")
    page.check("input[value=invented]")
    page.select_option("#id_area", AREA)
    for name, number in (("persons", "60"), ("first_year", "2025"), ("last_year", "2025")):
        page.fill(f"#id_{name}", number)
    page.click("button:text-is('Begin')")
    page.wait_for_selector(".tag.good", timeout=JOB_MILLISECONDS_MAX)
    page.wait_for_selector(".figure .bars")
    frame = page.frame_locator("iframe.report")

    assert "outpatient-july-2025" in frame.locator("header").inner_text()
