"""The charts of today; a table with the same figures stands beside each."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from medsettle.console.quantiles import Took
from medsettle.console.templatetags.console import payer, yuan
from medsettle.console.today_counts import Counted

_METHODS_DRAWN: Final = 6
_BELOW: Final = {"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top"}
_FUND: Final = "--accent-1"
_OF_PERSONS: Final = {"account": "--accent-2", "mutual_aid": "--accent-4", "cash": "--accent-5"}


def hours_figure(counted: Counted) -> dict[str, Any]:
    """Return settlements and cancels by the hour in which they were recorded."""
    hours = [f"{hour:02}" for hour in range(len(counted.hours))]
    kinds = (("settle", _("settlements"), "--accent-1"), ("cancel", _("cancels"), "--accent-5"))
    return {
        "data": [
            {
                "type": "bar",
                "name": name,
                "x": hours,
                "y": [hour.records.get(kind, 0) for hour in counted.hours],
                "marker": {"color": colour},
                "hovertemplate": f"%{{x}}:00 · %{{y:,}} {name}<extra></extra>",
            }
            for kind, name, colour in kinds
        ],
        "layout": {
            "barmode": "group",
            "legend": _BELOW,
            "xaxis": {"type": "category", "fixedrange": True, "dtick": 3, "tickangle": 0},
            "yaxis": {"rangemode": "tozero", "tickformat": ",d", "fixedrange": True},
        },
    }


def payers_figure(payers: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Return who pays what as bars, the first at the top."""
    ordered = payers[::-1]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [payer(name) for name, _fen in ordered],
                # Yuan, for the eye alone; the table beside it has every fen.
                "x": [fen / 100 for _name, fen in ordered],
                "customdata": [yuan(fen) for _name, fen in ordered],
                "hovertemplate": "%{y}: %{customdata} 元<extra></extra>",
                "marker": {"color": [_OF_PERSONS.get(name, _FUND) for name, _fen in ordered]},
            }
        ],
        "layout": {
            "xaxis": {"tickformat": ",d", "fixedrange": True, "nticks": 5},
            "yaxis": {"fixedrange": True},
        },
    }


def latency_figure(calls: Sequence[Took]) -> dict[str, Any] | None:
    """Return how long the most frequent calls take, in milliseconds; None where there were none."""
    drawn = calls[:_METHODS_DRAWN][::-1]
    if not drawn:
        return None
    quantiles = (("p50", "--accent-1"), ("p95", "--accent-3"), ("p99", "--accent-5"))
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "y": [each.method for each in drawn],
                "x": [_millis(getattr(each, name)) for each in drawn],
                "marker": {"color": colour, "size": 11},
                "hovertemplate": f"%{{y}} {name}: %{{x:.2f}} ms<extra></extra>",
            }
            for name, colour in quantiles
        ],
        "layout": {
            "legend": _BELOW,
            "xaxis": {
                "type": "log",
                "ticksuffix": " ms",
                "fixedrange": True,
                "dtick": 1,
            },
            "yaxis": {"type": "category", "fixedrange": True},
        },
    }


def _millis(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1_000
