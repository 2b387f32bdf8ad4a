"""What a replay came to, as its page shows it: the proof of its baseline, sums, a chart, files."""

from collections.abc import Sequence
from typing import Any, Final

from medsettle.console.jobs import Job
from medsettle.console.languages import is_chinese
from medsettle.console.replaying import REPORT, files_of, first_differences, step_told
from medsettle.console.templatetags.console import payer, yuan

_TOTALS: Final = ("fund_total", "person_total", "payouts")
_SIDES: Final = ("gains", "same", "loses")


def result_of(job: Job) -> dict[str, Any] | None:
    """Return what came out; None where no claim was settled again."""
    replayed, report = step_told(job, "replay"), step_told(job, "replay-report")
    if not replayed:
        return None
    files = files_of(job)
    reforms = report.get("reforms", [])
    language = "zh" if is_chinese() else "en"
    return {
        "claims": replayed["claims"],
        "worlds": replayed["worlds"],
        "differences": replayed["differences"],
        "recorded": job.about["source"] == "recorded",
        "first": first_differences(job) if replayed["differences"] else [],
        "reforms": [reform["reform"] for reform in reforms],
        "summaries": [reform["summary"][language] for reform in reforms],
        "payers": _payers(reforms),
        "totals": [(name, _changes(reforms, name)) for name in _TOTALS[: 2 if reforms else 0]],
        "sides": [
            (side, [reform["person_years_by_side"].get(side, 0) for reform in reforms])
            for side in _SIDES
        ],
        "figure": _figure(reforms),
        "report": REPORT in files,
        "files": [(name, path.stat().st_size) for name, path in files.items()],
    }


def _payers(reforms: Sequence[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    """Return what each payer pays more under each reform; who always pays the same is left out."""
    names = list(reforms[0]["change_fen"]) if reforms else []
    found = [(name, _changes(reforms, name)) for name in names if name not in _TOTALS]
    return [(name, changes) for name, changes in found if any(changes)]


def _changes(reforms: Sequence[dict[str, Any]], name: str) -> list[int]:
    return [reform["change_fen"].get(name, 0) for reform in reforms]


def _figure(reforms: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the changes as bars, a colour for each reform; None where nothing changes."""
    rows = _payers(reforms)
    if not rows:
        return None
    labels = [payer(name) for name, _changes_of in rows]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": reform["reform"],
                "y": labels,
                # Yuan, for the eye alone; the table beside it has every fen.
                "x": [changes[number] / 100 for _name, changes in rows],
                "customdata": [yuan(changes[number]) for _name, changes in rows],
                "hovertemplate": "%{y}: %{customdata} 元<extra>%{fullData.name}</extra>",
                "marker": {"color": f"--accent-{number % 8 + 1}"},
            }
            for number, reform in enumerate(reforms)
        ],
        "layout": {
            "barmode": "group",
            "xaxis": {"tickformat": ",.0f", "ticksuffix": " 元"},
            "yaxis": {"autorange": "reversed"},
            "legend": {"orientation": "h", "y": -0.2},
            "showlegend": len(reforms) > 1,
        },
    }
