"""The commands of `medsettle`, each loaded when it is called.

A command is a process of its own, and most need a few of the packages that all of them need
together: loading the others would be most of its time.
"""

import importlib
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

import typer
from typer.core import TyperGroup

from medsettle.cli.exits import Exit, Quit
from medsettle.cli.shown import with_options
from medsettle.logs.telling import raised_lines

_EXITS = "Exit codes: 0 done; 1 something was found wrong (a rejected claim, a faulty document); "
_EXITS += "2 the call or a file cannot be read; 3 server or ledger out of reach; 4 a bug."

# Module and function of each command, in the order of the help; `app` is a group of commands.
_COMMANDS: Final = {
    "checkout": ("payment_commands", "checkout"),
    "torture": ("torture_commands", "torture"),
    "serve": ("serve_command", "serve"),
    "gateway": ("serve_command", "gateway"),
    "console": ("console_command", "console"),
    "conform": ("conform_command", "conform"),
    "settle": ("claim_commands", "settle"),
    "explain": ("claim_commands", "explain"),
    "cancel": ("claim_commands", "cancel"),
    "reverse": ("request_commands", "reverse"),
    "without": ("comparison_words", "without"),
    "check-settlement": ("check_settlement", "check_settlement"),
    "demo": ("demo_command", "demo"),
    "policy": ("policy_commands", "app"),
    "audit": ("audit_commands", "app"),
    "ledger": ("ledger_commands", "app"),
    "privacy": ("privacy_commands", "app"),
    "relatives": ("relatives_commands", "app"),
    "card": ("card_commands", "app"),
    "person": ("person_commands", "app"),
    "visit": ("visit_commands", "app"),
    "registration": ("registration_commands", "app"),
    "payments": ("payment_commands", "app"),
    "request": ("request_commands", "app"),
    "offline": ("offline_commands", "app"),
    "config": ("config_commands", "app"),
    "health": ("health_command", "health"),
    "access": ("access_commands", "app"),
    "peers": ("peer_commands", "app"),
    "prepay": ("prepay_commands", "app"),
    "statement": ("statement_commands", "app"),
    "verify": ("verify_command", "verify"),
    "hospital": ("hospital_commands", "app"),
    "clear": ("clear_commands", "app"),
    "reconcile": ("reconcile_commands", "app"),
    "population": ("population_command", "population"),
    "replay-report": ("replay_report", "replay_report"),
    "history": ("history_commands", "app"),
    "replay": ("replay_command", "replay"),
}


class _OnDemand(MutableMapping[str, Any]):
    """The commands by name; what is looked up is loaded, what is listed is not."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a command of typer's own click
        if name not in self._loaded:
            module, attribute = _COMMANDS[name]
            self[name] = _command(name, module, attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def _command(name: str, module: str, attribute: str) -> Any:  # noqa: ANN401
    found = getattr(importlib.import_module(f"medsettle.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        # As the group above, and as it would be if it were added to it.
        found.rich_markup_mode = None
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return with_options(command)


class _Commands(TyperGroup):
    """A group whose commands are loaded on demand."""

    def __init__(self, **words: Any) -> None:  # noqa: ANN401 - whatever typer gives a group
        super().__init__(**words)
        self.commands = _OnDemand()


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(help="Settle medical claims of China's social security card. " + _EXITS)
def medsettle() -> None:
    """Stand above the commands."""


def main() -> None:
    """Run the command line and end with a documented exit code."""
    try:
        app()
    except Quit as quit_:
        sys.exit(quit_.code)
    except Exception as bug:  # The outermost edge: whatever it is, it is a bug with an exit code.
        # Its text is not printed: it may repeat what somebody is treated for, and this is a log.
        print("a bug of medsettle; please report these lines", file=sys.stderr)  # noqa: T201
        print(*raised_lines(bug), sep="\n", file=sys.stderr)  # noqa: T201
        sys.exit(Exit.BUG)
