"""The lines of a 3202 file: an institution's settlements and refunds, field by field.

Text in UTF-8, a line for each settlement, fields between TABs, no header, `null` for nothing. A
settlement that was refunded has two lines, one positive and one negative.
"""

from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from medsettle.errors import Fault, InvalidRequest

FIELDS: Final[tuple[str, ...]] = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "refd_setl_flag",
)
"""The fields of a line, in order."""

EXTENSIONS_MAX: Final = 1
"""exp_content may follow, and is passed over."""

NULL: Final = "null"
REFUNDED: Final = "1"
"""refd_setl_flag of what was refunded, and of the refund."""


def is_refund(total_fen: int, flag: str | None) -> bool:
    """Return whether a line takes its settlement back.

    The flag alone does not tell: a settlement that was refunded has it on both its lines.

    >>> is_refund(-100, None), is_refund(100, "1"), is_refund(0, "1")
    (True, False, True)
    """
    return total_fen < 0 or (total_fen == 0 and flag == REFUNDED)


def sole_file(archive: ZipFile, path: str) -> ZipInfo:
    """Return the one file of an archive, `path` in messages.

    Raises:
        InvalidRequest: There is not exactly one, or it is packed in a way that is not read.
    """
    files = [each for each in archive.infolist() if not each.is_dir()]
    if len(files) != 1:
        raise InvalidRequest([Fault(path, f"holds {len(files)} files; pack one text file")])
    # Others may ask for any amount of memory before their first byte comes out.
    if files[0].compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise InvalidRequest([Fault(path, "is packed in a rare way; use deflate")])
    if files[0].flag_bits & 1:
        raise InvalidRequest([Fault(path, "is encrypted; send it without a password")])
    return files[0]
