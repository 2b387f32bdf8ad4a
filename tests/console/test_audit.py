"""Audit: the chain, verification, who looked at what, and queries."""

import csv
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from medsettle import limits
from medsettle.audit import read_segments
from medsettle.audit.sealing import Sealer
from medsettle.clearing.statements.statements import sign_statement
from medsettle.console.jobs import Jobs, Kind, State
from medsettle.identity.roles import Role
from medsettle.signing_keys import fingerprint_of, key_pems, make_key, private_key

from tests.clearing import stating
from tests.console.conftest import PASSWORD, Day, Window, looking_at
from tests.console.waiting import ended

if TYPE_CHECKING:
    from django.test import Client
    from medsettle.console.place import Holdings

ClientAs = Callable[..., "Client"]


def _text(content: bytes) -> str:
    """Return what of a page is read, without its marks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content.decode())).split())


def test_the_head_of_the_chain_can_be_noted(client_as: ClientAs, day: Day) -> None:
    """By the digest of the last segment; a segment is found again by its own, and by no other."""
    client = client_as(Role.AUDITOR)
    segments = read_segments(day.data / "audit")
    said = _text(client.get("/audit/").content)
    found = _text(client.get("/audit/", {"noted": segments[0].digest().upper()}).content)
    other = _text(client.get("/audit/", {"noted": "0" * 64}).content)

    assert segments[-1].digest() in said
    assert "the tables have everything" in said
    assert f"everything up to entry {segments[0].last_seq} is as it was" in found
    assert "No segment has this digest" in other


def test_every_segment_has_its_files(client_as: ClientAs, day: Day) -> None:
    """By the place of its line, and nothing is at another place."""
    client = client_as(Role.AUDITOR)
    segments = read_segments(day.data / "audit")
    listed = client.get("/audit/").content.decode()
    places = [int(place) for place in re.findall(r'href="/audit/segments/(\d+)/"', listed)]
    for segment, place in zip(reversed(segments), places, strict=True):
        shown = client.get(f"/audit/segments/{place}/").content.decode()
        assert [] == [file.sha256 for file in segment.files if file.sha256 not in shown]

    assert 404 == client.get(f"/audit/segments/{places[0] + 1}/").status_code
    assert 404 == client.get(f"/audit/segments/{10**17}/").status_code


def test_what_was_changed_is_named_first(own: "tuple[Client, Holdings]") -> None:
    """A byte of a file is changed: verification names segment and file; before it, all is well."""
    client, holdings = own
    audit = holdings.place.audit
    jobs = Jobs(holdings.place, holdings.clock)

    def verified() -> tuple[State, str]:
        answer = client.post("/audit/verifications/begin/tables", follow=True)
        job = jobs.listed(Kind.VERIFICATION)[0]
        state = ended(job)
        shown = client.get(answer.redirect_chain[-1][0] + "state")
        assert "1" == shown.headers["X-Done"]
        return state, _text(shown.content)

    before = verified()
    segment = read_segments(audit)[0]
    file = audit / segment.files[0].path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    after = verified()

    assert State.DONE is before[0]
    assert (
        f"every file has the digest that was recorded of it. digest of the head {_head(audit)}"
        in before[1]
    )
    assert State.FOUND is after[0]
    assert (
        f"segment {segment.number} (seq 1 to {segment.last_seq}): {segment.files[0].path}"
        in after[1]
    )


def test_signatures_are_held_to_the_key_of_the_log(
    day: Day, client_as: "Callable[..., Client]", tmp_path: Path
) -> None:
    """Signed by it all is well, and its fingerprint stands on the page; another key is told."""
    data = tmp_path / "data"
    shutil.copytree(day.data, data)
    client = client_as(Role.AUDITOR, name="auditor")
    keys = {name: make_key(name, tmp_path) for name in ("log", "other")}
    with Sealer(data / "audit") as sealer:
        while sealer.seal_once():
            pass
        sealer.sign(private_key(keys["log"][0]), "example.cn/audit", date.max, to_the_end=True)
    states = {}
    for name, (_, public, key) in keys.items():
        where = replace(day.place(data), seal_public_key=public)
        with looking_at(where) as holdings:
            client.post("/audit/verifications/begin/tables", follow=True)
            states[name] = ended(Jobs(holdings.place, holdings.clock).listed(Kind.VERIFICATION)[0])
            assert fingerprint_of(key) in _text(client.get("/audit/").content)

    assert {"log": State.DONE, "other": State.FOUND} == states


def _head(audit: Path) -> str:
    return read_segments(audit)[-1].digest()


def test_a_chain_that_was_edited_is_told_on_the_page(own: "tuple[Client, Holdings]") -> None:
    """The page stands all the same, and verification can be begun."""
    client, holdings = own
    manifest = holdings.place.audit / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b'"number":', b'"number": ')
    manifest.write_bytes(b"".join(lines))
    said = _text(client.get("/audit/").content)

    assert "was changed, or does not follow" in said
    assert "Verify the audit tables" in said


def test_tables_that_are_behind_are_told(own: "tuple[Client, Holdings]") -> None:
    """With how many entries of the ledger they lack."""
    client, holdings = own
    manifest = holdings.place.audit / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    segments = read_segments(holdings.place.audit)
    manifest.write_bytes(b"".join(lines[:-1]))
    said = _text(client.get("/audit/").content)

    behind = segments[-1].rows
    assert f"{behind} entries are not in the tables yet" in said


@pytest.mark.slow
def test_the_ledger_is_verified_by_its_rules(own: "tuple[Client, Holdings]", day: Day) -> None:
    """Everything follows from its entries."""
    client, holdings = own
    client.post("/audit/verifications/begin/ledger")
    (job,) = Jobs(holdings.place, holdings.clock).listed(Kind.VERIFICATION)

    assert State.DONE is ended(job)
    last = holdings.reader.last_seq()
    said = _text(client.get(f"/audit/verifications/{job.name}/").content)
    assert f"Everything follows from the {last} entries" in said


def test_a_statement_is_verified_by_its_files(own: "tuple[Client, Holdings]") -> None:
    """What is no file of one is refused, and so are those without what names them all."""
    client, holdings = own
    manifest = SimpleUploadedFile("statement.json", b"{}")
    other = SimpleUploadedFile("notes.txt", b"x")
    path = "/audit/verifications/begin/statement"
    nothing = client.post(path)
    foreign = client.post(path, {"papers": [manifest, other]})
    table = client.post(path, {"papers": [SimpleUploadedFile("statement.csv", b"x")]})
    begun = client.post(path, {"papers": [SimpleUploadedFile("statement.json", b"{}")]})
    (job,) = Jobs(holdings.place, holdings.clock).listed(Kind.VERIFICATION)
    ended(job)

    assert (400, 400, 400, 302) == tuple(
        each.status_code for each in (nothing, foreign, table, begun)
    )
    assert "notes.txt is no file of a statement" in _text(foreign.content)
    assert "statement.json is missing" in _text(table.content)
    assert State.FAILED is job.state
    assert "statement.json" in _text(client.get(f"/audit/verifications/{job.name}/").content)


@pytest.mark.parametrize("tampered", [False, True])
def test_a_signed_statement_is_held_to_its_signatures(
    own: "tuple[Client, Holdings]", tmp_path: Path, *, tampered: bool
) -> None:
    """With the key of a party; a cell of one file that was changed since is named."""
    client, holdings = own
    folder, key = tmp_path / "statement", stating.KEYS[0]
    sign_statement(folder, stating.made(folder), key)
    if tampered:
        table = folder / "statement.csv"
        table.write_bytes(table.read_bytes().replace(b"1234.56", b"1234.57"))
    papers = [SimpleUploadedFile(path.name, path.read_bytes()) for path in folder.iterdir()]
    papers.append(SimpleUploadedFile("centre.pub.pem", key_pems(key)[1]))
    client.post("/audit/verifications/begin/statement", {"papers": papers})
    (job,) = Jobs(holdings.place, holdings.clock).listed(Kind.VERIFICATION)
    state = ended(job)
    said = _text(client.get(f"/audit/verifications/{job.name}/").content)

    assert (State.FOUND if tampered else State.DONE) is state
    wrong = "statement.csv 1 fund_total_yuan '1234.57' stands here, and '1234.56' was signed"
    assert (wrong in said) == tampered
    assert ("Statement CL2026-03-000017 of 2026-03 is what was signed: 6 rows." in said) != tampered
    assert "a key that was given" in said


def test_every_sign_in_is_written_down(client_as: ClientAs) -> None:
    """Who was let in, who was refused under which name, and who left."""
    from django.test import Client  # noqa: PLC0415 - Django is set up by the fixture
    from medsettle.console.models import Access, Account  # noqa: PLC0415

    auditor = client_as(Role.AUDITOR, name="auditor")
    Access.objects.all().delete()
    Account.objects.create_user("B", password=PASSWORD, role=Role.ACTUARY)
    client = Client()
    client.post("/sign-in", {"username": "B", "password": "wrong"})
    client.post("/sign-in", {"username": "B", "password": PASSWORD})
    client.post("/sign-out")
    log = [(each.account, each.page, each.status) for each in Access.objects.order_by("id")]
    said = _text(auditor.get("/audit/access/", {"signing": "on"}).content)

    assert [("B", "sign-in", 401), ("B", "sign-in", 200), ("B", "sign-out", 200)] == log
    assert "not signed in 401" in said


def test_the_log_is_read_in_parts_and_narrowed(client_as: ClientAs) -> None:
    """By person, by what was looked at, by day of China's time; each row once, newest first."""
    from django.utils import timezone  # noqa: PLC0415 - Django is set up by the fixture
    from medsettle.console.models import Access  # noqa: PLC0415

    client = client_as(Role.AUDITOR, name="auditor")
    Access.objects.all().delete()
    noon = timezone.now().replace(hour=4, minute=0, second=0, microsecond=0) - timedelta(days=2)
    Access.objects.bulk_create(
        Access(
            moment=noon + timedelta(minutes=number),
            account="A" if number % 3 else "B",
            method="GET",
            page="settlement",
            path=f"/settlements/S{number:03d}",
            subject=f"S{number:03d}",
            status=200,
        )
        for number in range(120)
    )
    day = f"{timezone.localtime(noon):%Y-%m-%d}"

    def read(**asked: str) -> list[str]:
        return re.findall(
            r">/settlements/(S\d{3})<", client.get("/audit/access/", asked).content.decode()
        )

    first = read(account="A", day=day)
    page = client.get("/audit/access/", {"account": "A", "day": day}).content.decode()
    older = re.search(r"before=(\d+)", page)
    assert older
    second = read(account="A", day=day, before=older[1])
    other_day = f"{timezone.localtime(noon) + timedelta(days=1):%Y-%m-%d}"

    wanted = [f"S{number:03d}" for number in reversed(range(120)) if number % 3]
    assert wanted == first + second
    assert limits.CONSOLE_ROWS_SHOWN == len(first)
    assert ["S007"] == read(subject="S007")
    assert [] == read(account="A", day=other_day)
    assert 400 == client.get("/audit/access/", {"day": "yesterday"}).status_code


