"""The dashboard and the alerts ask for measurements that there are, and for each of them."""

import json
import re
from pathlib import Path

import pytest
from medsettle.errors import InternalError, Overloaded
from medsettle.service.measuring import MEASUREMENTS
from ruamel.yaml import YAML

_FOLDER = Path(__file__).parents[2] / "engine" / "grafana"
_NAME = re.compile(r"medsettle_[a-z0-9_]+")
_LABEL = re.compile(r"(?:by|without) \(([^)]*)\)|\{([^}]*)\}")
# What Prometheus adds to every series, and to those of a histogram.
_ADDED = {"le", "instance", "job"}


def _dashboard() -> list[str]:
    board = json.loads((_FOLDER / "medsettle.json").read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def _alerts() -> list[str]:
    rules = YAML(typ="safe").load((_FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    return [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def _series() -> dict[str, set[str]]:
    """Return the labels of every series that a server tells, by its name."""
    found: dict[str, set[str]] = {}
    for each in MEASUREMENTS:
        ends = ("_bucket", "_sum", "_count") if each.kind == "histogram" else ("",)
        found |= {each.name + end: {*each.labels} for end in ends}
    return found


@pytest.mark.parametrize("expressions", [_dashboard(), _alerts()], ids=["dashboard", "alerts"])
def test_each_query_asks_for_what_is_told(expressions: list[str]) -> None:
    """Every name is that of a series, every label one that it has."""
    series = _series()
    assert len(expressions) > 9
    for expression in expressions:
        names = {*_NAME.findall(expression)}
        assert names, expression
        assert names <= series.keys(), expression
        labels = {
            re.split(r"[=!]", label.strip())[0]
            for found in _LABEL.findall(expression)
            for label in ",".join(filter(None, found)).split(",")
        }
        known = set.union(*(series[name] for name in names)) | _ADDED
        assert labels <= known, expression


def test_the_dashboard_shows_every_measurement() -> None:
    """None is told that nobody would see."""
    shown = " ".join(_dashboard())

    assert [] == [each.name for each in MEASUREMENTS if each.name not in shown]


def test_outcomes_are_those_of_errors() -> None:
    """What alerts wait for is a reason that a call can end with."""
    asked = {found for each in _alerts() for found in re.findall(r'outcome="([A-Z_]+)"', each)}

    assert {Overloaded.reason, InternalError.reason} == asked


def test_panels_do_not_overlap() -> None:
    """Each stands in a place of its own on a board of 24 columns."""
    board = json.loads((_FOLDER / "medsettle.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
