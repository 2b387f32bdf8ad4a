"""A process that replays a history and kills itself at a step of its second part.

Run as `python -m tests.replay.dying_replayer HISTORY OUT STEP`. The step ends with the name of a
file that is about to be synced; it counts from when the first part is finished.
"""

import os
import sys
from pathlib import Path

from medsettle.replay.history import History
from medsettle.replay.run import replay
from medsettle.replay.worlds import worlds_of

from tests.audit.dying_process import dying, name_of
from tests.engine.engines import RULES
from tests.replay.years import overlay_in

STEPS = (
    "before fsync of claims/baseline/part-00001.parquet.tmp",
    "after fsync of claims/baseline/part-00001.parquet.tmp",
    "before fsync of claims/higher-rate/part-00001.parquet.tmp",
    "after fsync of claims/higher-rate/part-00001.parquet.tmp",
    "before fsync of replay.json.tmp",
    "after fsync of replay.json.tmp",
)


def _run(history: Path, out: Path, step: str) -> None:
    def after_a_part(_claims: int, _differences: int) -> None:
        if os.fsync.__name__ == "fsync":
            os.fsync = dying(os.fsync, step, name_of)

    worlds = worlds_of(RULES, [overlay_in(out.parent)])
    replay(History.open(history), worlds, out, threads=1, progress=after_a_part)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
