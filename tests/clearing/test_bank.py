"""What the bank says is booked where all of it agrees, listed where not, and never booked twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.bank import Finding, Imported, match
from medsettle.clearing.notices.book import Notice, Status, notice
from medsettle.clearing.notices.camt import read_statements
from medsettle.clearing.notices.payment_files import PaymentFile, pay, without_account
from medsettle.clearing.notices.payments import Seen, payments, register
from medsettle.payments.accounts import read_accounts

from tests.clearing.bank_messages import Line, Message
from tests.clearing.month_books import MARCH, MOMENT, store_in
from tests.clearing.notices_made import (
    CREDITOR_ACCOUNT,
    DEBTOR_ACCOUNT,
    SEEN_AT,
    bill,
    cleared,
    fiscal_accounts,
    issued,
)
from tests.payments.killing import Acknowledge, run_until
from tests.payments.paying import write_accounts
from tests.payments.reading import read

pytestmark = pytest.mark.slow

_DAY, _TODAY = date(2024, 3, 10), date(2024, 5, 20)
# The month payable of `clearing.md` 3.5, in fen and as the bank writes it.
_FEN, _YUAN = 104_150_000, "1041500.00"


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    """Return a store with one cleared notice of 1,041,500.00 from 99 to 98."""
    with store_in(tmp_path) as store:
        issued(store, MARCH, [bill("S1", _DAY, _FEN)])
        cleared(store, 1)
        yield store


def _match(store: MonthStore, message: Message) -> Imported:
    return match(
        *(store, message.xml(), fiscal_accounts()), name="st.xml", who="clerk C", moment=MOMENT
    )


def _line(store: MonthStore, **changes: Any) -> Line:  # noqa: ANN401
    return replace(Line(_YUAN, notice(store, 1).payment_notice), **changes)


def _pay(store: MonthStore, out: Path) -> list[PaymentFile]:
    return pay(
        *(store, fiscal_accounts(), out), initiator="Invented centre", moment=MOMENT, today=_TODAY
    )


def test_what_is_cleared_goes_to_the_bank_once(store: MonthStore, tmp_path: Path) -> None:
    """The end-to-end id is the payment notice, the accounts are fiscal, the sum is what is due."""
    (file,) = _pay(store, tmp_path / "out")
    again = _pay(store, tmp_path / "out")
    message = read(file.file)
    (paid,) = message.transfers

    assert [] == again
    assert (1, Decimal(_YUAN), notice(store, 1).payment_notice) == (
        *(message.count, message.control_sum),
        paid.end_to_end,
    )
    assert (DEBTOR_ACCOUNT, CREDITOR_ACCOUNT, "2024-05-20") == (
        *(paid.debtor_account, paid.creditor_account),
        paid.day,
    )
    assert f"{notice(store, 1).receipt_notice} clearing employee 2024-03" == paid.remittance[0]


def test_fiscal_accounts_are_read_from_the_accounts_file(tmp_path: Path) -> None:
    """As everybody's account is: the type fiscal, the province with four zeros, the fund line."""
    file = write_accounts(tmp_path / "accounts.csv", fiscal_accounts())

    assert fiscal_accounts() == read_accounts(file)
    assert "fiscal,990000,employee,FISCAL99employee" in file.read_text(encoding="utf-8")


def test_without_an_account_a_notice_waits(store: MonthStore, tmp_path: Path) -> None:
    """It is told with whose account is missing, and goes out when that is known."""
    known = dict(fiscal_accounts())
    missing = next(party for party in known if party.pooling_area == "980000")
    del known[missing]
    files = pay(*(store, known, tmp_path), initiator="Invented centre", moment=MOMENT, today=_TODAY)

    assert [] == files
    assert [(1, [missing])] == [
        (each.number, parties) for each, parties in without_account(store, known)
    ]
    assert 1 == len(_pay(store, tmp_path))


def test_payment_files_are_whole_or_absent_whenever_paying_is_killed(tmp_path: Path) -> None:
    """Killed before any step that reaches the disk; each notice goes out once, in one file."""
    with store_in(tmp_path / "ready") as store:
        issued(store, MARCH, [bill("S1", _DAY, _FEN)])
        cleared(store, 1)
    for step in count():
        folder = tmp_path / str(step)
        copytree(tmp_path / "ready", folder)

        def act(acknowledge: Acknowledge, folder: Path = folder) -> None:
            with store_in(folder) as store:
                _pay(store, folder / "out")
            acknowledge("paid")

        within = ("medsettle/clearing/", "medsettle/ledger/", "medsettle/durable")
        ended = run_until(step, act, within)
        with store_in(folder) as store:
            _pay(store, folder / "out")
            name = notice(store, 1).payment_notice
        files = list((folder / "out").glob("*.xml"))
        assert [[name]] == [[paid.end_to_end for paid in read(each).transfers] for each in files]
        if not ended.killed:
            break


