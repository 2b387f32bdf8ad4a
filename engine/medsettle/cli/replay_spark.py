"""`medsettle replay --spark MASTER`: the same, computed by a cluster."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from medsettle.errors import Fault, InvalidRequest

if TYPE_CHECKING:
    from medsettle.replay.part import PartOptions
    from medsettle.replay.run import Replayed
    from medsettle.replay.worlds import World

OnSpark = Annotated[
    str | None,
    typer.Option(
        "--spark",
        metavar="MASTER",
        help="Replay on a Spark cluster: spark://HOST:7077, yarn, k8s://…, local[2]. History and "
        "results then lie where all of it can read and write: a shared folder, s3a://…, hdfs://….",
    ),
]

_BAR: Final = {"spark.ui.showConsoleProgress": "true"}


def folder_of(text: str, option: str) -> Path:
    """Return a folder of this machine.

    Raises:
        InvalidRequest: It is an address, which only a cluster reads.
    """
    if "://" in text:
        message = f"{text} is read by Spark alone; name a folder of this machine, or add --spark"
        raise InvalidRequest([Fault(option, message)])
    return Path(text)


def replayed_on_spark(
    master: str,
    history: str,
    worlds: "Sequence[World]",
    out: str,
    options: "PartOptions",
    *,
    threads: int | None,
    quiet: bool,
) -> "Replayed":
    """Return what a replay came to that a cluster computed.

    Args:
        master: Where it is, as `--spark` names it.
        history: A path of this machine, or an address that Spark reads; so is `out`.
        worlds: The baseline first, then its reforms.
        out: Where the results go.
        options: What is wanted.
        threads: Of one machine; a cluster has none of ours.
        quiet: Whether nobody looks at a bar of Spark's.

    Raises:
        SettlementError: See `medsettle.replay.spark.replay_on_spark`; `threads` were named.
        ConnectionError: No master answers there.
    """
    from medsettle.cluster.places import place_of  # noqa: PLC0415 - for a cluster alone
    from medsettle.replay.spark import replay_on_spark  # noqa: PLC0415 - for a cluster alone

    if threads is not None:
        message = "a cluster has the tasks that its executors have cores for; leave out --threads"
        raise InvalidRequest([Fault("--spark", message)])
    settings = {} if quiet or not sys.stderr.isatty() else _BAR
    return replay_on_spark(
        place_of(history), worlds, place_of(out), options, master=master, settings=settings
    )
