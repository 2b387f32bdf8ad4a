"""The file of peers: who this engine is, which areas it decides, and through whom others are.

```toml
name = "province-a"            # this engine; the common name of its certificate
role = "areas"                 # or "hub": decides nothing, passes on and keeps copies
areas = ["999941"]             # decided here; a hub has none
[tls]                          # paths are relative to the file
certificate = "a.pem"
key = "a.key"
authority = "ca.pem"
listen = "127.0.0.1:6101"      # where peers reach this engine; tills go on to use --listen
[[peers]]
name = "national"
role = "hub"
address = "127.0.0.1:6100"
areas = ["*"]                  # reached through it, and it may speak for them; "*" is every other
```
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.transport import Tls, tls_faults
from medsettle.policy.vocabulary import quoted, suggestion

EVERY_OTHER: Final = "*"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
_AREA = re.compile(r"[0-9]{6}")
_PORT_MAX = 65_535

_KEYS = ("name", "role", "areas", "tls", "peers")
_TLS_FILES = ("certificate", "key", "authority")
_TLS_KEYS = (*_TLS_FILES, "listen")
_PEER_KEYS = ("name", "role", "address", "areas")


class Role(StrEnum):
    """What an engine is: it decides for areas, or it passes on."""

    AREAS = "areas"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An engine that this one is bound to; `areas` may have `EVERY_OTHER`."""

    name: str
    role: Role
    address: str
    areas: tuple[str, ...]


@dataclass(frozen=True)
class PeerConfig:
    """A file of peers, read and checked."""

    name: str
    role: Role
    areas: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]
    tls: Tls | None = None
    listen: str = ""
    """Where peers reach this engine under TLS; without TLS they reach it where tills do."""

    def serves(self, area: str) -> bool:
        """Return whether this engine decides for an area."""
        return area in self._served

    def route(self, area: str) -> Neighbour | None:
        """Return through whom an area is reached: by its own number before `EVERY_OTHER`.

        None where nobody reaches it, and where it is decided here.
        """
        if area in self._served:
            return None
        return self._routes.get(area) or self._routes.get(EVERY_OTHER)

    def speaks_for(self, name: str, area: str) -> bool:
        """Return whether a neighbour may speak for an area: one that is reached through it."""
        neighbour = self.route(area)
        return neighbour is not None and neighbour.name == name

    def neighbour(self, name: str) -> Neighbour | None:
        """Return the neighbour with a name."""
        return self._named.get(name)

    @cached_property
    def _served(self) -> frozenset[str]:
        return frozenset(self.areas)

    @cached_property
    def _routes(self) -> Mapping[str, Neighbour]:
        return {area: each for each in self.neighbours for area in each.areas}

    @cached_property
    def _named(self) -> Mapping[str, Neighbour]:
        return {each.name: each for each in self.neighbours}