@pytest.mark.parametrize("version", ["08", "09", "10"])
@pytest.mark.parametrize("kind", ["053", "054"])
def test_a_payment_is_matched_by_its_end_to_end_id(
    store: MonthStore, kind: str, version: str
) -> None:
    """A statement or a notification: the notice is paid with the bank's reference and day."""
    found = _match(store, Message((_line(store),), kind, version))
    (paid,) = payments(store, 1)

    assert ([Finding.BOOKED], ()) == ([each.finding for each in found.matched], found.listed)
    assert Status.PAID == notice(store, 1).status
    assert (_FEN, DEBTOR_ACCOUNT, "REF1", date(2024, 5, 20), "bank") == (
        *(paid.amount_fen, paid.account, paid.reference),
        *(paid.value_date, paid.source),
    )


def test_a_statement_is_booked_once(store: MonthStore) -> None:
    """Imported again it says what it said; under another message its references are known."""
    message = Message((_line(store),))
    first, second = _match(store, message), _match(store, message)
    third = _match(store, message.with_(message="M2"))

    assert (False, True, False) == (first.repeated, second.repeated, third.repeated)
    assert first.matched == second.matched == first.booked
    assert () == third.booked
    assert [Finding.SEEN_BEFORE] == [each.finding for each in third.matched]
    assert 1 == len(payments(store))


def test_a_statement_of_the_same_id_says_the_same(store: MonthStore) -> None:
    """With other content it is refused: which of the two holds is the bank's to say."""
    _match(store, Message((_line(store),)))
    with pytest.raises(errors.Precondition, match="ask the bank"):
        _match(store, Message((_line(store, reference="REF2"),)))


def test_the_receiving_side_matches_too(store: MonthStore) -> None:
    """On the creditor's account the same payment is a credit."""
    line = _line(store, indicator="CRDT")
    found = _match(store, Message((line,), account=CREDITOR_ACCOUNT))

    assert [Finding.BOOKED] == [each.finding for each in found.matched]


_LISTED: dict[str, tuple[dict[str, str], Finding]] = {
    "unknown": ({"end_to_end": "P0000000000-00000009"}, Finding.UNKNOWN_ID),
    "no-id": ({"end_to_end": ""}, Finding.UNKNOWN_ID),
    "not-provided": ({"end_to_end": "NOTPROVIDED"}, Finding.UNKNOWN_ID),
    "one-fen-less": ({"amount": "1041499.99"}, Finding.OTHER_AMOUNT),
    "one-fen-more": ({"amount": "1041500.01"}, Finding.OTHER_AMOUNT),
    "part-of-a-fen": ({"amount": "1041500.001"}, Finding.OTHER_AMOUNT),
    "dollars": ({"currency": "USD"}, Finding.OTHER_CURRENCY),
    "wrong-way": ({"indicator": "CRDT"}, Finding.OTHER_ACCOUNT),
    "no-reference": ({"reference": ""}, Finding.NO_REFERENCE),
    "pending": ({"status": "PDNG"}, Finding.PENDING),
    "nothing-to-return": ({"indicator": "CRDT", "returned": "AC04"}, Finding.NOTHING_TO_RETURN),
}


@pytest.mark.parametrize("case", _LISTED)
def test_what_does_not_agree_is_listed_and_never_booked(store: MonthStore, case: str) -> None:
    """Each by its reason; the notice stays as it was, and the right line still books after it."""
    changes, finding = _LISTED[case]
    found = _match(store, Message((_line(store, **changes),)))
    left = (notice(store, 1).status, payments(store))
    right = _match(store, Message((_line(store, reference="REF9"),), message="M2"))

    assert [finding] == [each.finding for each in found.listed]
    assert (Status.CLEARED, []) == left
    assert [Finding.BOOKED] == [each.finding for each in right.matched]


def test_another_account_books_nothing(store: MonthStore) -> None:
    """The id alone is not enough: the money moved elsewhere, or on an account nobody named."""
    found = _match(store, Message((_line(store),), account="SOMEONE"))
    crossed = _match(store, Message((_line(store),), message="M2", account=CREDITOR_ACCOUNT))

    assert [Finding.OTHER_ACCOUNT] * 2 == [
        each.finding for each in (*found.matched, *crossed.matched)
    ]


