"""Sessions on a cluster of Spark, and what went wrong there in our words."""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from medsettle import limits
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEEDED: Final = {
    # Moments are compared and shown as they are, whatever the zone of a machine.
    "spark.sql.session.timeZone": "UTC",
    # Codes in names of folders are texts, also where they look like numbers.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.caseSensitive": "true",
}
"""Settings without which rows mean something else here; a session that is handed in gets them."""

_INSTALL: Final = "run pip install 'medsettle[spark]'"
_JAVA: Final = "install Java 17 or later (apt-get install openjdk-17-jre-headless)"
_QUIET: Final = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
_LOOPBACK: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


@contextmanager
def spark_session(
    master: str, settings: Mapping[str, str], work: str = "reconcile"
) -> Iterator["SparkSession"]:
    """Open a session on a cluster, and stop it in the end.

    Args:
        master: Where the cluster is, as Spark says it: `spark://host:7077`, `yarn`, `k8s://…`, or
            `local[2]` for two threads of this process.
        settings: Of Spark, beside those of its own configuration files.
        work: What is done there, as the cluster shows it.

    Raises:
        Precondition: pyspark or Java is missing, or a session of Spark runs here already.
        ConnectionError: No master answers there.
    """
    try:
        # Who stays on one machine needs no Spark.
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        message = f"{work} on Spark needs pyspark, which is not installed; {_INSTALL}"
        raise Precondition(message) from error
    _check_reachable(master)
    if SparkSession.getActiveSession() is not None:
        raise Precondition(
            "a session of Spark runs in this process already; stop it, or hand it to the function "
            "that takes one (clearing.spark.job.reconcile_in, replay.spark.replay_in)"
        )
    loopback = _LOOPBACK if master.startswith("local") else {}
    builder = SparkSession.builder.master(master).appName(f"medsettle {work}")
    for name, value in (_QUIET | loopback | NEEDED | dict(settings)).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        raise Precondition(
            f"Spark does not start: {_cause(str(error))}; {_JAVA}, and see what it wrote above"
        ) from error
    if "PYSPARK_PYTHON" not in os.environ:
        session.sparkContext.pythonExec = sys.executable
    try:
        yield session
    finally:
        session.stop()


def _check_reachable(master: str) -> None:
    """Raise where no master of a standalone cluster answers: Spark itself tries for minutes.

    Raises:
        ConnectionError: None does.
    """
    scheme, _, places = master.partition("://")
    if scheme != "spark":
        return
    causes = []
    for place in places.split(","):
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), limits.SPARK_CONNECT_SECONDS):
                return
        except (OSError, ValueError) as error:
            causes.append(f"{place}: {error}")
    raise ConnectionError(
        f"no master of Spark answers ({'; '.join(causes)}); start it, or name another"
    )


@contextmanager
def told_by_spark() -> Iterator[None]:
    """Say in our words what went wrong in Spark.

    Raises:
        Precondition: Something did.
    """
    from py4j.protocol import Py4JError  # type: ignore[import-untyped] # noqa: PLC0415 - an extra
    from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra

    try:
        yield
    except (PySparkException, Py4JError) as error:
        cause = _cause(str(error))
        hint = "see the log of the driver and the executors"
        if "ModuleNotFoundError" in cause:
            hint = "install medsettle for the Python of each executor (PYSPARK_PYTHON names it)"
        raise Precondition(f"the job failed on Spark: {cause}; {hint}") from error


def _cause(text: str) -> str:
    """Return the line of an error of Spark that says what happened in Python, else its first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.split(":", 1)[0].endswith(("Error", "Exception"))]
    python = [line for line in named if _is_of_python(line.split(":", 1)[0])]
    return (python or lines or [text])[0]


def _is_of_python(name: str) -> bool:
    """Return whether an error has a name of Python's own or of ours, and not one of Java's."""
    return "." not in name or name.startswith("medsettle.")
