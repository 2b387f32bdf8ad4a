"""The page of results: what a record holds, as Markdown."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from benchmarks.anchor.names import COUNTERS
from benchmarks.earlier import Earlier
from benchmarks.goals import Outcome, outcomes
from benchmarks.record import OURS, Record, ratios
from benchmarks.sections import names as of

_SCALES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))

PICTURES: Final = {
    "batch": "Claims a second of the anchor policy, by the claims of a batch.",
    "policies": "What a claim costs under every shipped policy, by its stages and instructions.",
    "lines": "What a claim costs in the engine, by its charge lines.",
    "commits": "Durable claims a second, by the claims that share a commit.",
    "persons": "What a claim costs, by the persons and settlements that are there already.",
    "in-flight": "Rate and latency of the servers, by the calls in flight.",
    "soak": "Memory of a server that settles without a pause.",
}

NOT_MEASURED: Final = (
    "TLS, authentication, and a network: servers and load generator share one machine, which the"
    " generator keeps as busy as the server. CPU of the server stands beside each rate.",
    "PostgreSQL: `pytest benchmarks/test_ledgers.py --benchmark-enable` has its commits.",
    "Power loss. A commit is as durable as the disk's answer to fdatasync, here a virtual disk.",
    "Other policies on other tools: one policy was written on each, as well as we know how.",
    "Floats. On OpenFisca and PolicyEngine as their documentation teaches, amounts in yuan, about"
    " one claim in eight of the anchor policy is off by a fen; here both are given whole fen.",
    "Several threads: every tool has one. Polars and DuckDB would use all cores.",
    "Compiling, importing, and reading files, other than the start of a server.",
    "ARM, a machine without AVX-512, and more than two cores.",
)


def number(value: float) -> str:
    """Return a number with three digits that count.

    >>> number(440_321), number(31_500_000), number(97), number(0.0312)
    ('440 k', '31.5 M', '97', '0.0312')
    """
    for scale, letter in _SCALES:
        if value >= scale:
            scaled = value / scale
            return f"{scaled:.0f} {letter}" if scaled >= 100 else f"{scaled:.3g} {letter}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values: Sequence[float]) -> str:
    """Return the median of some values, and the lowest and highest.

    >>> spread([1.0, 2.0, 4.0])
    '2 (1–4)'
    """
    return f"{number(statistics.median(values))} ({number(min(values))}–{number(max(values))})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are figures."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def goal_lines(record: Record) -> str:
    """Return a line for each goal, for the terminal."""
    found, untold = outcomes(record)
    lines = [
        f"{'met ' if each.met else 'MISS'}  {spread(each.values):>24} {each.unit:2}"
        f" asked {_asked(each):9} {each.goal}"
        for each in found
    ]
    return "\n".join([*lines, *(f"----  not in this record: {text}" for text in untold)])


def _asked(outcome: Outcome) -> str:
    return f"{'≥' if outcome.at_least else '≤'} {outcome.asked:g}"


def _goals(record: Record, earlier: Sequence[Earlier]) -> str:
    found, untold = outcomes(record)
    rows = [
        (
            each.goal,
            *(_then(run, each.goal) for run in earlier),
            f"{spread(each.values)} {each.unit}",
            _asked(each),
            _yes(met=each.met),
        )
        for each in found
    ]
    rows += [
        (text, *(_then(run, text) for run in earlier), "not in this record", "", "")
        for text in untold
    ]
    runs = [f"{run.name}, {run.started[:10]}" for run in earlier]
    return table(("goal", *runs, "median (lowest–highest)", "asked", "met"), rows)


def _then(run: Earlier, goal: str) -> str:
    return number(run.medians[goal]) if goal in run.medians else "–"


def _yes(*, met: bool) -> str:
    return "yes" if met else "**no**"


def _compared(record: Record, section: str, unit: str, what: str) -> str:
    """Return a row for each tool: its rate at each place, and the ratio to ours."""
    found = record.section(section, unit)
    places = sorted({each.at for each in found})
    tools = sorted(
        dict.fromkeys(each.tool for each in found),
        key=lambda tool: -_median(record, section, tool, places[-1], unit),
    )
    rows = []
    for tool in tools:
        cells = [_cell(record, section, tool, at, unit) for at in places]
        wrong = [each.wrong for each in found if each.tool == tool and each.wrong is not None]
        rows.append((tool, *cells, str(sum(wrong)) if wrong else "–"))
    head = (what, *(f"{at:,}" for at in places), "wrong")
    return table(head, rows)


def _median(record: Record, section: str, tool: str, at: int, unit: str) -> float:
    found = record.find(section, tool, at, unit)
    return 0.0 if found is None else found.median


def _cell(record: Record, section: str, tool: str, at: int, unit: str) -> str:
    found = record.find(section, tool, at, unit)
    if found is None:
        return "–"
    text = spread(found.values)
    ours = record.find(section, OURS, at, unit)
    if ours is None or tool in {OURS, of.COPY}:
        return text
    return f"{text} ×{statistics.median(ratios(found, ours)):.2g}"


def _values(record: Record, section: str, what: str) -> str:
    """Return a row for each tool and place, a column for each unit."""
    found = record.section(section)
    units = list(dict.fromkeys(each.unit for each in found))
    rows = []
    for tool, at in dict.fromkeys((each.tool, each.at) for each in found):
        cells = (record.find(section, tool, at, unit) for unit in units)
        rows.append(
            (tool, _place(at, what), *("–" if c is None else spread(c.values) for c in cells))
        )
    return table(("", what, *units), rows)


def _place(at: int, what: str) -> str:
    """Return where something was measured; the number of a transaction is a name."""
    if what != "infno":
        return f"{at:,}"
    return str(at) if at else "visits"


def _policies(record: Record) -> str:
    """Return what a claim costs by the number of stages, over all policies with so many."""
    found = record.section(of.POLICIES)
    stages = sorted({each.facts["stages"] for each in found})
    rows = []
    for count in stages:
        own = [each for each in found if each.facts["stages"] == count]
        costs = [1e9 / each.median for each in own]
        instructions = [each.facts["instructions"] for each in own]
        each = statistics.median(c / i for c, i in zip(costs, instructions, strict=True))
        rows.append((str(count), str(len(own)), spread(costs), spread(instructions), f"{each:.2f}"))
    head = ("stages", "policies", "ns/claim", "instructions", "ns an instruction")
    return table(head, rows)


def _machine(record: Record) -> str:
    machine = record.machine
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    load = " ".join(str(each) for each in machine["load_before"])
    seconds = sum(record.seconds.values())
    options = ", ".join(f"{name} {value}" for name, value in record.options.items())
    return "\n".join(
        [
            f"- {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB;"
            f" {machine['system']}; load average before the run {load}.",
            f"- Python {machine['python']}, {versions}.",
            f"- Run of {record.started} UTC, {seconds:.0f} seconds: {options}.",
            f"- Memory copy, read and written both counted: {_copy(record)}.",
            f"- A page written and synced: {_sync(record)}.",
        ]
    )


def _copy(record: Record) -> str:
    found = [each for each in record.section(of.MACHINE) if each.tool == of.COPY]
    return ", ".join(f"{number(each.median)}B/s at {number(each.at)}B" for each in found)


def _sync(record: Record) -> str:
    found = [each for each in record.section(of.MACHINE) if each.tool == of.SYNC]
    return ", ".join(f"{spread(each.values)} µs" for each in found)


def _soak(record: Record) -> str:
    found = record.section(of.SOAK, "MiB")
    return "\n".join(
        f"{each.facts['seconds']:g} seconds, {each.facts['settled']:,} settlements; memory with"
        f" children {each.values[0]:.0f} MiB at first, {each.values[-1]:.0f} MiB at last."
        for each in found
    )


# Title, words before the table, and the table; a section that was not run is left out.
_SECTIONS: Final[tuple[tuple[str, str, str, Callable[[Record], str]], ...]] = (
    (
        "Kernel: claims a second, the anchor policy",
        of.KERNEL,
        f"By the claims of a batch; × is the rate over that of medsettle in the same round."
        f" `{COUNTERS}` is everything the engine asks: counters read and moved, all that is"
        " recorded. zen settles 20,000 claims where a million are asked.",
        lambda record: _compared(record, of.KERNEL, of.RATE, "tool"),
    ),
    (
        "Versions: 36 of them in one batch",
        of.VERSIONED,
        "The same claims under one version of the policy, and each under one of 36.",
        lambda record: _compared(record, of.VERSIONED, of.RATE, "batch"),
    ),
    (
        "Charge lines a second, 60 to a claim",
        of.LINES,
        "By the lines of a batch; memory copy is of 128 MiB, in bytes a second, both ways counted.",
        lambda record: _compared(record, of.LINES, of.LINE_RATE, "tool"),
    ),
    (
        "A year in order, counters carried from claim to claim",
        of.YEAR,
        "By the claims of the year, of a tenth as many persons; finding the order is inside.",
        lambda record: _compared(record, of.YEAR, of.RATE, "tool"),
    ),
    (
        "A year of running totals",
        of.TOTALS,
        "64 plans, each with bands along what a person has spent so far, a cap and an account; both"
        " give two shares and are compared with one another fen by fen.",
        lambda record: _compared(record, of.TOTALS, of.RATE, "tool"),
    ),
    (
        "Every shipped policy",
        of.POLICIES,
        "At 4,096 claims, by the stages of the policy: median (lowest–highest) over policies.",
        _policies,
    ),
    (
        "Engine: a claim by its lines",
        of.CLAIM_LINES,
        "Rows checked, split, settled and recorded, in one process without a server.",
        lambda record: _values(record, of.CLAIM_LINES, "lines"),
    ),
    (
        "Engine: a claim of 30 lines by the claims that share a commit",
        of.BATCHES,
        "",
        lambda record: _values(record, of.BATCHES, "claims"),
    ),
    (
        "Bare commits",
        of.COMMITS,
        "A row of 400 bytes and two counters for each claim, nothing settled: what SQLite allows.",
        lambda record: _values(record, of.COMMITS, "claims of a commit"),
    ),
    (
        "Persons and settlements already there",
        of.LEDGERS,
        "Batches of 64 claims of 10 lines, of persons who all have a settlement and two counters.",
        lambda record: _values(record, of.LEDGERS, "persons"),
    ),
    (
        "Unary calls by calls in flight",
        of.UNARY,
        "Claims of 30 lines, recorded and synced before the answer; every answer is checked."
        " Servers have one core, the load generator the other. `one by one` is medsettle with one"
        " claim a commit; `threads` the thread-pool server of grpcio, the others asyncio."
        " `sync and echo` adds a synced page to the echo's p50.",
        lambda record: _values(record, of.UNARY, "in flight"),
    ),
    (
        "Latency by a fixed schedule",
        of.OPEN,
        "Independent callers at seven tenths of the rate that 64 in flight reached; latency counts"
        " from the moment each call was to begin, so nothing is left out where the server stalls.",
        lambda record: _values(record, of.OPEN, "calls/s"),
    ),
    (
        "The national interface",
        of.GATEWAY,
        "Transactions of outpatient visits of 30 lines, recorded and synced before the answer, on"
        f" {of.GATEWAY_IN_FLIGHT} connections; `visits` are all of each in order, mixed. The"
        " empty handler reads the same bodies on the same HTTP server and answers as many bytes;"
        " `bodies kept` is the same handler that reads their JSON and syncs those that tell"
        " something into SQLite, without a rule or a visit: the least that loses nothing.",
        lambda record: _values(record, of.GATEWAY, "infno"),
    ),
    (
        "Claims between areas, by calls in flight",
        of.PROVINCES,
        "Claims of 30 lines, recorded and synced at the place of care and at the place of insurance"
        " before the answer, every answer checked; beside them claims of the same shape asked at"
        " the place of insurance. All servers share one core, and their CPU is added up.",
        lambda record: _values(record, of.PROVINCES, "in flight"),
    ),
    (
        "Local settlements while the peer of another area is dead",
        of.DEAD_PEER,
        f"At a fixed schedule of {of.BESIDE_DEAD} a second, each turn on servers of its own; with"
        f" {of.FOR_DEAD} requests a second for the other area, from when its peer dies or while it"
        " lives, or without them. The peer shares the core of the load generators, not that of"
        " the server. CPU of the server is by local settlement.",
        lambda record: _values(record, of.DEAD_PEER, "calls/s"),
    ),
    (
        "Three books compared",
        of.RECONCILE,
        "Invented books of as many settlements, one difference for two thousand; processes of their"
        " own, imports and reading of Parquet files counted. Medsettle classes the differences and"
        " shows their rows; the joins count unlike rows, and multiply what a book has twice.",
        lambda record: _values(record, of.RECONCILE, "settlements"),
    ),
    (
        "A history replayed",
        of.REPLAY,
        "Claims of some thirty lines of an invented population in one area, in the order of each"
        " person; the split of every line is written. Reading and writing has the same columns and"
        " encodings. CPU without imports, one thread. The goal of a second reform takes what it"
        " adds as a share of the whole replay with one; against what the first one adds, take the"
        " differences of the rows.",
        lambda record: _values(record, of.REPLAY, "claims"),
    ),
    (
        "256 claims a message",
        of.BATCHED,
        "Arrow streams of claims of 10 lines, two in flight.",
        lambda record: _values(record, of.BATCHED, "claims"),
    ),
    (
        "Bulk",
        of.BULK,
        "Arrow streams of 2,048 claims of 10 lines; `audited` ends when the audit tables have all.",
        lambda record: _values(record, of.BULK, "claims"),
    ),
    (
        "Audit tables of the bulk run, by their lines",
        of.AUDIT,
        "The same Arrow tables, all that a server writes of its claims, by the lines of these;"
        " written as the server does and with what pyarrow does by itself; CPU is of writing in"
        " memory. The first two are given dictionaries of the"
        " codes, as the server's projector has them; the others plain texts, and finding the"
        " dictionaries counts.",
        lambda record: _values(record, of.AUDIT, "lines"),
    ),
    (
        "Start",
        of.START,
        "From the start of the process until it serves all shipped areas.",
        lambda record: _values(record, of.START, ""),
    ),
    ("Soak", of.SOAK, "64 calls in flight without a pause.", _soak),
)


def page(record: Record, earlier: Sequence[Earlier] = ()) -> str:
    """Return the whole page; goals of earlier runs stand beside those of this one."""
    parts = [
        "# Results",
        "Written by `make bench`; do not edit. How to read it says [README.md](README.md).\n"
        "Every figure is a median of rounds with the lowest and highest; a ratio is taken within\n"
        "a round, of two things measured next to one another, and the median is of those.",
        _machine(record),
        "## Against the goals",
        _goals(record, earlier),
    ]
    for title, section, words, body in _SECTIONS:
        if record.section(section):
            parts += [f"## {title}", *([words] if words else []), body(record)]
    parts.append("## Pictures")
    parts += [f"![{words}](plots/{name}.svg)" for name, words in PICTURES.items()]
    parts += ["## Not measured", "\n".join(f"- {each}" for each in NOT_MEASURED)]
    return "\n\n".join(parts) + "\n"
