"""`python -m medsettle.cli.doomed`: servers one after another, each dying where it is told to.

`medsettle torture` starts it once and tells it, in one line of JSON on its standard input for each
life, what to serve and where to die; see `medsettle.torture.named_steps`. Loading the code takes
longer than most lives last, so this process loads it and makes each server by a fork. Itself it
opens no file, no socket and no channel of gRPC, none of which would survive being shared. It tells
the number of each server process and how it ended.
"""

import json
import os
import sys

from medsettle.cli import main, serving
from medsettle.torture.named_steps import arm


def _tell(**said: int) -> None:
    # What a killed process was saying may have no end.
    sys.stdout.write(f"\n{json.dumps(said)}\n")
    sys.stdout.flush()


def _wait(process: int) -> None:
    """Tell how a process ended before it is taken out of the system's list.

    So its number belongs to no other process while somebody may still want to kill it.
    """
    ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    _tell(ended=ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)


def _serve_lives() -> None:
    last = 0
    for line in sys.stdin:
        if last:
            os.waitpid(last, 0)
        last = os.fork()
        if last == 0:
            told = json.loads(line)
            arm(told["step"], told["count"])
            sys.argv = ["medsettle", *told["arguments"]]
            main()
            return
        _tell(process=last)
        _wait(last)


if __name__ == "__main__":
    assert serving, "imported ahead of time, for gRPC loads slowly"
    _serve_lives()
