"""A till that dies at a step: it seals three claims, settles them, and is killed on the way.

Run as `python -m tests.offline.dying_till FOLDER STEP NUMBER`; an empty step lets it live.
"""

import os
import signal
import sys
from pathlib import Path

from medsettle.core.settlement import Row
from medsettle.offline.settling import Answer, settle_in_order
from medsettle.offline.store import Decided, Kept, Page, TillStore

from tests.engine.engines import engine_on
from tests.offline.sealing import At, clock, found_in, seal, store_in

STEPS = ("sealing", "sealed", "sending", "answered", "written")
CLAIMS = (1, 2, 3)


class Trap:
    """Ends this process at the step, the n-th time."""

    def __init__(self, step: str, number: int) -> None:
        self._step, self._left = step, number

    def __call__(self, step: str) -> None:
        """Die here if it is the step."""
        if step == self._step:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


def _arm(trap: Trap) -> None:
    """Let the store die within its transactions."""
    add, decide = Page.add, TillStore.decide

    def adding(self: Page, kept: Kept) -> None:
        add(self, kept)
        trap("sealing")

    def deciding(self: TillStore, seq: int, decided: Decided, moment: object) -> None:
        trap("answered")
        decide(self, seq, decided, moment)  # type: ignore[arg-type]
        trap("written")

    Page.add = adding  # type: ignore[method-assign]
    TillStore.decide = deciding  # type: ignore[method-assign]


class _Dying(At):
    def __init__(self, at: At, trap: Trap) -> None:
        super().__init__(at.engine)
        self._trap = trap

    def settle(self, row: Row) -> Answer:
        """Return the answer to a claim, unless this dies before it asks."""
        self._trap("sending")
        return super().settle(row)


def main(folder: Path, step: str, number: int) -> None:
    """Seal and settle."""
    trap = Trap(step, number)
    _arm(trap)
    with store_in(folder) as store, engine_on(folder) as engine:
        for each in CLAIMS:
            seal(store, each)
            trap("sealed")
        for _ in settle_in_order(store, found_in(store), _Dying(At(engine), trap), clock):
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
