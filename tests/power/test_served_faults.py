"""A server whose disk fails: its callers are told what to do, and its supervisor that it ended."""

import asyncio
import errno
import json
import os
import resource
import shutil
import subprocess
from asyncio import AbstractEventLoop as Loop
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from medsettle import limits
from medsettle.audit import verify
from medsettle.cli.exits import Exit
from medsettle.cli.following import Follower
from medsettle.client import Client
from medsettle.client.claims import claim_message
from medsettle.client.failures import Failure, failure_of
from medsettle.errors import LedgerFailed, LedgerUnavailable, SettlementError
from medsettle.ledger import SqliteReader
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.cli import commands
from tests.power.disk import Disk
from tests.power.test_store_faults import fault_at, full, settle, unsynced
from tests.power.watching import watched
from tests.service.claims import claim
from tests.service.serving import RULES, Served, engine_on, running_loop, serving

_LOG = "ledger.db-wal"
_TOO_MANY = 2_000


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    """Yield the loop of the servers."""
    with running_loop() as loop:
        yield loop


@contextmanager
def _served(folder: Path, loop: Loop) -> Iterator[tuple[Served, Disk]]:
    """Yield a server on a disk that can be told to fail."""
    with watched(folder) as disk, engine_on(folder) as engine, serving(engine, loop) as served:
        yield served, disk


def _failure(served: Served, number: int) -> Failure:
    """Return what a till is told in place of a settlement."""
    request = settlements.CreateSettlementRequest(claim=claim_message(claim(number)))
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.CreateSettlement(request, timeout=limits.CALL_SECONDS_DEFAULT)
    assert isinstance(raised.value, grpc.Call)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    return failure_of(raised.value)


def test_a_full_disk_is_told_and_gets_over(tmp_path: Path, loop: Loop) -> None:
    """While the disk is full callers are to come back; once there is room they are served."""
    with _served(tmp_path, loop) as (served, disk), Client(served.address) as client:
        first = client.settle(claim(1))
        disk.fault = fault_at("write", _LOG, full)
        failure = _failure(served, 2)
        assert (True, 1.0) == (failure.again, failure.delay_seconds)
        assert "disk is full" in str(failure.error)
        assert "free space" in str(failure.error)
        disk.fault = None

        assert not client.settle(claim(2)).duplicate
        assert first.columns == client.settle(claim(1)).columns


def test_a_failed_sync_ends_the_service(tmp_path: Path, loop: Loop) -> None:
    """Whoever started the server is told; health says that it does not serve; reads go on."""
    with _served(tmp_path, loop) as (served, disk), Client(served.address, timeout=0.5) as client:
        first = client.settle(claim(1))
        disk.fault = fault_at("sync", _LOG, unsynced)
        failure = _failure(served, 2)
        disk.fault = None

        assert isinstance(failure.error, LedgerFailed)
        assert (True, 1.0) == (failure.again, failure.delay_seconds)
        ended = asyncio.run_coroutine_threadsafe(served.server.failure(), loop)
        assert isinstance(ended.result(limits.CALL_SECONDS_DEFAULT), LedgerFailed)
        assert "until it is restarted" in str(_failure(served, 2).error)
        assert first.columns == client.get(str(first.columns["settlement"])).columns
        with grpc.insecure_channel(served.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health_pb2.HealthCheckResponse.NOT_SERVING == answer.status


def test_a_projection_whose_disk_failed_begins_anew(tmp_path: Path) -> None:
    """The same server projects again once there is room, and has missed nothing."""

    def fail(action: str, path: Path) -> None:
        if action == "write" and path.suffix == ".tmp":
            raise OSError(errno.ENOSPC, "No space left on device")

    async def work(follower: Follower, disk: Disk) -> None:
        follower.hurry()
        await follower()
        settle(engine, 2)
        disk.fault = fail
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                await follower()
        disk.fault = None
        await follower()

    with (
        watched(tmp_path) as disk,
        engine_on(tmp_path) as engine,
        SqliteReader(tmp_path / "ledger.db") as reader,
        closing(Follower(reader, tmp_path / "audit", shared=False)) as follower,
    ):
        settle(engine, 1)
        asyncio.run(work(follower, disk))
    assert 2 == verify(tmp_path / "audit").last_seq


def _settle_until_refused(client: Client, first: int) -> tuple[dict[int, object], SettlementError]:
    """Return the settlements acknowledged, and the error that the next one met."""
    answered: dict[int, object] = {}
    for number in range(first, first + _TOO_MANY):
        try:
            answered[number] = client.settle(claim(number)).columns
        except (SettlementError, ConnectionError) as error:
            assert isinstance(error, SettlementError), error
            return answered, error
    raise AssertionError("the disk never failed")


def _is_as_answered(data: Path, answered: dict[int, object]) -> None:
    with commands.serving(data, RULES) as server, Client(server.address) as client:
        for number, columns in answered.items():
            again = client.settle(claim(number))
            assert (True, columns) == (again.duplicate, again.columns)
        client.settle(claim(max(answered) + 1))


@pytest.mark.slow
def test_a_server_whose_ledger_failed_ends_and_the_next_goes_on(tmp_path: Path) -> None:
    """The process ends with its own exit code and a sentence; the next one has every answer."""
    data = tmp_path / "data"
    with commands.serving(data, RULES) as server, Client(server.address, timeout=0.5) as client:
        answered = {1: client.settle(claim(1)).columns}
        size = (data / _LOG).stat().st_size
        limit = size + 200_000
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, hard))
        more, error = _settle_until_refused(client, 2)
        assert server.process.stdout is not None
        said = json.loads(server.process.stdout.read())

        assert isinstance(error, LedgerUnavailable)
        assert Exit.UNAVAILABLE == server.process.wait(60)
        assert "LEDGER_FAILED" == said["error"]
        assert "Open it again" in said["messages"][0]
    _is_as_answered(data, answered | more)


@contextmanager
def _small_disk(folder: Path, size_kib: int) -> Iterator[Path]:
    """Yield a folder on a disk of its own; needs the right to mount one."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a disk of a few megabytes")
    folder.mkdir()
    words = [mount, "-t", "tmpfs", "-o", f"size={size_kib}k", "none", str(folder)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    try:
        yield folder
    finally:
        subprocess.run([umount, str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_runs_full_under_a_server(tmp_path: Path) -> None:
    """The same process serves on once there is room, and has lost nothing."""
    with _small_disk(tmp_path / "disk", 4_096) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(2_000_000))
        with (
            commands.serving(disk / "data", RULES) as server,
            Client(server.address, timeout=1) as client,
        ):
            answered, error = _settle_until_refused(client, 1)
            assert isinstance(error, LedgerUnavailable)
            assert not isinstance(error, LedgerFailed)
            assert "free space" in str(error)
            ballast.unlink()

            refused = max(answered, default=0) + 1
            again = client.settle(claim(refused))
            assert not again.duplicate
            assert Exit.OK == server.stop()
        _is_as_answered(disk / "data", answered | {refused: again.columns})
