"""The files of 3202: what an institution has settled, and where that differs.

Lines as `medsettle.core.statement_lines` has them, in a ZIP archive with one file.
"""

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from medsettle import limits
from medsettle.core.reconciliation import StatedRow
from medsettle.core.statement_lines import EXTENSIONS_MAX, FIELDS, NULL, is_refund, sole_file
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.fields import Field, code, money, text
from medsettle.gateway.reading import read_row

RESULT_NAME: Final = "result.txt"
"""The name of the file in the archive that is sent back."""

_FIELDS: Final[tuple[Field, ...]] = (
    text("setl_id", 30, "结算ID", required=True),
    text("mdtrt_id", 30, "就诊ID"),
    text("psn_no", 30, "人员编号", required=True),
    money("medfee_sumamt", "医疗费总额", required=True),
    money("fund_pay_sumamt", "基金支付总额", required=True),
    money("acct_pay", "个人账户支出", required=True),
    code("refd_setl_flag", "退费结算标志", chars=3),
)
assert FIELDS == tuple(field.name for field in _FIELDS)


def read_rows(data: bytes, path: str) -> list[StatedRow]:
    """Return the settlements and refunds that a file states, in its order.

    Args:
        data: The file as it was sent; a text that is not packed is read too.
        path: What the file is called in messages.

    Raises:
        InvalidRequest: It is no such file; every line that is not read is named.
    """
    try:
        lines = _unpacked(data, path).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        text_ = f"byte {error.start} is no UTF-8; send the text in UTF-8"
        raise InvalidRequest([Fault(path, text_)]) from None
    while lines and not lines[-1].strip():
        lines.pop()
    most = limits.STATEMENT_ROWS_MAX
    if len(lines) > most:
        raise InvalidRequest(
            [Fault(path, f"has {len(lines)} lines; at most {most} are read, send fewer days")]
        )
    faults: list[Fault] = []
    rows = [_row(line, f"{path}:{at}", faults) for at, line in enumerate(lines, 1)]
    if faults:
        shown = limits.FILE_FAULTS_SHOWN_MAX
        if len(faults) > shown:
            faults[shown:] = [Fault(path, f"{len(faults) - shown} more faults")]
        raise InvalidRequest(faults)
    return [row for row in rows if row is not None]


def _row(line: str, path: str, faults: list[Fault]) -> StatedRow | None:
    cells = line.removesuffix("\r").split("\t")
    if not len(FIELDS) <= len(cells) <= len(FIELDS) + EXTENSIONS_MAX:
        count = f"{len(FIELDS)} or {len(FIELDS) + EXTENSIONS_MAX}"
        faults.append(Fault(path, f"has {len(cells)} fields between TABs, not {count}"))
        return None
    stated = {
        name: None if cell.strip() == NULL else cell
        for name, cell in zip(FIELDS, cells, strict=False)
    }
    before = len(faults)
    found = read_row(_FIELDS, stated, path, faults)
    if len(faults) > before:
        return None
    total = found["medfee_sumamt"]
    return StatedRow(
        settlement=found["setl_id"],
        encounter=found["mdtrt_id"] or "",
        person=found["psn_no"],
        total_fen=total,
        fund_fen=found["fund_pay_sumamt"],
        account_fen=found["acct_pay"],
        refund=is_refund(total, found["refd_setl_flag"]),
    )


def _unpacked(data: bytes, path: str) -> bytes:
    """Return the one file of an archive, or what is no archive as it is."""
    if not data.startswith(b"PK"):
        return _bounded(data, path)
    try:
        with (
            zipfile.ZipFile(io.BytesIO(data)) as archive,
            archive.open(sole_file(archive, path)) as packed,
        ):
            # What the archive says of its size is not to be relied on.
            return _bounded(packed.read(limits.STATEMENT_BYTES_MAX + 1), path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        text_ = f"is no ZIP archive that can be read ({error}); pack and send it again"
        raise InvalidRequest([Fault(path, text_)]) from None


def _bounded(data: bytes, path: str) -> bytes:
    most = limits.STATEMENT_BYTES_MAX
    if len(data) > most:
        raise InvalidRequest([Fault(path, f"unpacks to more than {most} bytes; send fewer days")])
    return data


def packed(name: str, rows: Iterable[Sequence[str | None]]) -> bytes:
    """Return an archive with one file of these rows; the same rows give the same bytes."""
    lines = ("\t".join(NULL if cell is None else _clean(cell) for cell in row) for row in rows)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        # A ZipInfo of its own has no present moment in it.
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, "".join(f"{line}\n" for line in lines).encode())
    return written.getvalue()


def _clean(cell: str) -> str:
    """Return a cell that stays one: what an institution sent may hold anything."""
    return "".join(each if each.isprintable() else " " for each in cell) or NULL
