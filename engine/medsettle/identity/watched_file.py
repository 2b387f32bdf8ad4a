"""A file that is read again when it changed; what cannot be read changes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of

Content = TypeVar("Content")

_NEVER: Final = -limits.ACCESS_FILES_SECONDS


class WatchedFile(Generic[Content]):
    """What a file says, looked at again after `ACCESS_FILES_SECONDS`."""

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        """Read it.

        Raises:
            InvalidRequest: All its faults.
            OSError: It cannot be read.
        """
        self.path = path
        self._read = read
        self._looked = _NEVER
        self._state = _state(path)
        self.content = read(path)

    def at(self, seconds: float) -> Content:
        """Return the content at a moment of a clock that only rises, in seconds."""
        if seconds - self._looked >= limits.ACCESS_FILES_SECONDS:
            self._looked = seconds
            self._look()
        return self.content

    def read_again(self) -> None:
        """Read it, whether it changed or not.

        Raises:
            InvalidRequest: All its faults; what was read before stays.
            OSError: It cannot be read; likewise.
        """
        state = _state(self.path)
        self.content = self._read(self.path)
        self._state = state

    def _look(self) -> None:
        try:
            state = _state(self.path)
            if state == self._state:
                return
            # Told once, and not each second: what is faulty is tried again once it changes.
            self._state = state
            self.read_again()
        except InvalidRequest as error:
            # What stands there may be a secret, or the name of somebody.
            places = ", ".join(fault.path for fault in error.faults)
            told = f"{len(error.faults)} fault(s)"
            say(logged.ACCESS_FILE_REFUSED, file=str(self.path), places=places, told=told)
        except OSError as error:
            say(logged.ACCESS_FILE_REFUSED, file=str(self.path), told=told_of(error))


def _state(path: Path) -> tuple[int, int, int]:
    """Return what changes whenever a file does that is replaced as a whole."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def bounded(path: Path, most: int) -> bytes:
    """Return the bytes of a file that may have so many.

    Raises:
        InvalidRequest: It has more.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    if size > most:
        raise InvalidRequest([Fault(path.name, f"has {size} bytes; at most {most}")])
    return path.read_bytes()
