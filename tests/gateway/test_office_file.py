"""`office.json`: what it sets, and what is no setting."""

from pathlib import Path

import pytest
from medsettle.errors import InvalidRequest
from medsettle.gateway.office_file import OfficeFile, read_office


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, OfficeFile()),
        ("{}", OfficeFile()),
        ('{"six_digit_results": false}', OfficeFile(six_digit_results=False)),
        (
            '{"accounts_reconciled": false, "files_enclosed": true}',
            OfficeFile(accounts_reconciled=False, files_enclosed=True),
        ),
    ],
)
def test_what_is_not_set_is_as_without_the_file(
    tmp_path: Path, text: str | None, expected: OfficeFile
) -> None:
    """Each setting is its own."""
    if text is not None:
        (tmp_path / "office.json").write_text(text, encoding="utf-8")
    assert expected == read_office(tmp_path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"six_digits": true}', "six_digits"),
        (b'{"files_enclosed": 1}', "files_enclosed"),
        (b'{"files_enclosed": "\xff"}', "office.json"),
        (b'{"a":' * 100_000, "office.json"),
    ],
)
def test_what_is_no_setting_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    """The message names the file, what is wrong, and the settings there are."""
    (tmp_path / "office.json").write_bytes(data)
    with pytest.raises(InvalidRequest) as refused:
        read_office(tmp_path)
    (fault,) = refused.value.faults
    assert says in str(fault)
    assert "six_digit_results, accounts_reconciled, files_enclosed" in fault.message
