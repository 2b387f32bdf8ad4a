"""How large a run of the benchmarks is."""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes of a run; the defaults take some ten minutes on two cores.

    Attributes:
        rounds: Rounds of every comparison, at least.
        year_claims: Claims of the year, of a tenth as many persons: 10,000,000 is a province.
        persons: Persons, each with a settlement, in the largest ledger: 10,000,000 is a province.
        bulk_claims: Claims of 10 lines sent as Arrow streams.
        book_rows: Settlements in each of three books: 10,000,000 is a day of a nation.
        replay_claims: Claims of a replayed history, of 30 lines: 10,000,000 is a province's year.
        seconds: Seconds of one run of the load generator.
        soak_seconds: How long memory is watched: 600 for a closing note.
        pin: Whether servers have one core to themselves and the load generator another.
        scratch: Where ledgers are made; a disk, for commits are synced.
    """

    rounds: int = 5
    year_claims: int = 1_000_000
    persons: int = 100_000
    bulk_claims: int = 20_480
    book_rows: int = 1_000_000
    replay_claims: int = 200_000
    seconds: float = 1.0
    soak_seconds: float = 10.0
    pin: bool = True
    scratch: Path = Path("var/bench")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option, with its default."""
    told = dict(_told())
    for each in fields(Options):
        name = each.name.replace("_", "-")
        if isinstance(each.default, bool):
            action = argparse.BooleanOptionalAction
            parser.add_argument(
                f"--{name}", action=action, default=each.default, help=told[each.name]
            )
        else:
            kind = type(each.default)
            parser.add_argument(f"--{name}", type=kind, default=each.default, help=told[each.name])


def options_of(chosen: argparse.Namespace) -> Options:
    """Return the options among the arguments of a command."""
    return Options(**{each.name: getattr(chosen, each.name) for each in fields(Options)})


def _told() -> list[tuple[str, str]]:
    """Return what the docstring says of each option."""
    text = (Options.__doc__ or "").partition("Attributes:")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(name, told) for name, _, told in (line.partition(": ") for line in lines)]