def is_area(text: str) -> bool:
    """Return whether a text is an area: six digits.

    >>> is_area("999941"), is_area("99994")
    (True, False)
    """
    return _AREA.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Return whether a text may name an engine.

    >>> is_name("province-a"), is_name("Province A"), is_name("-a")
    (True, False, False)
    """
    return len(text) <= limits.PEER_NAME_CHARS_MAX and _NAME.fullmatch(text) is not None


def read_peers(path: Path) -> PeerConfig:
    """Return a file of peers.

    Raises:
        InvalidRequest: All its faults, each with its path such as `peers[1].address`.
        OSError: The file cannot be read.
    """
    reading = _Reading(path.parent)
    config = reading.config(_tables(path))
    if reading.faults:
        raise InvalidRequest(reading.faults)
    return config


def _tables(path: Path) -> Mapping[str, object]:
    raw = path.read_bytes()
    if len(raw) > limits.DOCUMENT_BYTES_MAX:
        text = f"has {len(raw)} bytes; at most {limits.DOCUMENT_BYTES_MAX}"
        raise InvalidRequest([Fault(path.name, text)])
    try:
        return tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidRequest([Fault(path.name, f"is no TOML in UTF-8: {error}")]) from None


@dataclass
class _Reading:
    """What is read of one file, with the faults found so far."""

    folder: Path
    faults: list[Fault] = field(default_factory=list)

    def config(self, table: Mapping[str, object]) -> PeerConfig:
        """Return the whole file; what it returns beside faults is not to be used."""
        self._known(table, _KEYS, "")
        name = self._name(table, "")
        role = self._role(table, "")
        areas = self._areas(table, "", required=role is Role.AREAS)
        if role is Role.HUB and areas:
            self._fault("areas", "a hub decides for no area; take them out, or say role = 'areas'")
        tls, listen = None, ""
        if "tls" in table:
            files = table["tls"]
            if isinstance(files, dict):
                listen = self._address(files, "listen", "tls.")
            tls = self._tls(table, name)
        neighbours = self._neighbours(table)
        self._across(name, areas, neighbours)
        return PeerConfig(name, role or Role.AREAS, areas, neighbours, tls, listen)

    def _neighbours(self, table: Mapping[str, object]) -> tuple[Neighbour, ...]:
        rows = table.get("peers", [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._fault("peers", "must be tables, each begun by [[peers]]")
            return ()
        if not 1 <= len(rows) <= limits.PEERS_MAX:
            self._fault("peers", f"are {len(rows)}; 1 to {limits.PEERS_MAX} are allowed")
        return tuple(
            self._neighbour(row, f"peers[{index}].")
            for index, row in enumerate(rows[: limits.PEERS_MAX])
        )

    def _neighbour(self, row: Mapping[str, object], at: str) -> Neighbour:
        self._known(row, _PEER_KEYS, at)
        name = self._name(row, at)
        role = self._role(row, at)
        address = self._address(row, "address", at)
        areas = self._areas(row, at, required=True, every_other=True)
        if role is Role.AREAS and EVERY_OTHER in areas:
            self._fault(f"{at}areas", "only a hub passes on to every other area; list its own")
        return Neighbour(name, role or Role.AREAS, address, areas)

    def _address(self, table: Mapping[str, object], key: str, at: str) -> str:
        address = self._text(table, key, at, limits.PEER_ADDRESS_CHARS_MAX)
        found = _ADDRESS.fullmatch(address)
        if address and (found is None or not 1 <= int(found[1]) <= _PORT_MAX):
            text = f"{quoted(address)} is no host and port such as 127.0.0.1:6100"
            self._fault(f"{at}{key}", text)
        return address

    def _across(self, name: str, areas: Iterable[str], neighbours: Iterable[Neighbour]) -> None:
        """Find what only shows where the parts of the file are seen together."""
        names = {name: "this engine"} if name else {}
        reached = dict.fromkeys(areas, "this engine itself")
        for index, each in enumerate(neighbours):
            at = f"peers[{index}]"
            if each.name and each.name in names:
                text = f"{each.name!r} is the name of {names[each.name]} already"
                self._fault(f"{at}.name", text)
            names.setdefault(each.name, at)
            for place, area in enumerate(each.areas):
                if reached.get(area, at) != at:
                    text = f"{area} is reached through {reached[area]} already"
                    self._fault(f"{at}.areas[{place}]", text)
                reached.setdefault(area, at)

    def _tls(self, table: Mapping[str, object], name: str) -> Tls | None:
        files = table["tls"]
        if not isinstance(files, dict):
            self._fault("tls", "must be a table with certificate, key and authority")
            return None
        before = len(self.faults)
        self._known(files, _TLS_KEYS, "tls.")
        paths = [self._file(files, key, "tls.") for key in _TLS_FILES]
        if len(self.faults) > before:
            return None
        tls = Tls(*paths)
        self.faults += tls_faults(tls, name)
        return tls

    def _file(self, table: Mapping[str, object], key: str, at: str) -> Path:
        path = self.folder / self._text(table, key, at, limits.PEER_PATH_CHARS_MAX)
        if key in table and not path.is_file():
            self._fault(f"{at}{key}", f"there is no file {path}")
        return path

    def _name(self, table: Mapping[str, object], at: str) -> str:
        name = self._text(table, "name", at, limits.PEER_NAME_CHARS_MAX)
        if name and not is_name(name):
            text = f"{quoted(name)} must be small letters, digits and hyphens between them"
            self._fault(f"{at}name", text)
        return name

    def _role(self, table: Mapping[str, object], at: str) -> Role | None:
        text = self._text(table, "role", at, limits.PEER_NAME_CHARS_MAX)
        known = [role.value for role in Role]
        if text in known:
            return Role(text)
        if text:
            self._fault(f"{at}role", f"{quoted(text)} is no role; {suggestion(text, known)}")
        return None

    def _areas(
        self, table: Mapping[str, object], at: str, *, required: bool, every_other: bool = False
    ) -> tuple[str, ...]:
        listed = table.get("areas", [])
        if not isinstance(listed, list):
            self._fault(f"{at}areas", 'must be a list such as ["999941"]')
            return ()
        if not int(required) <= len(listed) <= limits.PEER_AREAS_MAX:
            least = f"{int(required)} to {limits.PEER_AREAS_MAX} are allowed"
            self._fault(f"{at}areas", f"are {len(listed)}; {least}")
        kept: list[str] = []
        for index, area in enumerate(listed[: limits.PEER_AREAS_MAX]):
            place = f"{at}areas[{index}]"
            if not isinstance(area, str) or not (
                _AREA.fullmatch(area) or (every_other and area == EVERY_OTHER)
            ):
                or_other = ' or "*"' if every_other else ""
                text = f"{quoted(str(area))} is no area; six digits{or_other} are, in quotes"
                self._fault(place, text)
            elif area in kept:
                self._fault(place, f"{area} is listed twice")
            else:
                kept.append(area)
        return tuple(kept)

    def _text(self, table: Mapping[str, object], key: str, at: str, chars_max: int) -> str:
        """Return the text under a key, empty beside a fault."""
        value = table.get(key)
        if value is None:
            self._fault(f"{at}{key}", "missing; it is required")
        elif not isinstance(value, str) or not 1 <= len(value) <= chars_max:
            text = f"{quoted(str(value))} must be a text of 1 to {chars_max} characters"
            self._fault(f"{at}{key}", text)
        else:
            return value
        return ""

    def _known(self, table: Mapping[str, object], keys: Iterable[str], at: str) -> None:
        for key in table:
            if key not in keys:
                self._fault(f"{at}{key}", f"there is no such key; {suggestion(key, keys)}")

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))
