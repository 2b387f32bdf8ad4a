"""Runs that are begun on a page: what is asked, how they end, and what is left of them."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import BOOK
from medsettle.console.jobs import Job, Jobs, Kind, State
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.differences import book_row
from tests.console.conftest import Day, Window, looking_at
from tests.console.reconciled import place_of
from tests.console.waiting import JOB_MILLISECONDS_MAX, ended

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Page

ClientAs = Callable[..., "Client"]
BEGIN = "/reconciliation/runs/begin"
_SCHEMA = pa.schema([column.arrow_field() for column in BOOK])
# The funds of S2 are 700 yuan for insurance and 710 for care, which knows nothing of S4.
_INSURED = [book_row(f"S{number}") for number in (1, 2, 3, 4)]
_MORE = {"pooled_fund_fen": 71_000, "fund_total_fen": 71_000}
_LESS = {"person_total_fen": 29_000, "cash_fen": 29_000}
_CARE = [book_row("S1"), book_row("S2", **_MORE, **_LESS), book_row("S3")]


@pytest.fixture
def place(client_as: ClientAs, day: Day, tmp_path: Path) -> Iterator[Holdings]:
    """Let pages look at the day with a clearing folder of its own, in which nothing is yet."""
    with looking_at(place_of(day, tmp_path / "data")) as holdings:
        yield holdings


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), content)
    return content.getvalue()


def _csv(rows: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=_SCHEMA).drop_columns(["record_time"])
    pacsv.write_csv(table, content)
    return content.getvalue()


def _file(name: str, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.name = name
    return file


def _asked(**changes: object) -> dict[str, object]:
    """Return what a form asks for: two books that are uploaded, one as Parquet and one as CSV."""
    return {
        "name": "a-with-b",
        "insured_from": "file",
        "insured_file": _file("C:\\books\\../../insured.PARQUET", _parquet(_INSURED)),
        "care_from": "file",
        "care_file": _file("care.csv", _csv(_CARE)),
        "national_from": "none",
    } | changes


def _begun(client: "Client", holdings: Holdings, asked: dict[str, object]) -> tuple[Job, str]:
    """Begin a run, wait for its end, and return its job with the page of it."""
    answer = client.post(BEGIN, asked)
    assert 302 == answer.status_code, answer.content.decode()
    (job,) = Jobs(holdings.place, holdings.clock).listed(Kind.RECONCILIATION)
    ended(job)
    return job, client.get(answer.headers["location"]).content.decode()


def test_books_that_are_uploaded_are_compared(client_as: ClientAs, place: Holdings) -> None:
    """Two records agree and two differ; of the files nothing is left, nor of their names."""
    client = client_as(Role.CLEARING)
    job, content = _begun(client, place, _asked())
    with ItemStore(place.place.clearing) as store:
        (run,) = store.runs()
    shown = client.get("/reconciliation/runs/1").content.decode()
    headers = {"accept-language": "zh-CN"}
    chinese = client.get("/reconciliation/runs/1", headers=headers).content.decode()

    assert State.FOUND is job.state
    assert "2 records agree, 2 differ" in content
    assert ("a-with-b", 2, [2, 2]) == (
        run.reconciliation,
        run.matched,
        [run.differences, run.opened],
    )
    assert [] == list((job.folder / "given").iterdir())
    assert not list(place.place.data.rglob("*.PARQUET"))
    # Whole books of the pool: 4 times 700 yuan, and 700 + 710 + 700.
    assert '<td class="number">2,800.00</td><td class="number">2,110.00</td>' in shown
    _, note = run.notes
    assert note.startswith("not compared, for the book of care has none: original, ")
    assert f"<li>{note}</li>" in shown
    assert f'<li><span lang="en">{note}</span></li>' in chinese
    # Of the records that differ, 1,400 and 710: as far apart as the whole books.
    assert '<td class="number">1,400.00</td><td class="number">710.00</td>' in shown


def test_the_audit_tables_of_the_ledger_are_a_book(client_as: ClientAs, place: Holdings) -> None:
    """Compared with themselves, care at home too, every record agrees."""
    audited = {"insured_from": "audit", "care_from": "audit", "local": "on"}
    job, content = _begun(client_as(Role.CLEARING), place, _asked(**audited))

    assert State.DONE is job.state
    assert "0 differ" in content


def test_a_book_with_faults_is_told_by_row(client_as: ClientAs, place: Holdings) -> None:
    """With file and row, and no path of this machine; nothing is recorded."""
    wrong = _csv(_CARE).replace(b'"S2"', b'"S2 "').replace(b"71000", b"71000.5")
    job, content = _begun(client_as(Role.CLEARING), place, _asked(care_file=_file("c.csv", wrong)))

    assert State.FAILED is job.state
    assert "care.csv" in content
    assert str(place.place.data) not in content
    assert not (place.place.clearing / "items.db").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"care_from": "none"}, "Choose two or three books: one alone is compared with nothing."),
        ({"care_file": ""}, "Choose the file of this book."),
        ({"care_file": _file("care.xlsx", b"x")}, "No book has a name like this"),
        ({"care_file": _file("care.csv", b"")}, "The submitted file is empty."),
        ({"name": ""}, "This field is required."),
        ({"name": "two words"}, "Printable ASCII characters without spaces."),
        ({"name": "x" * (limits.CODE_CHARS_MAX + 1)}, "has at most"),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "The last day is before the first"),
        ({"first": "yesterday"}, "Enter a valid date."),
        ({"care_from": "/etc/passwd"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_compared_is_told_beside_the_field(
    client_as: ClientAs, place: Holdings, changes: dict[str, object], told: str
) -> None:
    """And nothing is begun."""
    answer = client_as(Role.CLEARING).post(BEGIN, _asked(**changes))

    assert 400 == answer.status_code
    assert told in answer.content.decode()
    assert [] == Jobs(place.place, place.clock).listed(Kind.RECONCILIATION)


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_uploaded_books_have_a_size_together(
    client_as: ClientAs, place: Holdings, more: int, refused: bool
) -> None:
    """As much as may be uploaded, and a byte more."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415 - set up first
    from django.utils.datastructures import MultiValueDict  # noqa: PLC0415
    from medsettle.console.pages.run_form import RunForm  # noqa: PLC0415

    sizes = (limits.CONSOLE_UPLOAD_BYTES_MAX - 10, 10 + more)
    files = {}
    for side, size in zip(("insured", "care"), sizes, strict=True):
        file = SimpleUploadedFile(f"{side}.csv", b"x")
        file.size = size
        files[f"{side}_file"] = [file]
    asked = {"name": "x", "insured_from": "file", "care_from": "file", "national_from": "none"}
    form = RunForm(asked, MultiValueDict(files))

    assert refused is not form.is_valid()
    assert refused is any("larger than 32 MiB" in each for each in form.non_field_errors())


