"""Measurements of a server as a page shows them: calls, how long they took, what was refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from medsettle.service import measuring

Values: TypeAlias = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""What a server measured, by the name of a series and its labels."""

_SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Took:
    """How long the calls of a method took: how many there were, and quantiles in seconds.

    A quantile is None where it lies beyond the last step.
    """

    way: str
    method: str
    calls: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many calls of a method ended in one way other than well."""

    way: str
    method: str
    outcome: str
    calls: int


def quantile(steps: Iterable[tuple[float, float]], share: float) -> float | None:
    """Return what a share of measurements did not exceed, None where it is beyond the last step.

    Within a step measurements are taken to lie evenly, as Prometheus does.

    Args:
        steps: Upper end of each step, the last of them infinite, with how many lie below it.
        share: Such as 0.99.

    >>> steps = [(0.001, 50.0), (0.002, 100.0), (float("inf"), 100.0)]
    >>> quantile(steps, 0.5), quantile(steps, 0.99)
    (0.001, 0.00198)
    >>> quantile([(0.001, 0.0), (float("inf"), 3.0)], 0.5) is None
    True
    """
    ordered = sorted(steps)
    rank = share * ordered[-1][1]
    low, below = 0.0, 0.0
    for end, count in ordered:
        if count >= rank and count > below:
            return None if end == inf else low + (end - low) * (rank - below) / (count - below)
        low, below = end, count
    return None


def took(values: Values) -> list[Took]:
    """Return how long calls took, those of the most frequent methods first."""
    steps: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for (name, labels), count in values.items():
        if name == f"{measuring.CALL_SECONDS.name}_bucket":
            of = dict(labels)
            steps.setdefault((of["way"], of["method"]), []).append((float(of["le"]), count))
    found = [
        Took(way, method, calls, *(quantile(own, share) for share in _SHARES))
        for (way, method), own in steps.items()
        if (calls := round(max(count for _, count in own)))
    ]
    return sorted(found, key=lambda each: (-each.calls, each.way, each.method))


def not_well(values: Values) -> list[Outcome]:
    """Return the calls that did not end well, the most frequent first."""
    found = []
    for (name, labels), count in values.items():
        of = dict(labels)
        if name == measuring.CALLS.name and of["outcome"] != measuring.OK and round(count):
            found.append(Outcome(of["way"], of["method"], of["outcome"], round(count)))
    return sorted(found, key=lambda each: (-each.calls, each.way, each.method, each.outcome))


def batch_mean(values: Values) -> float | None:
    """Return how many claims were settled at once in the mean; None where none was."""
    labels = frozenset({("kind", measuring.Batch.SETTLE.value)})
    count = values.get((f"{measuring.BATCH_CLAIMS.name}_count", labels), 0.0)
    return values[f"{measuring.BATCH_CLAIMS.name}_sum", labels] / count if count else None


def value(values: Values, stated: measuring.Measurement, **labels: str) -> int | None:
    """Return a value as a whole number; None where it is not told."""
    found = values.get((stated.name, frozenset(labels.items())))
    return None if found is None else round(found)