def test_a_reference_counts_once(store: MonthStore) -> None:
    """Twice in a statement, or registered by hand before: the later one is listed."""
    twice = _match(store, Message((_line(store), _line(store))))

    assert [Finding.BOOKED, Finding.SEEN_BEFORE] == [each.finding for each in twice.matched]
    assert 0 == notice(store, 1).over_fen


def test_what_was_registered_by_hand_is_not_booked_again(store: MonthStore) -> None:
    """By the same reference it was seen; by another one, nothing is open any more."""
    register(store, 1, _FEN, Seen("REF1", _TODAY, "clerk C"), SEEN_AT)
    found = _match(store, Message((_line(store), _line(store, reference="REF2"))))

    assert [Finding.SEEN_BEFORE, Finding.PAID_BEFORE] == [each.finding for each in found.matched]


def test_a_notice_that_is_not_cleared_is_not_paid(store: MonthStore, tmp_path: Path) -> None:
    """Money that came too early is listed."""
    with store_in(tmp_path / "early") as early:
        issued(early, MARCH, [bill("S1", _DAY, _FEN)])
        found = _match(early, Message((_line(early),)))

    assert [Finding.NOT_CLEARED] == [each.finding for each in found.listed]


@pytest.mark.parametrize("how", [{"reversal": "true"}, {"returned": "AC04"}])
def test_what_comes_back_opens_the_notice_again(
    store: MonthStore, tmp_path: Path, how: dict[str, str]
) -> None:
    """Reversed or returned with its reason; then it may go to the bank once more."""
    _pay(store, tmp_path / "out")
    paid = _line(store)
    back = _line(store, indicator="CRDT", reference="REF2", **how)
    found = _match(store, Message((paid, back)))
    opened = notice(store, 1)
    files = _pay(store, tmp_path / "out")

    assert [Finding.BOOKED] * 2 == [each.finding for each in found.matched]
    assert (Status.CLEARED, _FEN) == (opened.status, opened.open_fen)
    reason = "AC04 invented" if "returned" in how else "reversed by the bank"
    assert [(None, ""), (1, reason)] == [(each.returns, each.reason) for each in payments(store)]
    assert [2] == [each.number for each in files]
    assert [] == _pay(store, tmp_path / "out")


def test_a_batch_of_the_bank_is_taken_apart(store: MonthStore) -> None:
    """One entry of several transactions: each is matched by itself; their sum is the entry's."""
    name = notice(store, 1).payment_notice
    parts = "".join(
        f"<TxDtls><Refs><AcctSvcrRef>R{at}</AcctSvcrRef><EndToEndId>{end}</EndToEndId></Refs>"
        f'<Amt Ccy="CNY">{amount}</Amt></TxDtls>'
        for at, (end, amount) in enumerate([("X", "8500.00"), (name, _YUAN)])
    )
    entry = (
        '<Ntry><Amt Ccy="CNY">{}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        "<BookgDt><DtTm>2024-05-20T10:00:00+08:00</DtTm></BookgDt>"
        "<NtryDtls><Btch><NbOfTxs>{}</NbOfTxs></Btch>{}</NtryDtls></Ntry>"
    )
    whole = Message((Line("1050000.00", ""),))
    with pytest.raises(errors.InvalidRequest, match=r"transactions add up to 1050000\.00"):
        _match(
            store, Message((Line("1050000.01", ""),), entries=entry.format("1050000.01", 2, parts))
        )
    with pytest.raises(errors.InvalidRequest, match="states 3 transactions, and there are 2"):
        _match(store, whole.with_(entries=entry.format("1050000.00", 3, parts)))
    found = _match(store, whole.with_(entries=entry.format("1050000.00", 2, parts)))

    assert [Finding.UNKNOWN_ID, Finding.BOOKED] == [each.finding for each in found.matched]


_REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "doctype": ({"before": "<!DOCTYPE Document>"}, "has a document type"),
    "entity": (
        {"before": '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'},
        "has a document type",
    ),
    "version": ({"version": "02"}, "expected a Document of camt.053.001"),
    "count": ({"states": {"count": "2"}}, "states 2 entries, and there are 1"),
    "sum": ({"states": {"sum": "1041500.01"}}, "they add up to 1041500.00"),
    "debits": ({"states": {"debits": "0.00"}}, "TtlDbtNtries: states the sum 0.00"),
    "closing": ({"states": {"closing": "1.00"}}, "which do not add up"),
    "message": ({"message": ""}, "MsgId: is missing"),
    "long-message": ({"message": "M" * 36}, "has 36 characters, at most 35"),
    "not-xml": ({"before": "<<"}, "is no XML"),
}


