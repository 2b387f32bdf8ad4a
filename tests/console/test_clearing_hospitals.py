"""What hospitals are paid, as pages show it: declarations, claims, batches, accounts."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.declarations import Status, declaration, declare
from medsettle.clearing.hospitals.holds import held
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.hospital_claims import BY, SUPPLIER, TERMS, application, record, terms
from tests.console.clearing_centre import centre_at, sent, upload
from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at an agency with two claims of 100.00 and 200.00 yuan, declared as 300.00."""
    del looking
    with centre_at(day, tmp_path) as folder:
        with HospitalStore(folder) as store:
            report(store, [record(1), record(2, 20_000)], BY)
            declare(store, application(30_000), BY)
            supply(store, terms(), SUPPLIER)
        yield folder


def _page(client: "Client", path: str) -> str:
    return client.get(f"/clearing/hospitals/{path}").content.decode()


def test_a_declaration_that_differs_needs_a_reason(client_as: ClientAs, centre: Path) -> None:
    """One person is stated and the book has two: it is shown, and accepted with a reason alone."""
    client, path = client_as(Role.CLEARING, name="wang"), "/clearing/hospitals/declarations/D1"
    page = client.get(path).content.decode()
    assert re.search(r'class="differs"><th scope="row">persons</th>', page)
    refused = client.post(path, sent("accepted", reason=""))
    assert (400, True) == (
        refused.status_code,
        "This field is required" in refused.content.decode(),
    )
    client.post(path, sent("accepted", reason="two of them are one"))
    for act in ("reviewing", "reviewed"):
        assert 302 == client.post(path, sent(act, reason="")).status_code
    assert 409 == client.post(path, sent("accepted", reason="x")).status_code
    with HospitalStore(centre) as store:
        found = declaration(store, "D1")
    assert (Status.REVIEWED, "wang") == (found.status, found.steps[-1].by)


def test_slices_are_approved_and_paid(client_as: ClientAs, centre: Path) -> None:
    """60 % at once by the terms that are uploaded; the batch has a page and files."""
    approver, payer = client_as(Role.CLEARING), client_as(Role.CLEARING, name="treasurer")

    def do(act: str, **values: object) -> str:
        client = payer if act == "pay" else approver
        files = {f"{act}-terms": upload(TERMS.read_bytes(), "t.yaml")} if act != "pay" else {}
        body = sent(act, **values) | files
        return client.post("/clearing/hospitals", body, follow=True).content.decode()

    assert "2 claims get 180.00 yuan" in do("instant", on="2026-03-11")
    assert "Batch 1: 1 payments, 180.00 yuan." in do("pay", on="2026-03-11")
    assert "Nothing waits to be paid." in do("pay", on="2026-03-11")
    client = approver
    assert "180.00" in client.get("/clearing/hospitals/batches/1").content.decode()
    remitted = client.get("/clearing/hospitals/batches/1/remittance.parquet").content
    assert 18_000 == sum(row["fen"] for row in pq.read_table(io.BytesIO(remitted)).to_pylist())
    part = client.get("/clearing/hospitals/months/2026-03").content.decode()
    assert "100 %" in part
    payment = re.findall(r"HP[0-9a-f]+-000001-00001", _page(client, "batches/1"))[0]
    back = sent("returned", payment=payment, on="2026-03-12", reason="account closed")
    client.post("/clearing/hospitals/accounts/H1", back)
    assert "came back" in _page(client, "accounts/H1")
    assert "Batch 2: 1 payments, 180.00 yuan." in do("pay", on="2026-03-13")
    for path in ("batches/3", "batches/1/remittance.exe", "months/2026-04.csv"):
        assert 404 == client.get(f"/clearing/hospitals/{path}").status_code, path


def test_nobody_alone_moves_money(client_as: ClientAs, centre: Path) -> None:
    """Terms, review, slices and payment are of several people; each refusal says of whom."""
    wang, li = (client_as(Role.CLEARING, name=name) for name in ("wang", "li"))
    other = TERMS.read_bytes() + b"# another document"

    def do(client: "Client", act: str, content: bytes = b"", **values: object) -> str:
        files = {f"{act}-terms": upload(content, "t.yaml")} if content else {}
        body = sent(act, **values) | files
        return client.post("/clearing/hospitals", body, follow=True).content.decode()

    when = {"month": "2026-03", "on": "2026-04-20"}
    assert "nobody supplied these terms" in do(wang, "month", other, **when)
    assert "The terms of 999901 were supplied by wang." in do(wang, "supply", other)
    assert "were supplied by wang; somebody else approves" in do(wang, "month", other, **when)
    for act in ("accepted", "reviewing", "reviewed"):
        path = "/clearing/hospitals/declarations/D1"
        assert 302 == wang.post(path, sent(act, reason="looked at")).status_code
    known = TERMS.read_bytes()
    assert "D1 was accepted by wang; somebody else approves" in do(wang, "month", known, **when)
    assert "2 claims get 300.00 yuan" in do(li, "month", other, **when)
    assert "was approved by li; somebody else pays it" in do(li, "pay", on="2026-04-20")
    assert "Batch 1: 1 payments, 285.00 yuan." in do(wang, "pay", on="2026-04-20")
    with HospitalStore(centre) as store:
        assert [("li",)] == store.rows("select decided_by from approvals")


