"""`medsettle payments` and `checkout` as a user runs them: processes, files, exit codes."""

import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.exits import Exit
from medsettle.payments.orders import Party, PartyType

from tests.cli.claim_files import write_claims
from tests.cli.commands import Ran, command, environment, run, serving
from tests.payments.paying import (
    AREA,
    FUND,
    HOSPITAL,
    SHAPES,
    accounts_of,
    allowance,
    delivery,
    person,
    write_accounts,
)
from tests.payments.reading import read
from tests.service.claims import claim
from tests.service.serving import RULES

pytestmark = pytest.mark.slow


def _json_claim(row: dict[str, Any]) -> dict[str, Any]:
    """Return a claim with its dates as text, as a JSON file has them."""
    lines = [line | {"fee_date": str(line["fee_date"])} for line in row["lines"]]
    days = {name: str(row[name]) for name in ("birth_date", "admission_date", "service_date")}
    return row | days | {"lines": lines}


def _settle(folder: Path, *rows: dict[str, Any]) -> list[str]:
    file = write_claims(folder / "claims.json", [_json_claim(row) for row in rows])
    ran = run("settle", file, "--json", "--rules", SHAPES, "--data", folder / "data")
    assert Exit.OK == ran.code, ran.err
    return [answer["settlement"]["settlement"] for answer in ran.json_lines]


def _payments(folder: Path, *words: object, rules: bool = True) -> Ran:
    given = ("--rules", SHAPES) if rules else ()
    return run("payments", *words, *given, "--data", folder / "data", "--json")


def test_what_funds_owe_goes_to_the_bank_once(tmp_path: Path) -> None:
    """From settlements to a file that a parser sums up to what was ordered; nothing goes twice."""
    first, second = _settle(tmp_path, delivery(1), allowance(2))
    accounts = write_accounts(tmp_path / "a.csv", accounts_of(FUND, HOSPITAL, person(1)))
    listed = _payments(tmp_path, "orders", "--pay-on", "2030-01-02")
    out = tmp_path / "out"
    exported = _payments(tmp_path, "export", "--accounts", accounts, "--out", out)
    again = _payments(tmp_path, "export", "--accounts", accounts, "--out", out)
    left = _payments(tmp_path, "open", "--accounts", accounts, rules=False)

    assert {
        f"{first}-P02": ("pending", 130_000),
        f"{first}-P03": ("pending", 80_000),
        f"{second}-P01": ("pending", 2_613_333),
    } == {each["order"]: (each["state"], each["amount_fen"]) for each in listed.json}
    assert [(1, 2, 210_000)] == [
        (each["batch"], each["payments"], each["sum_fen"]) for each in exported.json
    ]
    message = read(Path(exported.json[0]["file"]))
    assert (2, Decimal("2100.00")) == (message.count, message.control_sum)
    assert {"2030-01-02"} == {paid.day for paid in message.transfers}
    assert (f"{first} payout lump", "包干价与个人定额为虚构") == message.transfers[1].remittance
    assert ([], [Exit.OK] * 3) == (again.json, [listed.code, exported.code, again.code])
    assert [{"order": f"{second}-P01", "amount_fen": 2_613_333, "no_account": "person P2"}] == (
        left.json["without_account"]
    )


def test_exports_at_the_same_time_pay_once(tmp_path: Path) -> None:
    """Of four processes that export one store, each order is in one file; who is late is told."""
    wanted = _settle(tmp_path, *map(allowance, range(1, 9)))
    parties = (FUND, *map(person, range(1, 9)))
    accounts = write_accounts(tmp_path / "a.csv", accounts_of(*parties))
    words = ("payments", "export", "--accounts", accounts, "--out", tmp_path / "out")
    where = ("--rules", SHAPES, "--data", tmp_path / "data")
    running = [
        subprocess.Popen(command(*words, *where), stderr=subprocess.DEVNULL, env=environment())
        for _ in range(4)
    ]
    codes = {each.wait() for each in running}
    run(*words, *where)
    paid = [
        transfer.end_to_end[:26]
        for path in (tmp_path / "out").glob("*.xml")
        for transfer in read(path).transfers
    ]

    assert codes <= {Exit.OK, Exit.UNAVAILABLE}
    assert sorted(wanted) == sorted(paid)