@pytest.mark.parametrize("case", _REFUSED)
def test_a_message_that_contradicts_itself_books_nothing(store: MonthStore, case: str) -> None:
    """Or that no bank sends: it is refused as a whole, with what it says and what is there."""
    changes, says = _REFUSED[case]
    with pytest.raises(errors.InvalidRequest) as caught:
        _match(store, Message((_line(store),)).with_(**changes))

    assert any(says in line for line in caught.value.message_lines), caught.value.message_lines
    assert [] == payments(store)


@pytest.mark.parametrize(
    "amount",
    ["-1.00", "1,000.00", "1e3", "", "１.00", "1" * 19],
    ids=lambda text: text[:8] or "none",
)
def test_an_amount_is_a_plain_decimal_number(amount: str) -> None:
    """No sign, no comma, no exponent: the indicator says which way money went."""
    content = Message((Line("1.00", "X"),)).xml().replace(b">1.00<", f">{amount}<".encode())
    with pytest.raises(errors.InvalidRequest, match="has the amount"):
        read_statements(content, "st.xml")


_WHOLE = Message((Line("1.00", "X"), Line("2.00", "Y", "R2", returned="AC04"))).xml()


@given(
    st.lists(
        st.tuples(st.integers(0, len(_WHOLE) - 1), st.integers(0, 8), st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_arrives_is_read_or_refused(changes: list[tuple[int, int, bytes]]) -> None:
    """Bytes put in, taken out or replaced: a statement or an explanation, never a crash."""
    content = _WHOLE
    for at, length, new in changes:
        content = content[:at] + new + content[at + length :]
    try:
        found = read_statements(content, "st.xml")
    except errors.InvalidRequest as error:
        assert error.faults
        return
    assert found


def test_a_message_may_be_nested_deeply() -> None:
    """A hundred thousand elements in one another end in an explanation, not in the stack."""
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    for content in (deep, deep[:-4]):
        with pytest.raises(errors.InvalidRequest):
            read_statements(content, "st.xml")


def test_a_name_of_the_bank_has_35_characters(store: MonthStore) -> None:
    """As ISO 20022 has it, a reference is booked; one more is refused with its message."""
    long = Message((_line(store, reference="R" * 36),))
    with pytest.raises(errors.InvalidRequest, match="AcctSvcrRef: has 36 characters"):
        _match(store, long)

    assert () == _match(store, Message((_line(store, reference="R" * 35),))).listed


def test_a_message_has_bounds() -> None:
    """As many bytes and entries as `limits` says, and not one more."""
    lines = tuple(Line("0.01", "") for _ in range(limits.BANK_ENTRIES_MAX))
    content = Message(lines).xml()
    padded = content + b" " * (limits.BANK_FILE_BYTES_MAX - len(content))
    with pytest.raises(errors.InvalidRequest, match=f"at most {limits.BANK_FILE_BYTES_MAX}"):
        read_statements(padded + b" ", "st.xml")
    (statement,) = read_statements(padded, "st.xml")
    with pytest.raises(errors.InvalidRequest, match="has more than 10000 entries"):
        read_statements(Message((*lines, Line("0.01", ""))).xml(), "st.xml")

    assert limits.BANK_ENTRIES_MAX == len(statement.entries)


def test_a_match_that_fails_books_nothing(store: MonthStore) -> None:
    """Of a message of two statements, of which the second is known otherwise, neither is booked."""
    _match(store, Message((), statement="ST2"))
    one = Message((_line(store),)).xml().decode()
    other = Message((_line(store, reference="R2"),), statement="ST2").xml().decode()
    second = other[other.index("<Stmt>") : other.index("</BkToCstmrStmt>")]
    both = one.replace("</BkToCstmrStmt>", f"{second}</BkToCstmrStmt>").encode()
    with pytest.raises(errors.Precondition):
        match(store, both, fiscal_accounts(), name="st.xml", who="clerk C", moment=MOMENT)

    assert ([], Status.CLEARED) == (payments(store), _notice(store).status)


def _notice(store: MonthStore) -> Notice:
    return notice(store, 1)
