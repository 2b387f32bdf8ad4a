"""PolicyEngine-core in a process and an environment of its own: it needs an older pytest than ours.

Reads commands from standard input, a line each, and answers with a line:

    load PATH NUMBER   read the claims of a file and keep them under a number
    run NUMBER         settle them, and say how many seconds of CPU that took
    save NUMBER PATH   settle them, and write their shares to a file
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.anchor import openfisca_model as model
from benchmarks.anchor.claims import Columns


def _columns(path: str) -> Columns:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def _answered(words: list[str], kept: dict[str, Any]) -> str:
    match words:
        case ["load", path, number]:
            kept[number] = model.prepare(_columns(path))
            return "done"
        case ["run", number]:
            start = time.process_time()
            model.run(kept[number])
            return repr(time.process_time() - start)
        case ["save", number, path]:
            np.savez(Path(path), **model.columns_of(model.run(kept[number])))  # type: ignore[arg-type]
            return "done"
    raise ValueError(f"{words} is no command; see the top of this file")


def main() -> None:
    """Answer commands until standard input ends."""
    kept: dict[str, Any] = {}
    for line in sys.stdin:
        print(_answered(line.split(), kept), flush=True)


if __name__ == "__main__":
    main()