@pytest.mark.parametrize(("chars", "code"), [(140, Exit.OK), (141, Exit.FINDING)])
def test_the_initiator_is_a_name(tmp_path: Path, chars: int, code: Exit) -> None:
    """As long as the bank's field, and no longer."""
    _settle(tmp_path, allowance(1))
    accounts = write_accounts(tmp_path / "a.csv", accounts_of(FUND, person(1)))
    words = ("--accounts", accounts, "--out", tmp_path / "out", "--initiator", "x" * chars)

    assert code == _payments(tmp_path, "export", *words).code


def test_a_batch_is_written_again_by_number(tmp_path: Path) -> None:
    """The same bytes in another folder; a number that was never given is told."""
    _settle(tmp_path, allowance(1))
    accounts = write_accounts(tmp_path / "a.csv", accounts_of(FUND, person(1)))
    (batch,) = _payments(tmp_path, "export", "--accounts", accounts, "--out", tmp_path / "a").json
    (copy,) = _payments(tmp_path, "export", "--again", 1, "--out", tmp_path / "b").json
    unknown = _payments(tmp_path, "export", "--again", 2, "--out", tmp_path / "b")

    assert Path(batch["file"]).read_bytes() == Path(copy["file"]).read_bytes()
    assert (Exit.FINDING, "NOT_FOUND") == (unknown.code, unknown.json["error"])


def test_a_cancel_before_and_after_the_export(tmp_path: Path) -> None:
    """What was not exported is withdrawn by the next export itself; what was is recalled."""
    first, second = _settle(tmp_path, allowance(1), allowance(2))
    accounts = write_accounts(tmp_path / "a.csv", accounts_of(FUND, person(1)))
    both = write_accounts(tmp_path / "b.csv", accounts_of(FUND, person(1), person(2)))
    out = tmp_path / "out"
    _payments(tmp_path, "export", "--accounts", accounts, "--out", out)
    for number, settlement in enumerate((first, second)):
        words = ("cancel", settlement, "--institution", "H1", "--request-id", f"X{number}")
        assert Exit.OK == run(*words, "--rules", SHAPES, "--data", tmp_path / "data").code
    late = _payments(tmp_path, "export", "--accounts", both, "--out", out)
    states = _payments(tmp_path, "orders").json
    left = _payments(tmp_path, "open", rules=False).json

    assert [] == late.json
    assert {f"{first}-P01": "exported", f"{second}-P01": "withdrawn"} == {
        each["order"]: each["state"] for each in states
    }
    assert [(f"{first}-P01", "recall", 2_613_333)] == [
        (each["receivable"], each["cause"], each["amount_fen"]) for each in left["receivables"]
    ]


def test_a_refund_is_asked_for_by_the_settlement(tmp_path: Path) -> None:
    """300.00 of cash go back from the hospital, once; a settlement that stands keeps it."""
    (own_id,) = _settle(tmp_path, delivery(1))
    stands = _payments(tmp_path, "orders", "--refund", own_id)
    words = ("cancel", own_id, "--institution", "H1", "--request-id", "X1")
    run(*words, "--rules", SHAPES, "--data", tmp_path / "data")
    _payments(tmp_path, "orders", "--refund", own_id)
    orders = _payments(tmp_path, "orders", "--refund", own_id).json

    assert (Exit.FINDING, "PRECONDITION") == (stands.code, stands.json["error"])
    assert [("H1", "P1", 30_000)] == [
        (each["from"], each["token"], each["amount_fen"])
        for each in orders
        if each["kind"] == "refund"
    ]


