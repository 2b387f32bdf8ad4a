"""The options of `medsettle serve`, made of the table of settings."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from medsettle.configuration.reading import Effective, effective
from medsettle.configuration.setting import Kind, Setting
from medsettle.configuration.table import SETTINGS

Config = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of settings; see `medsettle config show`."),
]

_TYPES: Final[dict[Kind, Any]] = {Kind.BOOLEAN: bool | None, Kind.TEXTS: list[str] | None}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has an option for each setting, beside those that it names itself.

    What is given arrives as the keyword `settings`, by name; what is not is not in it.
    """
    own = list(inspect.signature(command).parameters.values())
    others = [each for each in own if each.name != "settings"]

    def called(**given: Any) -> None:  # noqa: ANN401 - what typer read
        stated = {each.name: given.pop(each.name) for each in SETTINGS}
        # An option that was not given is None, or, where it may be repeated, nothing.
        kept = {name: _frozen(value) for name, value in stated.items() if value not in (None, [])}
        command(**given, settings=kept)

    called.__doc__ = command.__doc__
    called.__name__ = command.__name__
    made = [_parameter(each) for each in SETTINGS]
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([*made, *(each.replace(kind=keyword) for each in others)])
    called.__signature__ = signature  # type: ignore[attr-defined]
    return called


def read_settings(config: Path | None, given: Mapping[str, Any]) -> Effective:
    """Return the value of every setting, with options before environment and file.

    Raises:
        InvalidRequest: All faults.
        OSError: The file cannot be read.
    """
    return effective(config, options=given, looking=True)


def _parameter(setting: Setting) -> inspect.Parameter:
    told = f"{setting.meaning} [{setting.variable}"
    default = setting.shown(setting.default)
    told += f"; default: {default}]" if default else "]"
    kind = _TYPES.get(setting.kind, str | None)
    metavar = None if setting.kind is Kind.BOOLEAN else str(setting.kind.name)
    option = typer.Option(setting.option, help=told, metavar=metavar)
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )


def _frozen(value: Any) -> Any:  # noqa: ANN401 - what typer read
    return tuple(value) if isinstance(value, list) else value
