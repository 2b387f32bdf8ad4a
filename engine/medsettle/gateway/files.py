"""Files: sent up (9101), kept as messages, and fetched (9102) by the institution they belong to."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from medsettle import errors, limits
from medsettle.core.messages import MessageState
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.cataloguing import made_file
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked

UPLOAD: Final = "9101"

_ANYBODY: Final = "plc"
"""What clients write for the institution of a file that is not made for one."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that is kept: its number, name and bytes, and until when it is given out."""

    number: str
    name: str
    data: bytes
    expires: datetime


async def upload(office: Office, asked: Asked) -> Answer:
    """Keep a file, and return the number it is asked for by."""
    said = asked.input["fsUploadIn"]
    _check_owner(asked, said["fixmedins_code"])
    data = _bytes(said["in"])
    content = file_content(said["filename"], data)
    state = office.record(message_of(asked, UPLOAD, content, subject=""), dict)
    return Answer({"": told(file_of(state, content))})


async def download(office: Office, asked: Asked) -> Answer:
    """Return a file of this institution (9102)."""
    said = asked.input["fsDownloadIn"]
    if said["fixmedins_code"] != _ANYBODY:
        _check_owner(asked, said["fixmedins_code"])
    number = said["file_qury_no"]
    made = await made_file(office, number)
    if made is not None:
        until = office.clock() + timedelta(days=limits.GATEWAY_FILE_DAYS)
        file = File(number, *made, until)
    else:
        file = kept(office, asked.envelope.institution, number)
    if office.clock() > file.expires:
        raise errors.FileExpired(
            f"file {file.number} was kept until {file.expires:%Y-%m-%d %H:%M}; have it made anew",
            file_qury_no=file.number,
        )
    if not office.files_enclosed:
        return Answer(file=file.data)
    return Answer({"": told(file) | {"file_byte": base64.b64encode(file.data).decode()}})


def kept(office: Office, institution: str, number: str) -> File:
    """Return a file of an institution, whether it has expired or not.

    Raises:
        NotFound: There is none; whether others have it is not told.
    """
    states = office.messages(number)
    if states and states[0].message.institution == institution:
        state = states[0]
        for said in (state.answer, state.message.content):
            if "file" in said:
                return file_of(state, said)
    raise errors.NotFound(
        f"{institution} has no file {number!r}; send it by {UPLOAD} first", file_qury_no=number
    )


def file_content(name: str, data: bytes) -> dict[str, str]:
    """Return what a message, or its answer, records of a file."""
    return {"filename": name, "file": base64.b64encode(data).decode()}


def file_of(state: MessageState, said: Mapping[str, Any]) -> File:
    """Return the file that a message or its answer has recorded by `file_content`."""
    expires = state.create_time + timedelta(days=limits.GATEWAY_FILE_DAYS)
    return File(
        state.message.subject, str(said["filename"]), base64.b64decode(said["file"]), expires
    )


def told(file: File) -> dict[str, Any]:
    """Return fileinfo of a file."""
    return {"file_qury_no": file.number, "filename": file.name, "dld_endtime": file.expires}


def _check_owner(asked: Asked, stated: str) -> None:
    if stated != asked.envelope.institution:
        text = f"{stated} is not {asked.envelope.institution}, which sends the message"
        raise InvalidRequest([Fault("fixmedins_code", text)])


def _bytes(stated: object) -> bytes:
    """Return the bytes of a file: base64 text, or a list of numbers, also as Java has bytes."""
    try:
        if isinstance(stated, str):
            data = base64.b64decode("".join(stated.split()), validate=True)
        elif isinstance(stated, list):
            data = bytes(_byte(each) for each in stated)
        else:
            data = b""
    except (ValueError, binascii.Error) as error:
        text = f"is neither base64 text nor a list of bytes: {error}"
        raise InvalidRequest([Fault("fsUploadIn.in", text)]) from None
    if not 0 < len(data) <= limits.GATEWAY_FILE_BYTES_MAX:
        text = f"{len(data)} bytes; a file has 1 to {limits.GATEWAY_FILE_BYTES_MAX}"
        raise InvalidRequest([Fault("fsUploadIn.in", text)])
    return data


def _byte(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not -128 <= number < 256:
        raise ValueError(f"{str(number)[: limits.VALUE_CHARS_SHOWN_MAX]} is no byte")
    return number & 0xFF