def test_a_faulty_accounts_file_is_told_whole(tmp_path: Path) -> None:
    """Exit code 1 and every fault with its line; nothing is exported."""
    _settle(tmp_path, allowance(1))
    bad = accounts_of(FUND, Party(PartyType.PERSON, AREA, "P 1"), Party(PartyType.PERSON, "9", "P"))
    accounts = write_accounts(tmp_path / "a.csv", bad)
    ran = _payments(tmp_path, "export", "--accounts", accounts, "--out", tmp_path / "out")

    assert (Exit.FINDING, "INVALID_REQUEST") == (ran.code, ran.json["error"])
    assert [f"{accounts}:4 payee", f"{accounts}:5 pooling_area"] == [
        message.split(": ")[0] for message in ran.json["messages"]
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["orders"], "holds no ledger; name the folder with --data"),
        (["open"], "holds no payments; name the folder with --data"),
        (["export", "--out", "x", "--again", "1"], "holds no payment orders"),
        (["resume", "--bank", "no"], "name the folder with --bank"),
    ],
    ids=["orders", "open", "again", "resume"],
)
def test_a_misspelt_folder_is_told(tmp_path: Path, words: list[str], says: str) -> None:
    """Exit code 2, what to name, and no folder is made."""
    ran = run("payments", *words, "--data", tmp_path / "dta", "--json")

    assert (Exit.USAGE, "USAGE") == (ran.code, ran.json["error"])
    assert says in ran.json["messages"][0]
    assert not (tmp_path / "dta").exists()


def _claim(folder: Path, number: int) -> Path:
    return write_claims(folder / f"{number}.json", [_json_claim(claim(number))])


def _sandbox(folder: Path, *words: object) -> Ran:
    return run("payments", "sandbox", "--bank", folder / "bank", *words, "--json")


def test_a_checkout_settles_and_charges(tmp_path: Path) -> None:
    """180.00 of 500.00 leave the account; the same claim again says how it ended."""
    _sandbox(tmp_path, "--account", "A1", "--deposit", "1,000.00")
    at = ("--bank", tmp_path / "bank", "--data", tmp_path / "data", "--rules", RULES)
    how = ("--pay-from", "A1", "--if-declined", "cancel")
    words = ("checkout", _claim(tmp_path, 1), *how, *at)
    first, again = (run(*words, "--json") for _ in range(2))
    shown = run(*words)

    assert [Exit.OK] * 3 == [first.code, again.code, shown.code]
    assert first.json == again.json
    assert ("charged", True, 18_000) == tuple(
        first.json[name] for name in ("state", "charged", "cash_fen")
    )
    assert "settled and charged" in shown.out
    assert "180.00 yuan in cash" in shown.out
    assert [("A1", 100_000, 82_000)] == [
        (each["account"], each["deposited_fen"], each["balance_fen"])
        for each in _sandbox(tmp_path).json
    ]


def test_a_declined_checkout_ends_as_stated(tmp_path: Path) -> None:
    """Exit code 1; the settlement is gone, or an open debt that `payments open` lists."""
    _sandbox(tmp_path, "--account", "A1", "--deposit", "100")
    at = ("--bank", tmp_path / "bank", "--data", tmp_path / "data", "--rules", RULES, "--json")
    ends = [
        run("checkout", _claim(tmp_path, n), "--pay-from", "A1", "--if-declined", choice, *at)
        for n, choice in ((1, "cancel"), (2, "debt"))
    ]
    left = run("payments", "open", "--data", tmp_path / "data", "--json").json["checkouts"]

    assert [(Exit.FINDING, "cancelled"), (Exit.FINDING, "debt")] == [
        (ran.code, ran.json["state"]) for ran in ends
    ]
    assert [ends[1].json] == left
    assert "not enough money" == left[0]["why"]
    poor = run("payments", "collect", left[0]["checkout"], *at)
    _sandbox(tmp_path, "--account", "A1", "--deposit", "80")
    rich = run("payments", "collect", left[0]["checkout"], *at)
    assert [(Exit.FINDING, "debt"), (Exit.OK, "charged")] == [
        (ran.code, ran.json["state"]) for ran in (poor, rich)
    ]


