"""Bulk and unary settling at one server, over gRPC, from the first claim to the last audit row."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
from medsettle.client.claims import claim_message
from medsettle.v1 import settlement_service_pb2 as messages
from medsettle.v1 import settlement_service_pb2_grpc as services

from benchmarks.bulk.claims import RULES, streams

_BULK_IN_FLIGHT = 2
_UNARY_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """Claims that one way settled, durable and audited, and what that took."""

    claims: int
    seconds: float
    server_cpu_seconds: float

    def __str__(self) -> str:
        per_claim = 1e6 * self.server_cpu_seconds / self.claims
        return f"{self.claims / self.seconds:8.0f} claims/s, {per_claim:7.1f} µs of server CPU each"


def compare(folder: Path, claims: int, lines: int) -> Iterator[str]:
    """Yield the rates of unary calls, for a twentieth of the claims, and of Arrow streams."""
    few = max(claims // 20, _UNARY_IN_FLIGHT)
    unary = _rate(folder, few, lambda address: _unary(address, few, lines))
    yield f"unary, {_UNARY_IN_FLIGHT} in flight {unary}"
    bulk = _rate(folder, claims, lambda address: _bulk(address, claims, lines, few))
    yield f"bulk,  {_BULK_IN_FLIGHT} in flight {bulk}"
    ratio = bulk.claims * unary.seconds / bulk.seconds / unary.claims
    cpu = unary.server_cpu_seconds * bulk.claims / unary.claims / bulk.server_cpu_seconds
    yield f"bulk is {ratio:.1f} times the unary rate, {cpu:.1f} times by server CPU"


def _rate(folder: Path, claims: int, work: Callable[[str], Coroutine[Any, Any, None]]) -> Rate:
    """Return the rate from the first claim until a server has ended, its tables written."""
    words = ("-m", "medsettle.cli", "serve", "--json", "--rules", RULES, "--data", folder)
    command = [sys.executable, *map(str, words), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["serving"]
            cpu, start = _cpu_seconds(process.pid), time.monotonic()
            asyncio.run(work(address))
        finally:
            process.terminate()
        # What has ended and is not waited for still tells what it took.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return Rate(claims, time.monotonic() - start, _cpu_seconds(process.pid) - cpu)


async def _unary(address: str, claims: int, lines: int) -> None:
    rows = [
        row
        for stream in streams(claims, claims, lines)
        for row in pa.ipc.open_stream(stream).read_all().to_pylist()
    ]
    waiting = iter([messages.CreateSettlementRequest(claim=claim_message(row)) for row in rows])

    async def till(stub: Any) -> None:
        for request in waiting:
            try:
                await stub.CreateSettlement(request)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.FAILED_PRECONDITION, error

    async with grpc.aio.insecure_channel(address) as channel:
        stub = services.SettlementServiceStub(channel)
        await asyncio.gather(*(till(stub) for _ in range(_UNARY_IN_FLIGHT)))


async def _bulk(address: str, claims: int, lines: int, first: int) -> None:
    waiting = streams(claims, claims, lines, first)

    async def sender(stub: Any) -> None:
        for stream in waiting:
            await stub.SettleClaims(messages.SettleClaimsRequest(arrow_stream=stream))

    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(address, options) as channel:
        stub = services.SettlementServiceStub(channel)
        await asyncio.gather(*(sender(stub) for _ in range(_BULK_IN_FLIGHT)))


def _cpu_seconds(pid: int) -> float:
    # After the name, which ends in a bracket, user and system time are the 12th and 13th field.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
