"""An accounts file is read strictly, with all its faults at once."""

from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.payments.accounts import BankAccount, read_accounts
from medsettle.payments.orders import Party, PartyType

from tests.payments.paying import FUND, HOSPITAL, accounts_of, person, write_accounts

_HEADER = "payee_type,pooling_area,payee,account,name,bank\n"
_ROW = {
    "payee_type": "person",
    "pooling_area": "999913",
    "payee": "P1",
    "account": "6200",
    "name": "示例甲",
    "bank": "999000000001",
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "accounts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _row(**changes: str) -> str:
    return ",".join((_ROW | changes).values()) + "\n"


def _faults(path: Path) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        read_accounts(path)
    return [str(fault).removeprefix(str(path)) for fault in refused.value.faults]


def test_accounts_are_read_back(tmp_path: Path) -> None:
    """What a file states is what is read, whoever it is."""
    employer = Party(PartyType.EMPLOYER, "999913", "P1")
    given = accounts_of(FUND, HOSPITAL, employer, person(1), person(2))

    assert given == read_accounts(write_accounts(tmp_path / "a.csv", given))


def test_blanks_a_mark_at_the_start_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    """Spreadsheets add all three."""
    path = _file(tmp_path, "\ufeff# invented\n" + _HEADER + "\n" + _row(name=" 示例甲 "))

    assert {person(1): BankAccount("6200", "示例甲", "999000000001")} == read_accounts(path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Each with its line and column, and what was expected; a name is never repeated."""
    text = "# invented\n" + _HEADER
    text += _row(payee_type="persn", pooling_area="99991", account="62 00")
    text += _row() + _row(account="6201")
    text += _row(payee="P2", name="", bank="99900000000")
    text += _row(payee_type="fund", payee="pooled")
    text += "person,999913\n"

    assert [
        ":3 payee_type: 'persn' is none of person, employer, institution, fund, fiscal",
        ":3 pooling_area: '99991' is not six digits",
        ":3 account: '62 00' has 5 characters; expected 1 to 34 printable ASCII characters without "
        "spaces",
        ":5 payee: has an account in line 4 already; keep one",
        ":6 name: has 0 characters; expected 1 to 140 printable ones",
        ":6 bank: '99900000000' is no bank number of twelve digits",
        ":7 payee: 'pooled' is no payer; one of pooled_fund, civil_servant, enterprise, "
        "critical_illness, large_amount, disabled_serviceman, assistance, other_fund, "
        "institution_share, account, mutual_aid",
        ":8: has 2 cells, expected 6",
    ] == _faults(_file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1: the file is empty; expected the header"),
        ("# only a comment\n", ":1: the file is empty; expected the header"),
        ("payee,account\n", ":1: expected the header payee_type,pooling_area"),
        (_HEADER + '"person,999913\n', ":2: cannot be read as CSV"),
    ],
    ids=["empty", "comment", "other-header", "open-quote"],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, says: str) -> None:
    """What cannot be read as accounts at all is one fault."""
    (fault,) = _faults(_file(tmp_path, text))

    assert fault.startswith(says)


def test_another_encoding_is_told(tmp_path: Path) -> None:
    """A file saved as GBK is named with the byte at which it stops being UTF-8: the second sign."""
    path = tmp_path / "accounts.csv"
    path.write_bytes((_HEADER + _row()).encode("gbk"))

    assert [f": byte {len(_HEADER) + 24} is no UTF-8; save the file as UTF-8"] == _faults(path)


@pytest.mark.parametrize(
    ("column", "most"),
    [
        ("payee", limits.PERSON_CHARS_MAX),
        ("account", limits.BANK_ACCOUNT_CHARS_MAX),
        ("name", limits.PARTY_NAME_CHARS_MAX),
    ],
)
def test_texts_are_bounded(tmp_path: Path, column: str, most: int) -> None:
    """The longest text is read, one character more is a fault of its column."""
    longest = _file(tmp_path, _HEADER + _row(**{column: "x" * most}))
    assert 1 == len(read_accounts(longest))
    (fault,) = _faults(_file(tmp_path, _HEADER + _row(**{column: "x" * (most + 1)})))

    assert f":2 {column}: " in fault
    assert f"has {most + 1} characters; expected 1 to {most} " in fault


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One account or byte more than the bound is told with both numbers."""
    path = _file(tmp_path, _HEADER + _row(payee="P1") + _row(payee="P2"))
    size = path.stat().st_size
    monkeypatch.setattr(limits, "ACCOUNT_ROWS_MAX", 2)
    monkeypatch.setattr(limits, "ACCOUNT_FILE_BYTES_MAX", size)
    assert 2 == len(read_accounts(path))
    monkeypatch.setattr(limits, "ACCOUNT_ROWS_MAX", 1)
    assert [":3: is account 2; split the file"] == _faults(path)
    monkeypatch.setattr(limits, "ACCOUNT_FILE_BYTES_MAX", size - 1)
    assert [f": has {size} bytes, at most {size - 1}; split it"] == _faults(path)


def test_a_thousand_faults_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    """The wrong file is told as such, not in a million lines."""
    most = limits.FILE_FAULTS_SHOWN_MAX
    full = _faults(_file(tmp_path, _HEADER + _row(bank="no") * most))
    more = _faults(_file(tmp_path, _HEADER + _row(bank="no") * (most + 1)))

    assert most == len(full)
    assert [*full, ": and 1 more faults"] == more
