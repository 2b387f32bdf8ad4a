"""Replace a running server by another version of it, or go back, while tills go on asking.

    python upgrade.py --start-new CMD --stop-old CMD --ready-new CMD
                      --stop-new CMD --start-old CMD --ready-old CMD
                      [--waiting-new CMD] [--overlap] [--seconds 60]

Commands are those of whatever runs the servers: `systemctl start medsettle@b`, a script, `kubectl`.
`start` returns while the server starts, `stop` once it has ended, `ready` with 0 once it serves
(`medsettle health`).

A ledger in a file has one writer. The new server is started first, with `takeover_seconds`: it
loads everything, says that it waits for the ledger, and does; `--waiting-new` ends with 0 then, and
until it does nothing is stopped. Then the old one is stopped, finishes what it accepted and gives
the ledger up; the new one goes on with it. With `--overlap`, for a ledger in PostgreSQL,
the new one serves beside the old one before that is stopped.

Where the new server does not get ready in time it is stopped and the old one started again. To go
back later the same script is run with old and new exchanged; a ledger that the new version migrated
lets the old one in while each step said so (`medsettle ledger migrate` tells).

Each step is told as a line of JSON with its seconds. Exit codes: 0 the new server serves; 1 the old
one serves again; 3 neither does.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

UPGRADED, WENT_BACK, NEITHER = 0, 1, 3
_POLL_SECONDS = 0.05


@dataclass
class Steps:
    """Runs commands and tells of each."""

    began: float = field(default_factory=time.monotonic)

    def run(self, name: str, command: str) -> bool:
        """Run a command; return whether it ended with 0."""
        begun = time.monotonic()
        done = subprocess.run(  # noqa: S603 - what the operator wrote
            shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        )
        self._tell(name, begun, code=done.returncode)
        return done.returncode == 0

    def ready(self, name: str, command: str, seconds: float) -> bool:
        """Ask until a server is ready; return whether it was in time."""
        begun = time.monotonic()
        tries = 0
        while time.monotonic() - begun < seconds:
            tries += 1
            done = subprocess.run(  # noqa: S603 - what the operator wrote
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode == 0:
                self._tell(name, begun, tries=tries)
                return True
            time.sleep(_POLL_SECONDS)
        self._tell(name, begun, tries=tries, late=True)
        return False

    def _tell(self, name: str, begun: float, **more: object) -> None:
        now = time.monotonic()
        told = {"step": name, "at": round(begun - self.began, 3), "seconds": round(now - begun, 3)}
        sys.stdout.write(json.dumps(told | more) + "\n")
        sys.stdout.flush()


def upgrade(told: argparse.Namespace) -> int:
    """Replace the old server by the new one; return an exit code."""
    steps = Steps()
    stopped = False
    fine = steps.run("start new", told.start_new)
    if told.overlap:
        fine = fine and steps.ready("new is ready", told.ready_new, told.seconds)
    elif told.waiting_new:
        fine = fine and steps.ready("new waits", told.waiting_new, told.seconds)
    if fine:
        stopped = True
        fine = steps.run("stop old", told.stop_old)
        if fine and steps.ready("new is ready", told.ready_new, told.seconds):
            return UPGRADED
    steps.run("stop new", told.stop_new)
    if stopped:
        steps.run("start old", told.start_old)
    if steps.ready("old is ready", told.ready_old, told.seconds):
        return WENT_BACK
    return NEITHER


def main(arguments: Sequence[str]) -> int:
    """Read the command line and upgrade."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for which in ("new", "old"):
        for verb in ("start", "stop", "ready"):
            parser.add_argument(f"--{verb}-{which}", required=True, metavar="CMD")
    parser.add_argument("--waiting-new", default="", metavar="CMD", help="new waits for the ledger")
    parser.add_argument("--overlap", action="store_true", help="both serve one PostgreSQL")
    parser.add_argument("--seconds", type=float, default=60.0, help="to get ready")
    return upgrade(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