def test_a_cell_of_the_download_is_no_formula(client_as: ClientAs) -> None:
    """A name that begins like one is a text; the bytes begin with the mark of UTF-8."""
    from django.test import Client  # noqa: PLC0415 - Django is set up by the fixture

    client = client_as(Role.AUDITOR, name="auditor")
    Client().post("/sign-in", {"username": "=HYPERLINK(1)", "password": "x"})
    answer = client.get("/audit/access/csv", {"signing": "on"})
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))

    assert content.startswith(b"\xef\xbb\xbf")
    assert ["moment", "person", "method", "page", "looked_at", "status"] == rows[0][:6]
    assert ["address", "query"] == rows[0][6:]
    assert "'=HYPERLINK(1)" == rows[1][1]


def test_a_query_is_answered_and_written_down(client_as: ClientAs, day: Day) -> None:
    """As a table in yuan and as CSV in fen; the log has what was asked."""
    from medsettle.console.models import Access  # noqa: PLC0415 - Django is set up by the fixture

    client = client_as(Role.AUDITOR)
    sql = "select count(*) as n, sum(total_fen)::bigint as total_fen from settlements"
    total = sum(each.fen("total_fen") for each in (*day.settled, day.cancel))
    shown = _text(client.get("/audit/query/", {"sql": sql}).content)
    answer = client.get("/audit/query/", {"sql": sql, "as": "csv"})
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]

    assert f"n total_fen {len(day.settled) + 1} {total // 100:,}.{total % 100:02d}" in shown
    assert f"n,total_fen\r\n{len(day.settled) + 1},{total}\r\n" == content
    assert Access.objects.filter(page="audit-query", path__contains="sum%28total_fen").exists()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        pytest.param("selec", "syntax error", id="no-sql"),
        pytest.param("select * from read_text('/etc/hosts')", "disabled", id="another-file"),
        pytest.param("copy settlements to 'x.csv'", "disabled", id="writes"),
        pytest.param("set memory_limit = '9GB'", "locked", id="settings"),
        pytest.param(";", "answers nothing", id="nothing"),
        pytest.param("select 1; select 2", "has 2 statements; ask one", id="two"),
        pytest.param("select repeat(x, 50000) from range(1000) t(x)", "No function", id="a-type"),
        pytest.param(
            "select cast('x' || range as int) from range(9000)", "Could not convert", id="a-row"
        ),
        pytest.param(
            "select repeat('x', 50000) from range(1000)", "more than 32 MiB", id="too-large"
        ),
        pytest.param("select 1 --" + "x" * limits.CONSOLE_QUERY_CHARS_MAX, "4,0", id="too-long"),
    ],
)
def test_a_query_that_may_not_be_is_refused(client_as: ClientAs, sql: str, told: str) -> None:
    """Beside the field, and the text stays in it."""
    answer = client_as(Role.AUDITOR).get("/audit/query/", {"sql": sql})

    assert 400 == answer.status_code
    assert told in _text(answer.content)
    assert sql.split("'", maxsplit=1)[0] in answer.content.decode()


