"""`office.json` beside the files of a directory: what an office does in its own way."""

from pathlib import Path
from typing import Final

import msgspec

from medsettle.errors import Fault, InvalidRequest

OFFICE_NAME: Final = "office.json"


class OfficeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of an office; a folder without the file has these.

    `six_digit_results` tells reconciliations as 000000, else in the older form of one digit.
    Without `accounts_reconciled` what personal accounts paid is not compared. With `files_enclosed`
    a file that is fetched is base64 text in an envelope, else it is the whole answer.
    """

    six_digit_results: bool = True
    accounts_reconciled: bool = True
    files_enclosed: bool = False


def read_office(folder: Path) -> OfficeFile:
    """Return the settings of the office whose directory is in a folder.

    Raises:
        InvalidRequest: The file has another setting, or another value, than there are.
        OSError: It cannot be read.
    """
    path = folder / OFFICE_NAME
    if not path.exists():
        return OfficeFile()
    try:
        return msgspec.json.decode(path.read_bytes(), type=OfficeFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        known = ", ".join(OfficeFile.__struct_fields__)
        text = f"{error}; an object of {known} is asked, each true or false"
        raise InvalidRequest([Fault(OFFICE_NAME, text)]) from None