def test_a_batch_becomes_a_file_for_the_bank(client_as: ClientAs, centre: Path) -> None:
    """With the accounts that are uploaded; one that is missing is told."""
    client = client_as(Role.CLEARING, name="treasurer")
    with HospitalStore(centre) as store:
        instant(store, terms(), date(2026, 3, 11), BY)
    client.post("/clearing/hospitals", sent("pay", on="2026-03-11"))
    head = "payee_type,pooling_area,payee,account,name,bank\n"
    fund = "fund,999901,pooled_fund,ACC1,an invented fund,100000000001\n"
    hospital = "institution,999901,H1,ACC2,an invented hospital,100000000002\n"

    def export(text: str, insurance_type: str = "310") -> tuple[int, str]:
        body = {"insurance_type": insurance_type, "initiator": "centre",
                "accounts": upload(text.encode(), "a.csv")}  # fmt: skip
        answer = client.post("/clearing/hospitals/batches/1", body)
        return answer.status_code, answer.content.decode()

    status, said = export(head + fund)
    assert (400, True) == (status, "institution H1 of 999901 has no account" in said)
    assert (400, True) == (
        (wrong := export(head + fund + hospital, "390"))[0],
        "pays nothing out of funds of 390" in wrong[1],
    )
    status, said = export(head + fund + hospital)
    assert (200, True) == (status, "180.00" in said)


def test_a_claim_is_held_freed_and_deducted_from(client_as: ClientAs, centre: Path) -> None:
    """Each with a reason; more than is left of it is refused beside the form."""
    client, path = client_as(Role.CLEARING, name="li"), "/clearing/hospitals/claims/S1"
    assert 400 == client.post(path, sent("hold", reason="")).status_code
    longest = "r" * limits.HOSPITAL_REASON_CHARS_MAX
    assert 400 == client.post(path, sent("hold", reason=longest + "r")).status_code
    client.post(path, sent("hold", reason=longest))
    with HospitalStore(centre) as store:
        assert [("S1", "li")] == [
            (each.claim, each.decided_by) for each in held(store, date(2026, 5, 1))
        ]
    assert "on hold" in client.get(path).content.decode()
    refused = client.post(path, sent("free", reason="settled"))
    assert (400, True) == (refused.status_code, "put on hold by li" in refused.content.decode())
    other = client_as(Role.CLEARING, name="wang")
    other.post(path, sent("free", reason="settled"))
    what = {"payer": "pooled_fund", "code": 10, "reason": "not indicated"}
    refused = client.post(path, sent("deduct", yuan="100.01", **what))
    assert (400, True) == (refused.status_code, "is above the" in refused.content.decode())
    assert 302 == client.post(path, sent("deduct", yuan="100.00", **what)).status_code
    account = client.get("/clearing/hospitals/accounts/H1").content.decode()
    assert "not indicated" in account
    lift = sent("lift", number=1, yuan="40.00", reason="appeal")
    refused = client.post("/clearing/hospitals/accounts/H1", lift)
    assert (400, True) == (refused.status_code, "was decided by li" in refused.content.decode())
    said = other.post("/clearing/hospitals/accounts/H1", lift, follow=True).content.decode()
    assert "60.00 yuan of deduction 1 are still to be taken." in said
    for gone in ("claims/S9", "accounts/H9", "declarations/D9"):
        assert 404 == client.get(f"/clearing/hospitals/{gone}").status_code


def test_a_month_of_hospitals_stands_with_what_waits(client_as: ClientAs, centre: Path) -> None:
    """The last month that was read in, or the one that is asked for."""
    del centre
    client = client_as(Role.CLEARING)
    page = client.get("/clearing/hospitals").content.decode()
    assert "2026-03" in page
    assert 'href="/clearing/hospitals/declarations/D1"' in page
    other = client.get("/clearing/hospitals", {"month": "2026-04"}).content.decode()
    assert "No hospital declared for this month." in other
    assert 400 == client.get("/clearing/hospitals", {"month": "2026-4"}).status_code
