"""The pictures of clearing: who owes whom, what would move net, and where a prepayment is going."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from medsettle.clearing.notices.netting import Liquidity
from medsettle.console.templatetags.console import yuan


def matrix_figure(provinces: Sequence[str], owed: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """Return who owes whom as a heat map: rows owe, columns are owed; within a province nothing."""

    def cells(shown: Any) -> list[list[Any]]:  # noqa: ANN401 - a function of an amount
        return [
            [
                None if debtor == creditor or (debtor, creditor) not in owed
                else shown(owed[debtor, creditor])
                for creditor in provinces
            ]
            for debtor in provinces
        ]  # fmt: skip

    return {
        "data": [
            {
                "type": "heatmap",
                "x": list(provinces),
                "y": list(provinces),
                # Yuan, for the eye alone; the table beside it has every fen.
                "z": cells(lambda fen: fen / 100),
                # As far as a tile has room; Plotly leaves it out where it has none.
                "text": [[text or "" for text in row] for row in cells(yuan)],
                "texttemplate": "%{text}",
                "hovertemplate": "%{y} → %{x}<br>%{text} 元<extra></extra>",
                "hoverongaps": False,
                "xgap": 2,
                "ygap": 2,
                "colorscale": [[0, "--selected-row"], [1, "--accent-1"]],
                "colorbar": {"thickness": 12, "outlinewidth": 0, "tickformat": ".2s"},
            }
        ],
        "layout": {
            "xaxis": {"type": "category", "title": {"text": _("is owed")}, "showgrid": False},
            "yaxis": {
                "type": "category",
                "title": {"text": _("owes")},
                "autorange": "reversed",
                "showgrid": False,
            },
        },
    }


def net_figure(flows: Iterable[tuple[str, str, int]]) -> dict[str, Any] | None:
    """Return differences between provinces as flows, from who pays to who is paid.

    A province that pays one and is paid by another stands on both sides. None where nothing flows.
    """
    moved = list(flows)
    if not moved:
        return None
    paying = sorted({debtor for debtor, _creditor, _fen in moved})
    paid = sorted({creditor for _debtor, creditor, _fen in moved})
    at = {name: number for number, name in enumerate(paying)}
    to = {name: len(paying) + number for number, name in enumerate(paid)}
    colours = [f"--accent-{1 + number % 8}" for number in range(len(paying))]
    pays = [(name, sum(fen for debtor, _to, fen in moved if debtor == name)) for name in paying]
    gets = [(name, sum(fen for _by, creditor, fen in moved if creditor == name)) for name in paid]
    told = [f"{name} {yuan(fen)}" for name, fen in (*pays, *gets)]
    return {
        "data": [
            {
                "type": "sankey",
                "node": {
                    "label": told,
                    "customdata": [f"{each} 元" for each in told],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "color": [*colours, *(["--accent-7"] * len(paid))],
                    "pad": 12,
                    "thickness": 16,
                    "line": {"width": 0},
                },
                "link": {
                    "source": [at[debtor] for debtor, _creditor, _fen in moved],
                    "target": [to[creditor] for _debtor, creditor, _fen in moved],
                    "value": [fen / 100 for *_pair, fen in moved],
                    "customdata": [
                        f"{debtor} → {creditor} {yuan(fen)} 元" for debtor, creditor, fen in moved
                    ],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "color": [f"{colours[at[debtor]]}/35" for debtor, _creditor, _fen in moved],
                },
            }
        ]
    }


def positions_figure(view: Liquidity) -> dict[str, Any]:
    """Return what each province gets or pays on the whole as bars."""
    names = [name for name, _fen in view.positions]
    return {
        "data": [
            {
                "type": "bar",
                "x": names,
                "y": [fen / 100 for _name, fen in view.positions],
                "customdata": [yuan(fen) for _name, fen in view.positions],
                "hovertemplate": "%{x}<br>%{customdata} 元<extra></extra>",
                "marker": {
                    "color": ["--accent-1" if fen >= 0 else "--accent-5"
                              for _name, fen in view.positions]
                },
            }
        ],
        "layout": {"xaxis": {"type": "category"}, "yaxis": {"tickformat": ".2s"}},
    }  # fmt: skip


def trend_figure(
    seen: Sequence[tuple[date, int]],
    expected: Sequence[tuple[date, int, int, int]],
    levels: Sequence[tuple[str, str, int]],
) -> dict[str, Any]:
    """Return a month of a prepayment: what was used so far, where it goes, and its levels.

    Args:
        seen: Days and what the month came to by then, in fen.
        expected: Days to come with the lowest, expected and highest sum, in fen.
        levels: What each level is called, its colour, and its fen.
    """
    days = [str(day) for day, *_fen in expected]
    band = {"type": "scatter", "mode": "lines", "x": days, "line": {"width": 0}}
    last = str(expected[-1][0]) if expected else str(seen[-1][0])
    first = str(seen[0][0]) if seen else days[0]
    traces: list[dict[str, Any]] = [
        band | {"y": [low / 100 for _day, low, *_rest in expected], "showlegend": False,
                "hoverinfo": "skip"},
        band | {"y": [high / 100 for *_rest, high in expected], "fill": "tonexty",
                "fillcolor": "--accent-2/25", "name": _("between"), "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "x": days,
         "y": [fen / 100 for _day, _low, fen, _high in expected], "name": _("expected"),
         "line": {"color": "--accent-2", "dash": "dash"}},
        {"type": "scatter", "mode": "lines", "x": [str(day) for day, _fen in seen],
         "y": [fen / 100 for _day, fen in seen], "name": _("used"),
         "line": {"color": "--accent-1", "width": 3}},
    ]  # fmt: skip
    traces += [
        {"type": "scatter", "mode": "lines", "x": [first, last], "y": [fen / 100, fen / 100],
         "name": name, "line": {"color": colour, "dash": "dot"}}
        for name, colour, fen in levels
    ]  # fmt: skip
    return {
        "data": traces,
        "layout": {
            "legend": {"orientation": "h", "y": -0.2},
            "yaxis": {"tickformat": ".3s", "rangemode": "tozero"},
        },
    }
