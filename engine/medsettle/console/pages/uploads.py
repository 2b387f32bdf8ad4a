"""Files that people upload: put under names of our own for as long as they are read."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Final

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest, PolicyRejected, Precondition

_NAME_CHARS: Final = 80


def told_name(uploaded: "UploadedFile[bytes]") -> str:
    """Return what messages call an uploaded file: the last part of its name, never a path."""
    name = "".join(each for each in PurePath(uploaded.name or "").name if each.isprintable())
    return name[:_NAME_CHARS] or "file"


def put(uploaded: "UploadedFile[bytes]", folder: Path, endings: tuple[str, ...]) -> Path:
    """Put an uploaded file into a folder under a name of ours, and return it.

    Args:
        uploaded: The file.
        folder: Where it goes.
        endings: How its name may end, in lower case.

    Raises:
        InvalidRequest: Its name ends in another way, or it unpacks to too much.
    """
    own = told_name(uploaded)
    ending = PurePath(own).suffix.lower()
    if ending not in endings:
        text = f"{own!r} ends in {ending!r}; expected {', '.join(endings)}"
        raise InvalidRequest([Fault("file", text)])
    path = folder / f"upload{ending}"
    with path.open("wb") as file:
        for chunk in uploaded.chunks():
            file.write(chunk)
    _refuse_larger_unpacked(path, own)
    return path


@contextmanager
def kept(uploaded: "UploadedFile[bytes]", folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Lend an uploaded file as `put` puts it; what is wrong with it is told under its own name.

    Args:
        uploaded: The file.
        folder: Where it is kept meanwhile.
        endings: How its name may end, in lower case.

    Raises:
        InvalidRequest: As `put` raises it, or what reads the file finds something wrong.
        Precondition: As what reads it raises it, or the rules in it have faults.
    """
    with TemporaryDirectory(dir=folder, prefix="upload-") as where:
        path = put(uploaded, Path(where), endings)
        with named(path, told_name(uploaded)):
            yield path


def _refuse_larger_unpacked(path: Path, name: str) -> None:
    """Refuse an archive that unpacks to more than a page reads; none gives more than it says.

    Raises:
        InvalidRequest: It does.
    """
    with path.open("rb") as file:
        # What reads it tells an archive by the same mark, whatever its name.
        if file.read(2) != b"PK":
            return
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(each.file_size for each in archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
            # Whoever reads it says what is wrong.
            return
    if size > limits.CONSOLE_UNPACKED_BYTES_MAX:
        text = _("unpacks to %(size)s bytes, and at most %(most)s are read here; take the command")
        sizes = {"size": f"{size:,}", "most": f"{limits.CONSOLE_UNPACKED_BYTES_MAX:,}"}
        raise InvalidRequest([Fault(name, text % sizes)])


@contextmanager
def named(path: Path, name: str) -> Iterator[None]:
    """Tell what is wrong with a file under another name than its path, which is nobody's business.

    Raises:
        InvalidRequest: As what reads the file raises it.
        Precondition: As what reads the file raises it, or the rules in it have faults.
    """
    try:
        yield
    except InvalidRequest as error:
        faults = [
            Fault(each.path.replace(str(path), name), each.message.replace(str(path), name))
            for each in error.faults
        ]
        raise InvalidRequest(faults) from error
    except (Precondition, PolicyRejected) as error:
        raise Precondition(str(error).replace(str(path), name)) from error