def test_a_name_is_never_an_option_of_the_command(client_as: ClientAs, place: Holdings) -> None:
    """A run may be called like an option and be as long as a code, and is recorded so."""
    name = "--help".ljust(limits.CODE_CHARS_MAX, "x")
    _begun(client_as(Role.CLEARING), place, _asked(name=name))
    with ItemStore(place.place.clearing) as store:
        assert [name] == [run.reconciliation for run in store.runs()]


def test_what_was_begun_is_listed_and_deleted(client_as: ClientAs, place: Holdings) -> None:
    """The run that it recorded stays."""
    client = client_as(Role.CLEARING, name="wu")
    job, _ = _begun(client, place, _asked())
    listed = client.get("/reconciliation/runs/").content.decode()
    client.post(f"/reconciliation/runs/begun/{job.name}/delete")
    gone = client.get(f"/reconciliation/runs/begun/{job.name}")
    state = client.get(f"/reconciliation/runs/begun/{job.name}/state")

    assert f"/reconciliation/runs/begun/{job.name}" in listed
    assert (404, 404) == (gone.status_code, state.status_code)
    assert 200 == client.get("/reconciliation/runs/1").status_code


# --- in a browser ------------------------------------------------------------------------------


def _upload(page: "Page", folder: Path) -> None:
    for side, rows in (("insured", _INSURED), ("care", _CARE)):
        path = folder / f"{side}.parquet"
        path.write_bytes(_parquet(rows))
        page.select_option(f"#id_{side}_from", "file")
        page.set_input_files(f"#id_{side}_file", path)
    page.fill("#id_name", "a-with-b")


@pytest.mark.slow
def test_a_run_is_begun_and_its_differences_assigned_in_a_browser(
    window: Window, tmp_path: Path
) -> None:
    """From two files to the result, which comes by itself; then all are chosen and assigned."""
    page = window.open(BEGIN)
    assert page.is_hidden("#id_insured_file")
    _upload(page, tmp_path)
    page.click("main button:has-text('Compare')")
    page.get_by_text("2 records agree, 2 differ").wait_for(timeout=JOB_MILLISECONDS_MAX)
    page.keyboard.press("d")
    page.wait_for_url("**/differences/")
    page.check("[data-all]")
    page.select_option("#to", "administrator")
    page.click("main button:has-text('Assign')")
    page.get_by_text("2 differences assigned.").wait_for()

    assert 2 == page.locator("tbody td", has_text="administrator").count()


@pytest.mark.slow
def test_a_lost_connection_is_told_while_a_run_is_under_way(window: Window, tmp_path: Path) -> None:
    """The page says so, asks again by itself, and shows the result once it is answered."""
    page = window.open(BEGIN)
    _upload(page, tmp_path)
    page.route("**/runs/begun/*/state", lambda route: route.abort())
    page.click("main button:has-text('Compare')")
    page.locator("#lost").wait_for(state="visible")
    page.unroute("**/runs/begun/*/state")
    page.get_by_text("2 records agree, 2 differ").wait_for(timeout=JOB_MILLISECONDS_MAX)
    complaints = window.complaints.copy()
    window.complaints.clear()

    assert page.locator("#lost").is_hidden()
    assert {"Failed to load resource: net::ERR_FAILED"} == set(complaints)


@pytest.mark.slow
def test_files_that_are_too_large_are_not_sent(window: Window, tmp_path: Path) -> None:
    """The browser tells so before megabytes are on their way."""
    page = window.open(BEGIN)
    _upload(page, tmp_path)
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(limits.CONSOLE_UPLOAD_BYTES_MAX + 1)
    page.set_input_files("#id_care_file", large)
    told = page.eval_on_selector("#id_care_file", "field => field.validationMessage")
    page.click("main button:has-text('Compare')")

    assert told.startswith("The books are larger than 32 MiB together")
    assert page.url.endswith(BEGIN)


@pytest.mark.slow
def test_the_picture_of_ages_is_drawn(window: Window, tmp_path: Path) -> None:
    """A cell for each class and age of what is open."""
    page = window.open(BEGIN)
    _upload(page, tmp_path)
    page.click("main button:has-text('Compare')")
    page.get_by_text("2 records agree, 2 differ").wait_for(timeout=JOB_MILLISECONDS_MAX)
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_selector(".figure .heatmaplayer image, .figure .hm")

    assert page.locator("table tbody tr").count() >= 3
