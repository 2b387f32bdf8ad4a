"""Bounds of uploads and of files that are handed out, one step either side."""

import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms import ValidationError
from medsettle import limits
from medsettle.console.place import Holdings
from medsettle.errors import InvalidRequest


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_a_file_for_people_has_so_many_rows(looking: Holdings, ending: str) -> None:
    """A workbook or CSV with as many as may be is written, with one more it is not."""
    from medsettle.console.pages.clearing_files import file_of  # noqa: PLC0415 - Django first

    del looking
    rows = pa.table({"number": pa.array(range(limits.CONSOLE_FILE_ROWS_MAX + 1), pa.int64())})
    assert file_of(rows.slice(1), ending, [("table", "numbers")])
    if ending == "parquet":
        assert file_of(rows, ending, [])
        return
    with pytest.raises(InvalidRequest, match="take parquet"):
        file_of(rows, ending, [])


def test_an_upload_has_so_many_bytes(looking: Holdings) -> None:
    """At the bound it is taken, above it is told with both sizes; so is a file that is missing."""
    from medsettle.console.acts import UploadField  # noqa: PLC0415 - Django first

    del looking
    field = UploadField(most=10)
    assert 10 == field.clean(SimpleUploadedFile("a", b"x" * 10)).size
    with pytest.raises(ValidationError, match="11 bytes, and at most 10"):
        field.clean(SimpleUploadedFile("a", b"x" * 11))
    with pytest.raises(ValidationError, match="required"):
        field.clean(None)


@pytest.mark.parametrize("name", ["--out.csv", "../up.csv", "/etc/hosts.csv"])
def test_an_upload_is_put_under_a_name_of_ours(
    looking: Holdings, tmp_path: Path, name: str
) -> None:
    """Whatever it is called is said in messages, and is neither a path nor an option."""
    from medsettle.console.pages.uploads import kept  # noqa: PLC0415 - Django first

    del looking
    file = SimpleUploadedFile("x.csv", b"x")
    # Django itself would leave out what stands before the last part of a name.
    file._name = name  # type: ignore[attr-defined]
    with kept(file, tmp_path, (".csv",)) as path:
        assert ("upload.csv", tmp_path) == (path.name, path.parent.parent)


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_archive_unpacks_to_so_many_bytes(
    looking: Holdings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beyond: int
) -> None:
    """At the bound it is lent, above it it is refused before anything is unpacked."""
    from medsettle.console.pages.uploads import kept  # noqa: PLC0415 - Django first

    del looking
    monkeypatch.setattr(limits, "CONSOLE_UNPACKED_BYTES_MAX", 10_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("book.txt", b"0" * (10_000 + beyond))
    file = SimpleUploadedFile("book.csv", packed.getvalue())
    if not beyond:
        with kept(file, tmp_path, (".csv",)) as path:
            assert packed.getvalue() == path.read_bytes()
        return
    with (
        pytest.raises(InvalidRequest, match=r"book\.csv: unpacks to 10,001 bytes, and at most"),
        kept(file, tmp_path, (".csv",)),
    ):
        pass
