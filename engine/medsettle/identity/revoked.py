"""The list of revoked certificates: a serial number on each line, in hex, as openssl shows it."""

import re
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.watched_file import bounded

_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,40}")


def read_revoked(path: Path) -> frozenset[int]:
    """Return the serial numbers of a file; `#` begins a remark, colons between digits are let be.

    Raises:
        InvalidRequest: Lines that are no serial number, or more than may be.
        OSError: It cannot be read.
    """
    try:
        lines = bounded(path, limits.REVOKED_BYTES_MAX).decode("ascii").splitlines()
    except UnicodeDecodeError:
        text = "is no text of ASCII; a serial number in hex is asked on each line"
        raise InvalidRequest([Fault(path.name, text)]) from None
    found: set[int] = set()
    faults: list[Fault] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip().replace(":", "").removeprefix("serial=")
        if _SERIAL.fullmatch(text):
            found.add(int(text, 16))
        elif text:
            wrong = f"{text[:50]!r} is no serial number in hex of 1 to 40 digits"
            faults.append(Fault(f"{path.name}:{number}", wrong))
    if len(found) > limits.REVOKED_SERIALS_MAX:
        most = limits.REVOKED_SERIALS_MAX
        faults.append(Fault(path.name, f"{len(found)} serial numbers; at most {most}"))
    if faults:
        raise InvalidRequest(faults[: limits.FAULTS_PER_CLAIM_MAX])
    return frozenset(found)
