"""The pictures of a record, drawn by matplotlib without a display."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.anchor.names import COUNTERS
from benchmarks.record import OURS, Measured, Record
from benchmarks.sections import names as of

# Okabe and Ito's colours, which the colour-blind can tell apart; the first is ours.
_COLOURS: Final = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000"),
    *("#999999", "#7B5B3A", "#8C6BB1", "#B8A800"),
)
_MARKS: Final = "osD^v<>pXhd"
_STYLE: Final = {
    # Text stays text, and the same record draws the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "medsettle",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def draw(record: Record, folder: Path) -> list[Path]:
    """Draw every picture that a record has figures for, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with mpl.rc_context(_STYLE):
        for name, (sections, make) in _PICTURES.items():
            if all(record.section(section) for section in sections):
                figure = make(record)
                path = folder / f"{name}.svg"
                figure.savefig(path, metadata={"Date": None, "Creator": None})
                found.append(path)
    return found


def _figure(columns: int = 1, width: float = 6.4) -> tuple[Figure, Sequence[Any]]:
    figure = Figure(figsize=(width, 3.8), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, axes


def _line(axes: Any, found: Sequence[Measured], place: int, scale: float = 1.0) -> None:
    """Draw the medians of a tool over its places, with the lowest and highest round."""
    found = sorted(found, key=lambda each: each.at)
    medians = np.array([each.median for each in found]) * scale
    low = medians - np.array([min(each.values) for each in found]) * scale
    high = np.array([max(each.values) for each in found]) * scale - medians
    ours = found[0].tool.startswith(OURS)
    axes.errorbar(
        [each.at for each in found],
        medians,
        yerr=[low, high],
        label=found[0].tool,
        color=_COLOURS[place % len(_COLOURS)],
        marker=_MARKS[place % len(_MARKS)],
        markersize=4,
        linewidth=2.2 if ours else 1.2,
        linestyle="--" if found[0].tool == COUNTERS else "-",
        elinewidth=0.8,
        zorder=3 if ours else 2,
    )


def _tools(record: Record, section: str, unit: str) -> dict[str, list[Measured]]:
    """Return what a section measured in a unit, by tool, ours first."""
    found: dict[str, list[Measured]] = {}
    for each in record.section(section, unit):
        found.setdefault(each.tool, []).append(each)
    return dict(sorted(found.items(), key=lambda pair: not pair[0].startswith(OURS)))


def _lines(axes: Any, record: Record, section: str, unit: str, first: int = 0) -> None:
    for place, found in enumerate(_tools(record, section, unit).values()):
        _line(axes, found, place + first)


def _batch(record: Record) -> Figure:
    figure, (axes,) = _figure(width=8.4)
    _lines(axes, record, of.KERNEL, of.RATE)
    axes.set(xscale="log", yscale="log", xlabel="claims of a batch", ylabel="claims a second")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _policies(record: Record) -> Figure:
    figure, (left, right) = _figure(2, 8.4)
    found = record.section(of.POLICIES)
    costs = np.array([1e9 / each.median for each in found])
    stages = np.array([each.facts["stages"] for each in found])
    instructions = np.array([each.facts["instructions"] for each in found])
    shaken = stages + np.random.default_rng(1).uniform(-0.12, 0.12, len(stages))
    left.scatter(shaken, costs, s=12, color=_COLOURS[0], alpha=0.6)
    left.set(xlabel="stages of the policy", ylabel="ns a claim", ylim=(0, None))
    right.scatter(instructions, costs, s=12, color=_COLOURS[0], alpha=0.6)
    slope, start = np.polyfit(instructions, costs, 1)
    ends = np.array([0, instructions.max()])
    share = np.corrcoef(instructions, costs)[0, 1] ** 2
    label = f"{slope:.2f} ns an instruction, R² {share:.2f}"
    right.plot(ends, start + slope * ends, color=_COLOURS[4], linewidth=1, label=label)
    right.set(xlabel="instructions of its program", ylim=(0, None), xlim=(0, None))
    right.legend(loc="upper left")
    return figure


def _claim_lines(record: Record) -> Figure:
    figure, (axes,) = _figure()
    found = record.section(of.CLAIM_LINES, of.CPU_CLAIM)
    _line(axes, found, 0)
    counts = np.array([each.at for each in found])
    medians = np.array([each.median for each in found])
    # Relative errors count, so that short claims weigh as much as long ones.
    slope, start = np.polyfit(counts, medians, 1, w=1 / medians)
    axes.plot(
        counts,
        start + slope * counts,
        color=_COLOURS[4],
        linewidth=1,
        linestyle=":",
        zorder=4,
        label=f"{start:.0f} µs a claim and {slope:.1f} µs a line",
    )
    axes.set(xscale="log", yscale="log", xlabel="lines of a claim", ylabel="µs of CPU a claim")
    axes.legend()
    return figure


def _commits(record: Record) -> Figure:
    figure, (axes,) = _figure()
    engine = [
        Measured("", "medsettle engine, 30 lines", each.at, of.RATE, _inverse(each))
        for each in record.section(of.BATCHES, of.WALL_CLAIM)
    ]
    _line(axes, engine, 0)
    _lines(axes, record, of.COMMITS, of.RATE, first=1)
    axes.set(xscale="log", yscale="log", xlabel="claims of a commit", ylabel="claims a second")
    axes.legend()
    return figure


def _inverse(each: Measured) -> tuple[float, ...]:
    return tuple(1e6 / value for value in each.values)


def _persons(record: Record) -> Figure:
    figure, (axes,) = _figure()
    _line(axes, record.section(of.LEDGERS, of.CPU_CLAIM), 0)
    axes.set(xscale="log", ylim=(0, None), ylabel="µs of CPU a claim")
    axes.set_xlabel("persons, each with a settlement and two counters")
    return figure


def _in_flight(record: Record) -> Figure:
    figure, (left, right) = _figure(2, 8.4)
    tools = _tools(record, of.UNARY, of.RATE)
    for place, found in enumerate(tools.values()):
        _line(left, found, place)
    left.set(xscale="log", yscale="log", xlabel="calls in flight", ylabel="calls a second")
    left.legend(loc="best")
    for place, tool in enumerate(tools):
        for unit, style in ((of.P50, "-"), (of.P99, ":")):
            found = [each for each in record.section(of.UNARY, unit) if each.tool == tool]
            if len(found) > 1:
                places = [each.at for each in found]
                values = [each.median / 1_000 for each in found]
                label = f"{tool}, {unit.removeprefix('µs ')}"
                right.plot(places, values, style, color=_COLOURS[place], label=label)
    right.set(xscale="log", yscale="log", xlabel="calls in flight", ylabel="ms")
    right.legend(loc="best")
    return figure


def _soak(record: Record) -> Figure:
    figure, (axes,) = _figure()
    (found,) = record.section(of.SOAK, "MiB")
    (rates,) = record.section(of.SOAK, of.RATE)
    each = found.facts["seconds"] / len(found.values)
    moments = [(place + 1) * each for place in range(len(found.values))]
    axes.plot(moments, found.values, color=_COLOURS[0], linewidth=2)
    axes.set(xlabel="seconds", ylabel="MiB", ylim=(0, max(found.values) * 1.2))
    rate = statistics.median(rates.values)
    axes.set_title(f"{found.facts['settled']:,} settlements, {rate:,.0f} a second", fontsize=9)
    return figure


_PICTURES: Final = {
    "batch": ((of.KERNEL,), _batch),
    "policies": ((of.POLICIES,), _policies),
    "lines": ((of.CLAIM_LINES,), _claim_lines),
    "commits": ((of.BATCHES, of.COMMITS), _commits),
    "persons": ((of.LEDGERS,), _persons),
    "in-flight": ((of.UNARY,), _in_flight),
    "soak": ((of.SOAK,), _soak),
}
