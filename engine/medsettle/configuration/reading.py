"""The value of every setting, by option, environment, file or default, and all that is wrong.

An option goes before the environment, that before the file, and the file before the default. What
is wrong in a value that another one goes before is told as well: it would be found too late.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from medsettle import durable, limits
from medsettle.configuration.setting import PREFIX, Setting, Value
from medsettle.configuration.table import BY_NAME, OTHER_VARIABLES, SETTINGS
from medsettle.errors import Fault, InvalidRequest

CONFIG_VARIABLE: Final = "MEDSETTLE_CONFIG"
DEFAULT: Final = "default"
_NEAR: Final = 0.75
_KEY: Final = re.compile(r'^\s*(?:"([^"]+)"|([\w-]+))\s*=|^\s*\[+\s*"?([\w.-]+)')


@dataclass(frozen=True, slots=True)
class Effective:
    """The value of every setting by name, and where each comes from."""

    values: Mapping[str, Value]
    origins: Mapping[str, str]
    file: Path | None = None

    def path(self, name: str) -> Path | None:
        """Return a path, None where none is stated."""
        value = self.values[name]
        assert value is None or isinstance(value, Path)
        return value

    def text(self, name: str) -> str | None:
        """Return a text or an address, None where none is stated."""
        value = self.values[name]
        assert value is None or isinstance(value, str)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.values[name]
        assert isinstance(value, tuple)
        return value

    def number(self, name: str) -> int:
        """Return a whole number."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def truth(self, name: str) -> bool:
        """Return whether something is so."""
        return bool(self.values[name])


@dataclass
class _Stated:
    """What one place states, by setting, each with where it stands."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


def effective(
    file: Path | None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, Value] | None = None,
    *,
    looking: bool = False,
) -> Effective:
    """Return the value of every setting.

    Args:
        file: A TOML file; None asks the environment for one, and goes without where it names none.
        environment: Variables by name; those of this process by default.
        options: Values that were given as options, by the name of the setting.
        looking: Whether to look for what stated paths name; what is not there is a fault.

    Raises:
        InvalidRequest: All faults, each with the file and line, the variable or the option.
        OSError: The file cannot be read.
    """
    given = os.environ if environment is None else environment
    file = file or (Path(given[CONFIG_VARIABLE]) if given.get(CONFIG_VARIABLE) else None)
    faults: list[Fault] = []
    places = [
        _of_options(options or {}, faults),
        _of_environment(given, faults),
        *([_of_file(file, faults)] if file is not None else ()),
    ]
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        name = setting.name
        place = next((each for each in places if name in each.values), None)
        values[name] = setting.default if place is None else place.values[name]
        origins[name] = DEFAULT if place is None else place.origins[name]
    faults += _relations(values, origins)
    if looking:
        faults += _missing(values, origins)
    if faults:
        raise InvalidRequest(faults)
    return Effective(values, origins, file)


def changed(before: Effective, after: Effective) -> tuple[list[Setting], list[Setting]]:
    """Return the settings that differ: those that can be brought into use, and the others."""
    found = [each for each in SETTINGS if before.values[each.name] != after.values[each.name]]
    return [each for each in found if each.reloadable], [
        each for each in found if not each.reloadable
    ]


def _of_options(options: Mapping[str, Value], faults: list[Fault]) -> _Stated:
    stated = _Stated()
    for name, value in options.items():
        setting = BY_NAME[name]
        stated.origins[name] = setting.option
        try:
            # What the command line has read as a flag or a list is one already.
            stated.values[name] = setting.of_text(value) if isinstance(value, str) else value
        except ValueError as error:
            faults.append(Fault(setting.option, str(error)))
    return stated


def _of_environment(environment: Mapping[str, str], faults: list[Fault]) -> _Stated:
    stated = _Stated()
    for setting in SETTINGS:
        text = environment.get(setting.variable)
        if not text:
            continue
        try:
            stated.values[setting.name] = setting.of_text(text)
        except ValueError as error:
            faults.append(Fault(setting.variable, str(error)))
        stated.origins[setting.name] = setting.variable
    known = {each.variable for each in SETTINGS}
    for name in sorted(environment):
        # Others name variables so as well; only what is nearly a setting was meant to be one.
        if name.startswith(PREFIX) and name not in known | OTHER_VARIABLES:
            near = _nearest(name.removeprefix(PREFIX).lower(), BY_NAME)
            if near:
                meant = BY_NAME[near].variable
                faults.append(Fault(name, f"no setting; did you mean {meant}? Unset it otherwise"))
    return stated


def _of_file(file: Path, faults: list[Fault]) -> _Stated:
    stated = _Stated()
    size, most = file.stat().st_size, limits.CONFIG_FILE_BYTES_MAX
    if size > most:
        faults.append(Fault(str(file), f"{size} bytes, more than {most}; it holds settings alone"))
        return stated
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(str(file), f"no TOML: {error}"))
        return stated
    lines, mode = _lines(text), file.stat().st_mode
    for name, value in found.items():
        where = f"{file}:{lines.get(name, 1)}"
        setting = BY_NAME.get(name)
        if setting is None:
            faults.append(Fault(where, _unknown(name)))
            continue
        try:
            stated.values[name] = setting.of_toml(value, file.parent)
        except ValueError as error:
            faults.append(Fault(where, f"{name}: {error}"))
        stated.origins[name] = where
        kept = stated.values.get(name)
        if mode & durable.TOO_OPEN and setting.shown(kept) != setting.plain(kept):
            text = f"{name} has a secret, and others may read the file (mode {mode & 0o777:o}); "
            text += f"chmod 600 it, or state {setting.variable} in the environment instead"
            faults.append(Fault(where, text))
    return stated


def _relations(values: Mapping[str, Value], origins: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is stated without something that it needs."""
    for setting in SETTINGS:
        if values[setting.name] == setting.default or origins[setting.name] == DEFAULT:
            continue
        for needed in setting.needs:
            if not values[needed]:
                what = BY_NAME[needed]
                yield Fault(
                    origins[setting.name],
                    f"{setting.name} does nothing without {needed}; state that too ({what.option}, "
                    f"{what.variable}, or in the file), or leave this out",
                )


def _missing(values: Mapping[str, Value], origins: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is stated and is not there."""
    for setting in SETTINGS:
        origin = origins[setting.name]
        if origin != DEFAULT and (lacking := setting.lacking(values[setting.name])):
            yield Fault(origin, f"{setting.name}: {lacking}")


def _unknown(name: str) -> str:
    near = _nearest(name, BY_NAME)
    hint = f"did you mean {near}?" if near else "`medsettle config show` lists them all"
    return f"{name!r} is no setting; {hint}"


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), 1, _NEAR)
    return found[0] if found else ""


def _lines(text: str) -> dict[str, int]:
    """Return the first line on which each key or table stands."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key = _KEY.match(line)
        if key is not None:
            named = key[1] or key[2] or key[3].partition(".")[0]
            found.setdefault(named, number)
    return found
