"""Settle claims in this process and nothing else, for a profiler to watch.

The rules are those of the one area that the claims are of, so that loading them is little beside
it. `benchmarks/README.md` has the commands.
"""

import argparse
import tempfile
from pathlib import Path
from shutil import copytree

from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.settle import machine_code

from benchmarks.load import claims
from benchmarks.sections.engine import Asking
from tests.stores import STORES, new_place


def main() -> None:
    """Settle batches of claims with an engine whose ledger is in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiled", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64, help="claims of a batch")
    parser.add_argument("--lines", type=int, default=30, help="lines of a claim")
    chosen = parser.parse_args()
    machine_code.load()
    bills = claims.draw_bills("F", lines=chosen.lines)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copytree(claims.RULES / claims.AREA, folder / "rules" / claims.AREA)
        book = load_rule_book(folder / "rules")
        with open_ledger(new_place(STORES[0], folder)) as ledger:
            asking = Asking(book, ledger, bills)
            for _ in range(chosen.batches):
                asking.ask(chosen.batch)


if __name__ == "__main__":
    main()
