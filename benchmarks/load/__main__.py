"""Drive a server and say how many claims a second it answers, how fast, and how many wrong.

    python -m benchmarks.load 127.0.0.1:50051 --rate 500 --seconds 30
    python -m benchmarks.load 127.0.0.1:50051 --in-flight 64 --seconds 10 --server-pid 4711
    python -m benchmarks.load 127.0.0.1:50051 --in-flight 4 --batch 256

Claims are of many persons, invented, and recorded by the server for good: use a ledger of its own.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from medsettle.v1 import settlement_service_pb2 as settlements

from benchmarks.load import answers, claims, pacing
from benchmarks.load.claims import Bills
from benchmarks.load.cpu import cpu_seconds
from benchmarks.load.figures import Figures, figures
from benchmarks.load.pacing import Timings
from benchmarks.load.sending import SETTLE_MANY, SETTLE_ONE, Calls, made_ahead

# Bodies are made before the first call: for so many claims a second in a closed loop, and for so
# many claims at most. Further ones are made while calls are under way.
_CLAIMS_PER_SECOND: Final = 5_000
_CLAIMS_AHEAD_MAX: Final = 50_000
_SEED: Final = 7


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("address", help="host and port; only - reads runs from stdin")
    loop = parser.add_mutually_exclusive_group(required=True)
    loop.add_argument("--rate", type=float, help="open loop: calls a second, by a fixed schedule")
    loop.add_argument("--in-flight", type=int, help="closed loop: calls in flight")
    parser.add_argument("--random", action="store_true", help="a schedule of independent callers")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--calls", type=int, help="end a closed loop after so many calls")
    parser.add_argument("--lines", type=int, default=30, help="lines of a claim")
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1, help="claims of a message")
    parser.add_argument("--area", default=claims.AREA)
    parser.add_argument("--rules", type=Path, default=claims.RULES)
    parser.add_argument("--insured", default="", help="area of the persons, where it is another")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=10.0, help="seconds a call may take")
    parser.add_argument("--check-every", type=int, default=1, help="check every n-th answer")
    parser.add_argument("--echo", action="store_true", help="answers are not those of the claims")
    parser.add_argument(
        "--server-pid",
        type=int,
        action="append",
        default=[],
        help="whose CPU to measure, children included; give each process once",
    )
    parser.add_argument("--save-answer", type=Path, help="write the first answer to this file")
    parser.add_argument("--wait", action="store_true", help="tell when ready, begin at a line")
    parser.add_argument("--json", action="store_true")
    return parser


def _bodies(bills: Bills, batch: int) -> Iterator[bytes]:
    if batch == 1:
        yield from claims.requests(bills)
    for number in count():
        numbers = range(number * batch, (number + 1) * batch)
        yield settlements.SettleClaimsRequest(
            arrow_stream=claims.stream(bills, numbers)
        ).SerializeToString()


def _timings(chosen: argparse.Namespace, calls: Calls) -> Timings:
    clock = pacing.MachineClock()
    every = chosen.check_every
    if chosen.rate is None:
        return pacing.closed_loop(
            calls, chosen.in_flight, chosen.seconds, clock, every, chosen.calls
        )
    if chosen.random:
        schedule = pacing.random_schedule(chosen.rate, chosen.seconds, _SEED)
    else:
        schedule = pacing.even_schedule(chosen.rate, chosen.seconds)
    return pacing.open_loop(calls, schedule, clock, every)


def _wrong(chosen: argparse.Namespace, bills: Bills, timings: Timings) -> list[str]:
    if chosen.echo:
        return []
    if chosen.batch == 1:
        return answers.wrong_settlements(bills, timings.answers)
    spans = [
        (range(number * chosen.batch, (number + 1) * chosen.batch), content)
        for number, content in timings.answers
    ]
    return answers.wrong_streams(bills, spans)


def drive(chosen: argparse.Namespace) -> Figures:
    """Return the figures of one run."""
    # Two runs against one server must not send the same request ids.
    run = f"L{secrets.token_hex(6)}"
    bills = claims.draw_bills(
        run,
        lines=chosen.lines,
        persons=chosen.persons,
        area=chosen.area,
        rules=chosen.rules,
        insured=chosen.insured,
    )
    per_second = chosen.rate or _CLAIMS_PER_SECOND / chosen.batch
    ahead = min(int(chosen.seconds * per_second) + 1, _CLAIMS_AHEAD_MAX // chosen.batch + 1)
    ahead = chosen.calls or ahead
    bodies = made_ahead(_bodies(bills, chosen.batch), ahead)
    method = SETTLE_ONE if chosen.batch == 1 else SETTLE_MANY
    calls = Calls(
        chosen.address,
        method,
        bodies,
        deadline_seconds=chosen.deadline,
        connections=chosen.connections,
    )
    with calls:
        if chosen.wait:
            print(json.dumps({"ready": True}), flush=True)
            sys.stdin.readline()
        server, own = _cpu(chosen.server_pid), time.process_time()
        timings = _timings(chosen, calls)
        server, own = _cpu(chosen.server_pid) - server, time.process_time() - own
    if chosen.save_answer is not None:
        chosen.save_answer.write_bytes(timings.answers[0][1])
    return figures(
        timings,
        _wrong(chosen, bills, timings),
        0 if chosen.echo else len(timings.answers),
        claims_per_call=chosen.batch,
        server_cpu_seconds=server,
        generator_cpu_seconds=own,
    )


def _cpu(pids: Sequence[int]) -> float:
    return sum(map(cpu_seconds, pids))


def _told(found: Figures) -> str:
    latency = ", ".join(f"p{name} {us / 1000:.2f}" for name, us in found.latency_us.items())
    late = found.late_us.get("99")
    lines = [
        f"{found.claims_per_second:,.0f} claims/s: {found.claims:,} claims in {found.calls:,} calls"
        f" and {found.seconds:.1f} s",
        f"latency ms: {latency}",
        f"errors: {found.errors or 'none'}; wrong: {found.wrong} of {found.checked:,} checked",
    ]
    if late is not None:
        lines.insert(2, f"99 of 100 calls began at most {late / 1000:.2f} ms late, counted above")
    if found.server_cpu_us:
        lines.append(
            f"CPU µs a call: server {found.server_cpu_us:.0f}, generator"
            f" {found.generator_cpu_us:.0f}"
        )
    return "\n".join([*lines, *found.wrong_shown])


def _drive_each() -> None:
    """Drive one run after another: a JSON list of arguments a line in, figures a line out."""
    parser = _parser()
    for line in sys.stdin:
        print(json.dumps(drive(parser.parse_args(json.loads(line))).as_json()), flush=True)


def main() -> int:
    """Run, print, and return 1 where an answer was wrong, 2 where there was no run."""
    if sys.argv[1:] == ["-"]:
        _drive_each()
        return 0
    chosen = _parser().parse_args()
    try:
        found = drive(chosen)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    shown: dict[str, Any] | str = found.as_json() if chosen.json else _told(found)
    print(json.dumps(shown) if chosen.json else shown)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
