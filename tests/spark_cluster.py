"""A standalone cluster of Spark on this machine: a master and workers, all processes."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final

import pyspark
import pytest
from medsettle.cluster.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROOT: Final = Path(__file__).parents[1]
_SPARK_CLASS: Final = Path(pyspark.__file__).parent / "bin" / "spark-class"
_JAVA_MIN: Final = 17
# Jobs of some seconds are done before a thorough compiler has paid.
_BRIEF: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

SETTINGS: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": _BRIEF,
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": _BRIEF,
    "spark.executorEnv.PYTHONPATH": os.pathsep.join([str(_ROOT / "engine"), str(_ROOT)]),
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "1s",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}
"""Of a session on such a cluster: small, on the loopback interface, with both workers at once."""


def skip_without_java() -> None:
    """Skip a test where there is no Java that Spark runs on."""
    way = f"install Java {_JAVA_MIN} or later: apt-get install openjdk-17-jre-headless"
    java = shutil.which("java")
    if java is None:
        pytest.skip(f"no java; {way}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    version = told.split('"')[1]
    if int(version.split(".")[0]) < _JAVA_MIN:
        pytest.skip(f"java is {version}; {way}")


class Cluster:
    """A context manager: its processes end with it, each by its id."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._count = workers
        self._started: list[_Process] = []
        self.master = ""
        self._workers: list[int] = []

    def __enter__(self) -> "Cluster":
        try:
            own = "org.apache.spark.deploy.master.Master"
            self.master = self._start(own).wait_for("Starting Spark master at ").split()[0]
            words = ["--cores", "1", "--memory", "1g", "--work-dir", str(self._folder)]
            own = "org.apache.spark.deploy.worker.Worker"
            workers = [self._start(own, *words, self.master) for _ in range(self._count)]
            for each in workers:
                each.wait_for("Successfully registered with master")
                self._workers.append(each.pid)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def kill_worker(self) -> None:
        """Kill the first worker and its executors, as a machine fails."""
        pid = self._workers.pop(0)
        for each in (pid, *_children(pid)):
            os.kill(each, signal.SIGKILL)

    def _start(self, own: str, *words: str) -> "_Process":
        environment = os.environ | {
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self._folder),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_LAUNCHER_OPTS": _BRIEF,
            "SPARK_DAEMON_JAVA_OPTS": f"{_BRIEF} -Dspark.master.rest.enabled=false",
        }
        address = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        process = _Process([str(_SPARK_CLASS), own, *address, *words], environment)
        self._started.append(process)
        return process

    def _end(self) -> None:
        for each in reversed(self._started):
            each.end()
        self._started.clear()


@contextmanager
def session_on(cluster: Cluster) -> Iterator["SparkSession"]:
    """Open a session on a cluster, and end the process that it started beside this one."""
    with spark_session(cluster.master, SETTINGS) as opened:
        yield opened
    gateway: Any = pyspark.SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    pyspark.SparkContext._gateway = pyspark.SparkContext._jvm = None


def executors(session: "SparkSession") -> set[str]:
    """Return the executors that the driver counts on."""
    java: Any = session.sparkContext._jsc
    told = java.sc().statusTracker().getExecutorInfos()
    # The driver is one of them.
    return {f"{each.host()}:{each.port()}" for each in told[1:]}


@contextmanager
def killed_worker(cluster: Cluster, session: "SparkSession", *, tasks: int) -> Iterator[None]:
    """Kill a worker and its executor while the other does a stage of so many tasks.

    The stage is killed in once one of its tasks is done; none being met fails the test.
    """
    tracker = session.sparkContext.statusTracker()
    over, killed = threading.Event(), threading.Event()

    def kill() -> None:
        while not over.wait(0.01) and not killed.is_set():
            stages = [tracker.getStageInfo(each) for each in tracker.getActiveStageIds()]
            if any(each and each.numTasks >= tasks and each.numCompletedTasks for each in stages):
                killed.set()
                cluster.kill_worker()

    before = len(executors(session))
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()
    assert killed.is_set()
    assert (2, 1) == (before, len(executors(session)))


class _Process:
    """A process of the cluster; what it writes is read all the time, so that it never waits."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self._lines: list[str] = []
        self._reading: threading.Thread | None = None

    def wait_for(self, words: str) -> str:
        """Return what follows these words in the first line that has them."""
        for line in self._stream:
            self._lines.append(line)
            if words in line:
                self._reading = threading.Thread(target=self._read)
                self._reading.start()
                return line.split(words, 1)[1]
        pytest.fail(f"Spark ended before it said {words!r}:\n{''.join(self._lines)}")

    def end(self) -> None:
        for each in _children(self.pid):
            os.kill(each, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        if self._reading is not None:
            self._reading.join()
        self._stream.close()

    @property
    def _stream(self) -> IO[str]:
        assert self._process.stderr is not None
        return self._process.stderr

    def _read(self) -> None:
        for line in self._stream:
            self._lines.append(line)


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started and that run still."""
    found = []
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(number) for number in each.read_text().split()]
    return found


assert sys.platform == "linux", "children are looked up in /proc"