def test_a_checkout_that_waits_is_resumed_and_taken_back(tmp_path: Path) -> None:
    """Exit code 3 while the bank is down, 0 when it is back; then all of it is taken back."""
    _sandbox(tmp_path, "--account", "A1", "--deposit", "1000")
    _sandbox(tmp_path, "--mode", "down")
    at = ("--bank", tmp_path / "bank", "--data", tmp_path / "data", "--rules", RULES, "--json")
    words = ("--pay-from", "A1", "--if-declined", "cancel")
    waits = run("checkout", _claim(tmp_path, 1), *words, *at)
    still = run("payments", "resume", *at)
    _sandbox(tmp_path, "--mode", "ok")
    done = run("payments", "resume", *at)
    taken = run("payments", "take-back", done.json["checkout"], *at)

    assert [Exit.UNAVAILABLE, Exit.UNAVAILABLE, Exit.OK, Exit.OK] == [
        ran.code for ran in (waits, still, done, taken)
    ]
    assert ["charging", "charging", "charged", "refunded"] == [
        ran.json["state"] for ran in (waits, still, done, taken)
    ]
    assert [100_000] == [each["balance_fen"] for each in _sandbox(tmp_path).json]


def test_a_checkout_at_a_server(tmp_path: Path) -> None:
    """The medical side is a server's; a cancel by the institution gives the charge back."""
    _sandbox(tmp_path, "--account", "A1", "--deposit", "1000")
    with serving(tmp_path / "there", RULES) as server:
        till = ("--bank", tmp_path / "bank", "--data", tmp_path / "till")
        at = ("--server", server.address, *till, "--json")
        words = ("--pay-from", "A1", "--if-declined", "debt")
        paid = run("checkout", _claim(tmp_path, 1), *words, *at)
        cancel = ("cancel", paid.json["settlement"], "--institution", "H1", "--request-id", "X1")
        run(*cancel, "--server", server.address)
        given_back = run("payments", "resume", *at)

    assert [(Exit.OK, "charged"), (Exit.OK, "refunded")] == [
        (ran.code, ran.json["state"]) for ran in (paid, given_back)
    ]
    assert [100_000] == [each["balance_fen"] for each in _sandbox(tmp_path).json]


def test_four_processes_end_one_checkout_once(tmp_path: Path) -> None:
    """All carry on with the same leg at a bank that loses answers: one charge, one answer."""
    _sandbox(tmp_path, "--account", "A1", "--deposit", "1000")
    script = ("timeout-after", "timeout-before", "down", "slow", "timeout-before")
    _sandbox(tmp_path, *(word for mode in script for word in ("--script", mode)))
    claim_file = _claim(tmp_path, 1)
    with serving(tmp_path / "there", RULES) as server:
        at = ("--server", server.address, "--bank", tmp_path / "bank", "--data", tmp_path / "till")
        words = ("checkout", claim_file, "--pay-from", "A1", "--if-declined", "cancel", *at)
        running = [
            subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, env=environment())
            for _ in range(4)
        ]
        codes = [each.wait() for each in running]
        ended = run("payments", "resume", *at, "--json")

    assert ([Exit.OK] * 4, (Exit.OK, "")) == (codes, (ended.code, ended.out))
    assert [82_000] == [each["balance_fen"] for each in _sandbox(tmp_path).json]


def test_a_decision_about_money_has_no_default(tmp_path: Path) -> None:
    """Without --if-declined nothing is settled: exit code 2."""
    words = ("checkout", _claim(tmp_path, 1), "--pay-from", "A1", "--bank", tmp_path / "bank")
    ran = run(*words, "--data", tmp_path / "data")

    assert Exit.USAGE == ran.code
    assert "--if-declined" in ran.err
    assert not (tmp_path / "data").exists()


def test_a_deposit_is_an_amount(tmp_path: Path) -> None:
    """A part of a fen is refused."""
    ran = _sandbox(tmp_path, "--account", "A1", "--deposit", "0.001")

    assert (Exit.FINDING, "INVALID_REQUEST") == (ran.code, ran.json["error"])
    assert "part of a fen" in ran.json["messages"][0]
