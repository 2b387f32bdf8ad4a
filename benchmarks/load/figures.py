"""Rates and percentiles of a run of the load generator."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from benchmarks.load.pacing import Timings

_PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9, 100.0)
_MICROSECONDS: Final = 1e6
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run came to. Percentiles are of the calls answered, exact and not of a histogram.

    `latency_us` maps a percentile to microseconds from the moment the schedule meant, or, in a
    closed loop, from when the call began. `late_us` is how late calls began, which is part of it.
    `claims` counts claims and `calls` messages; `cpu_us` is what the server and the generator spent
    on a call, 0 where it is not known.
    """

    calls: int
    claims: int
    seconds: float
    errors: dict[str, int]
    checked: int
    wrong: int
    wrong_shown: tuple[str, ...]
    latency_us: dict[str, float]
    late_us: dict[str, float]
    server_cpu_us: float = 0.0
    generator_cpu_us: float = 0.0

    @property
    def claims_per_second(self) -> float:
        """Return the claims answered a second."""
        return self.claims / self.seconds

    def as_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return asdict(self) | {"claims_per_second": self.claims_per_second}


def figures(
    timings: Timings,
    wrong: Sequence[str],
    checked: int,
    *,
    claims_per_call: int = 1,
    server_cpu_seconds: float = 0.0,
    generator_cpu_seconds: float = 0.0,
) -> Figures:
    """Return the figures of a run whose answers have been checked."""
    calls = len(timings.latencies)
    per_call = _MICROSECONDS / max(calls, 1)
    return Figures(
        calls=calls,
        claims=calls * claims_per_call,
        seconds=max(timings.last - timings.first, 1e-9),
        errors=dict(timings.errors),
        checked=checked,
        wrong=len(wrong),
        wrong_shown=tuple(wrong[:_SHOWN]),
        latency_us=percentiles(timings.latencies),
        late_us=percentiles(timings.late),
        server_cpu_us=server_cpu_seconds * per_call,
        generator_cpu_us=generator_cpu_seconds * per_call,
    )


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return percentiles in microseconds; of each the value that so many do not pass.

    >>> percentiles([0.001, 0.002, 0.003, 0.1])["50"]
    2000.0
    """
    if not seconds:
        return {}
    found = np.percentile(np.array(seconds), _PERCENTILES, method="inverted_cdf") * _MICROSECONDS
    return {
        f"{percentile:g}": round(float(value), 1)
        for percentile, value in zip(_PERCENTILES, found, strict=True)
    }
