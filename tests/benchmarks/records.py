"""A record of a run as `make bench` writes it, with round numbers."""

from benchmarks.anchor.names import BLOCKS, NUMBA, RULE_ENGINES
from benchmarks.record import OURS, Measured, Record
from benchmarks.sections import names as of


def _kernel() -> list[Measured]:
    found = []
    for size in of.SIZES:
        found.append(Measured(of.KERNEL, OURS, size, of.RATE, (100.0, 80.0, 120.0), 0))
        found += [
            Measured(of.KERNEL, tool, size, of.RATE, (50.0 + place, 50.0, 50.0), 0)
            for place, tool in enumerate(RULE_ENGINES)
        ]
        found.append(Measured(of.KERNEL, BLOCKS, size, of.RATE, (200.0, 80.0, 150.0), 3))
        found.append(Measured(of.KERNEL, NUMBA, size, of.RATE, (100.0, 100.0, 100.0), 0))
    return found


def _service() -> list[Measured]:
    found = []
    for in_flight in of.IN_FLIGHT:
        for tool, rate in ((OURS, 600.0), (of.ECHO, 1_000.0)):
            found += [
                Measured(of.UNARY, tool, in_flight, of.RATE, (rate, rate, rate)),
                Measured(of.UNARY, tool, in_flight, of.P50, (2_000.0, 3_000.0, 9_000.0)),
                Measured(of.UNARY, tool, in_flight, of.P99, (9_000.0, 9_000.0, 9_000.0)),
            ]
    found.append(Measured(of.UNARY, of.FLOOR, 1, of.P50, (1_000.0, 1_000.0, 1_000.0)))
    found.append(Measured(of.UNARY, of.ONE_BY_ONE, of.WIDE, of.RATE, (100.0, 100.0, 100.0)))
    return found


def _scaling() -> list[Measured]:
    soaked = {"seconds": 8.0, "settled": 4_000}
    return [
        *(
            Measured(of.CLAIM_LINES, OURS, lines, of.CPU_CLAIM, (50.0 + 5 * lines,) * 3)
            for lines in (1, 10, 100)
        ),
        *(Measured(of.BATCHES, OURS, size, of.WALL_CLAIM, (1_000.0 / size,)) for size in (1, 64)),
        *(Measured(of.COMMITS, of.BARE, size, of.RATE, (900.0 * size,)) for size in (1, 64)),
        Measured(of.LEDGERS, OURS, 1_000, of.CPU_CLAIM, (100.0, 110.0)),
        Measured(of.LEDGERS, OURS, 1_000_000, of.CPU_CLAIM, (150.0, 160.0)),
        Measured(of.SOAK, OURS, 8, "MiB", (100.0, 200.0, 200.0, 202.0), facts=soaked),
        Measured(of.SOAK, OURS, 8, of.RATE, (500.0,) * 4, facts=soaked),
        Measured(of.START, OURS, 0, "s", (2.0, 4.0, 2.5)),
        *(
            Measured(
                of.POLICIES,
                f"policy-{stages}",
                4_096,
                of.RATE,
                (1e9 / (100.0 * stages),),
                facts={"stages": stages, "payouts": 0, "instructions": 50 * stages},
            )
            for stages in (1, 2, 5)
        ),
    ]


def record() -> Record:
    """Return a record that has something of most sections."""
    return Record(
        machine={
            "processor": "Some Processor",
            "cache": "1024 KB",
            "cores": 2,
            "memory_gib": 8.0,
            "system": "Linux 6.1",
            "python": "3.11.7",
            "load_before": [0.1, 0.2, 0.3],
        },
        versions={"numpy": "2.4.6", "medsettle": "0.1.0"},
        started="2026-11-30 01:00",
        seconds={"kernel": 12.0, "unary": 48.0},
        options={"rounds": "3"},
        measured=(*_kernel(), *_service(), *_scaling()),
    )
