"""Setting Django up: once in a process, with the state of one console."""

import contextlib
import secrets
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command

from medsettle import durable
from medsettle.console import settings as own

_KEY_FILE: Final = "session.key"
_DATABASE: Final = "console.db"
_SECRET_BYTES: Final = 48
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def set_up(state: Path, *, hosts: tuple[str, ...] = ("*",), behind: tuple[str, ...] = ()) -> None:
    """Set Django up, and bring its tables in a folder to today's form.

    Args:
        state: Folder of accounts, sessions and log; made where it is missing.
        hosts: Names that the console is asked by; others are refused.
        behind: Names, with a port where it is not 443, at which a proxy before it speaks HTTPS.
            Without one, sign-ins go over the line as they are.
    """
    if not settings.configured:
        keep_private(state)
        settings.configure(**_of(state), **_behind(hosts, behind))
        django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def keep_private(state: Path) -> None:
    """Make the folder of a console, and let nobody else read it: also one that is there already."""
    durable.make_folder(state, _FOLDER_MODE)
    state.chmod(_FOLDER_MODE)
    # What SQLite puts beside a database has the mode of the database.
    (state / _DATABASE).touch(_FILE_MODE)
    for name in (_DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm", _KEY_FILE):
        with contextlib.suppress(FileNotFoundError):
            (state / name).chmod(_FILE_MODE)


def _of(state: Path) -> dict[str, Any]:
    same = {name: getattr(own, name) for name in dir(own) if name.isupper()}
    return same | {
        "SECRET_KEY": _secret(state / _KEY_FILE),
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(state / _DATABASE),
                # Several threads write sessions and the log: each waits for the one before it.
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
            }
        },
    }


def _behind(hosts: tuple[str, ...], names: tuple[str, ...]) -> dict[str, Any]:
    """Return what holds where browsers come by HTTPS alone: no cookie leaves by anything else."""
    if not names:
        return {"ALLOWED_HOSTS": list(hosts)}
    return {
        "ALLOWED_HOSTS": [*hosts, *(name.partition(":")[0] for name in names)],
        "CSRF_TRUSTED_ORIGINS": [f"https://{name}" for name in names],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "LANGUAGE_COOKIE_SECURE": True,
    }


def _secret(file: Path) -> str:
    """Return the secret that sessions are signed with, made where there is none."""
    if not file.exists():
        file.touch(_FILE_MODE)
        file.write_text(secrets.token_urlsafe(_SECRET_BYTES), encoding="ascii")
    return file.read_text(encoding="ascii")
