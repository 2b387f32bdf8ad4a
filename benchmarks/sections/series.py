"""What rounds come to, kept by what was measured."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.record import Measured
from benchmarks.sections import names as of


@dataclass
class Series:
    """Values of rounds, by what is measured."""

    values: dict[tuple[str, str, int, str], list[float]] = field(default_factory=dict)

    def add(self, section: str, tool: str, at: int, unit: str, value: float) -> None:
        """Note the value of a round."""
        self.values.setdefault((section, tool, at, unit), []).append(value)

    def add_run(self, section: str, tool: str, at: int, found: dict[str, Any]) -> None:
        """Note the figures of a run of the load generator.

        Raises:
            RuntimeError: A call was not answered.
        """
        if found["errors"]:
            raise RuntimeError(f"{tool} at {at}: {found['errors']}")
        self.add(section, tool, at, of.RATE, found["claims_per_second"])
        self.add(section, tool, at, of.P50, found["latency_us"]["50"])
        self.add(section, tool, at, of.P99, found["latency_us"]["99"])
        self.add(section, tool, at, of.CPU_CALL, found["server_cpu_us"])

    def measured(self) -> list[Measured]:
        """Return all that was noted."""
        return [Measured(*key, tuple(values)) for key, values in self.values.items()]
