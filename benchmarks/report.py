"""Print who settles how many claims a second: the tables of one `make bench` run.

python benchmarks/report.py var/benchmarks.json
"""

import json
import sys
from pathlib import Path
from typing import Any, Final, TypeAlias

from rich.console import Console
from rich.table import Table

OURS: Final = "medsettle"

# The tables of a run, by the mark of their cases: what a column counts, and what it is settled by.
TABLES: Final = {
    "kernel": ("claims", "settled one by one, each with its counters given"),
    "year": ("claims", "a year in order, counters carried from claim to claim"),
    "lines": ("lines", "charge lines split and summed, 60 to a claim"),
}

# Claims or lines per second of a tool (first key) at a batch size (second key), by its median.
Rates: TypeAlias = dict[str, dict[int, float]]

_AT_LEAST: Final = ((1e6, "M"), (1e3, "k"))


def read_rates(record: dict[str, Any], table: str) -> tuple[Rates, dict[str, int]]:
    """Return the rates of one table of a run, and the claims each tool got wrong at any size."""
    rates: Rates = {}
    wrong: dict[str, int] = {}
    for case in record["benchmarks"]:
        facts = case["extra_info"]
        if facts.get("table") == table:
            tool, size = facts["tool"], facts["count"]
            rates.setdefault(tool, {})[size] = size / case["stats"]["median"]
            wrong[tool] = max(wrong.get(tool, 0), facts["wrong_claims"])
    return rates, wrong


def rate_text(rate: float) -> str:
    """Return a rate with three digits that count.

    >>> rate_text(440_321), rate_text(31_500_000), rate_text(97)
    ('440 k', '31.5 M', '97')
    """
    for scale, letter in _AT_LEAST:
        if rate >= scale:
            number = rate / scale
            return f"{number:.0f} {letter}" if number >= 100 else f"{number:.3g} {letter}"
    return f"{rate:.0f}"


def table_of(title: str, rates: Rates, wrong: dict[str, int]) -> Table:
    """Return a row for each tool, fastest at the largest batch first."""
    sizes = sorted({size for row in rates.values() for size in row})
    ours = rates.get(OURS, {})
    table = Table(title=title)
    table.add_column("tool")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("wrong claims", justify="right")
    for tool in sorted(rates, key=lambda name: -rates[name].get(sizes[-1], 0)):
        row = rates[tool]
        cells = []
        for size in sizes:
            cell = rate_text(row[size]) if size in row else "–"
            if size in row and size in ours and tool != OURS:
                cell += f"  ×{row[size] / ours[size]:.2g}"
            cells.append(cell)
        table.add_row(tool, *cells, f"{wrong[tool]:,}")
    return table


def verdicts(rates: Rates) -> list[str]:
    """Return a sentence for each batch size: whom medsettle beats and who beats it."""
    ours = rates.get(OURS)
    if ours is None:
        return ["medsettle itself was not part of this run."]
    sentences = []
    for size, rate in sorted(ours.items()):
        # "medsettle, with counters" is ourselves doing more, and nobody to beat.
        others = {
            tool: row[size]
            for tool, row in rates.items()
            if not tool.startswith(OURS) and size in row
        }
        beaten = [tool for tool in others if others[tool] < rate]
        faster = [tool for tool in others if others[tool] >= rate]
        sentences.append(
            f"At {size:,}: medsettle beats {'; '.join(beaten) or 'nobody'}."
            f" As fast or faster: {'; '.join(faster) or 'nobody'}."
        )
    return sentences


def machine_text(record: dict[str, Any]) -> str:
    """Return the machine, Python and library versions of a run, and its day."""
    machine = record["machine_info"]
    cpu = machine.get("cpu", {}).get("brand_raw", machine.get("processor", "unknown processor"))
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{cpu}, {machine['cores']} cores, one thread used; {machine['system']};"
        f" Python {machine['python_version']}; {versions}; {record['datetime'][:10]}."
        " Medians of one run: compare the factors, not the rates."
    )


def main() -> None:
    """Print the tables of the record named on the command line."""
    record = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    console = Console(width=max(Console().width, 132), highlight=False)
    for name, (unit, what) in TABLES.items():
        rates, wrong = read_rates(record, name)
        if rates:
            title = f"{unit} per second and the factor against medsettle: {what}"
            console.print(table_of(title, rates, wrong))
            for sentence in verdicts(rates):
                console.print(sentence)
            console.print()
    console.print(machine_text(record))


if __name__ == "__main__":
    main()
