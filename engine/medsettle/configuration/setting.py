"""What a setting is: its name, kind, bounds, meaning, and what it is called in each place."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

Value: TypeAlias = str | int | bool | Path | tuple[str, ...] | None

PREFIX: Final = "MEDSETTLE_"
_HIDDEN: Final = "(hidden)"
_PORT_MAX: Final = 2**16 - 1
_PASSWORD: Final = re.compile(r"(://[^:/@]*):[^@]*@|(password=)[^&\s]*", re.IGNORECASE)
_TRUTHS: Final = {"true": True, "false": False}


class Kind(StrEnum):
    """How a value is written."""

    TEXT = "text"
    TEXTS = "list of texts"
    PATH = "path"
    OUTPUT = "path or -"
    ADDRESS = "host:port"
    INTEGER = "whole number"
    BOOLEAN = "true or false"


class There(StrEnum):
    """What has to be under a path before a server starts."""

    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    `default` is the value that nobody has to state; a path in it is taken from where the command
    runs. `least` and `most` bound numbers, inclusively. `reloadable` says whether SIGHUP brings a
    changed value into use. `secret` values are never shown, and passwords in addresses of any.
    `needs` are names of settings without which this one does nothing. `there` says what a path
    has to name; None for what the server makes itself.
    """

    name: str
    kind: Kind
    meaning: str
    default: Value = None
    least: int = 0
    most: int = 0
    reloadable: bool = False
    secret: bool = False
    needs: tuple[str, ...] = ()
    there: There | None = None

    @property
    def variable(self) -> str:
        """The environment variable that states it."""
        return PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The option of `medsettle serve` that states it."""
        return "--" + self.name.replace("_", "-")

    def of_text(self, text: str) -> Value:
        """Return the value that a variable or an option states.

        Raises:
            ValueError: It is none of this kind, or outside the bounds.
        """
        match self.kind:
            case Kind.BOOLEAN:
                if text.lower() not in _TRUTHS:
                    raise ValueError(f"expected true or false, found {text!r}")
                return _TRUTHS[text.lower()]
            case Kind.INTEGER:
                if not re.fullmatch(r"-?\d{1,12}", text):
                    raise ValueError(f"expected a whole number, found {text[:50]!r}")
                return self._bounded(int(text))
            case Kind.TEXTS:
                return tuple(each.strip() for each in text.split(",") if each.strip())
            case _:
                return self._of_words(text, Path())

    def of_toml(self, found: object, folder: Path) -> Value:
        """Return the value that a file in `folder` states.

        Raises:
            ValueError: It is none of this kind, or outside the bounds.
        """
        if self.kind is Kind.BOOLEAN:
            if not isinstance(found, bool):
                raise ValueError(f"expected true or false, found {_shown(found)}")
            return found
        if self.kind is Kind.INTEGER:
            if not isinstance(found, int) or isinstance(found, bool):
                raise ValueError(f"expected a whole number, found {_shown(found)}")
            return self._bounded(found)
        if self.kind is Kind.TEXTS:
            if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
                raise ValueError(f"expected a list of texts, found {_shown(found)}")
            return tuple(found)
        if isinstance(found, str):
            return self._of_words(found, folder)
        raise ValueError(f"expected a text in quotes, found {_shown(found)}")

    def shown(self, value: Value) -> str:
        """Return a value as it may be shown to whoever looks over the shoulder."""
        text = self.plain(value)
        if self.secret and text:
            return _HIDDEN
        return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}{_mark(found)}", text)

    def lacking(self, value: Value) -> str:
        """Return what is not where a value says, in words; nothing where all is there."""
        if self.kind is Kind.OUTPUT and value != "-":
            folder = Path(str(value)).parent
            return "" if folder.is_dir() else f"the folder {folder} does not exist; make it"
        if self.there is None or value is None:
            return ""
        path = Path(str(value))
        if path.exists() and path.is_dir() is (self.there is There.FOLDER):
            return ""
        state = f"is no {self.there}" if path.exists() else "does not exist"
        return f"{path} {state}; name a {self.there} that is there"

    def plain(self, value: Value) -> str:
        """Return a value as text with whatever secret it has; it is for nobody's eyes."""
        if value is None:
            return ""
        if isinstance(value, tuple):
            return ", ".join(value)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _of_words(self, text: str, folder: Path) -> Value:
        if not text.strip():
            raise ValueError("expected a value, found nothing; leave it out for the default")
        if self.kind is Kind.PATH:
            return folder / Path(text).expanduser()
        if self.kind is Kind.OUTPUT:
            return text if text == "-" else str(folder / Path(text).expanduser())
        if self.kind is Kind.ADDRESS:
            return checked_address(text)
        return text

    def _bounded(self, value: int) -> int:
        if not self.least <= value <= self.most:
            raise ValueError(f"{value} lies outside {self.least} to {self.most}")
        return value


def checked_address(text: str) -> str:
    """Return an address, such as `127.0.0.1:50051`.

    Raises:
        ValueError: It is no host with a port.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _PORT_MAX:
        raise ValueError(f"asks for a host and port, not {text!r}")
    return text


def _mark(found: re.Match[str]) -> str:
    return ":***@" if found[1] is not None else "***"


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 50 else f"{text[:50]} …"