def test_a_query_of_the_greatest_length_is_answered(client_as: ClientAs) -> None:
    """The comment fills it up."""
    sql = "select 1 --".ljust(limits.CONSOLE_QUERY_CHARS_MAX, "x")

    assert 200 == client_as(Role.AUDITOR).get("/audit/query/", {"sql": sql}).status_code


@pytest.mark.slow
def test_a_query_without_end_is_ended(client_as: ClientAs) -> None:
    """With what to do about it."""
    sql = "select count(*) from range(1000000000000) where range % 7 = hash(range) % 5"
    answer = client_as(Role.AUDITOR).get("/audit/query/", {"sql": sql})

    assert 400 == answer.status_code
    assert f"took more than {limits.CONSOLE_QUERY_SECONDS_MAX} seconds" in _text(answer.content)


@pytest.mark.parametrize("beyond", [0, 1])
def test_no_more_rows_are_taken_than_may(client_as: ClientAs, beyond: int) -> None:
    """One more is not; the page says that there are more."""
    rows = limits.CONSOLE_QUERY_ROWS_MAX + beyond
    page = client_as(Role.AUDITOR).get("/audit/query/", {"sql": f"from range({rows})"}).content
    said = _text(page.partition(b'role="status">')[2].partition(b"</p>")[0])

    most = f"{limits.CONSOLE_QUERY_ROWS_MAX:,} rows"
    assert said.startswith(f"The first {most}; there are more." if beyond else f"{most}.")


@pytest.mark.parametrize(
    "path", ["", "segments/0/", "access/", "access/csv", "query/", "verifications/x/"]
)
def test_only_an_auditor_may_look(client_as: ClientAs, path: str) -> None:
    """Whoever may not is told so, whether something is there or not."""
    assert 403 == client_as(Role.CLEARING).get(f"/audit/{path}").status_code
    assert 403 == client_as(Role.ACTUARY).get(f"/audit/{path}").status_code


@pytest.mark.slow
def test_a_verification_is_watched_in_a_browser(window: Window) -> None:
    """The page renews itself until it has ended, and says what was found."""
    page = window.open("/audit/")
    page.click("text=Verify the audit tables")
    page.wait_for_selector(".tag.good")

    assert "The chain holds" in page.inner_text("#content")
