"""`medsettle replay`: a history settled again, under its own rules and under reforms."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from medsettle.cli.exits import Exit, told
from medsettle.cli.history_sources import (
    Areas,
    AsOf,
    Openings,
    OrderBy,
    claim_sources,
    history_alone,
    kept_history,
    wanted_of,
)
from medsettle.cli.options import Json, Ledger
from medsettle.cli.replay_spark import OnSpark, folder_of, replayed_on_spark

if TYPE_CHECKING:
    from medsettle.replay.history import History
    from medsettle.replay.part import PartOptions
    from medsettle.replay.report import Report as Reported
    from medsettle.replay.run import Replayed
    from medsettle.replay.worlds import World

Claims = Annotated[
    list[str],
    typer.Argument(
        help="A history; or what one is made of and kept in OUT/history: the data folder of an "
        "engine, audit folders, or Parquet claims."
    ),
]
Policy = Annotated[Path, typer.Option("--policy", help="Folder of the rules of the baseline.")]
Reforms = Annotated[
    list[Path] | None,
    typer.Option("--reform", help="An overlay, replayed beside the baseline; may be given often."),
]
Out = Annotated[str, typer.Option("--out", "-o", help="Folder of the results.")]
Check = Annotated[
    bool, typer.Option("--check", help="Write differences from what was recorded, and no results.")
]
Lines = Annotated[bool, typer.Option("--lines", help="Also write how each line was split.")]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="With reforms, write the report at the end.")
]
Threads = Annotated[
    int | None, typer.Option(help="Parts at hand at a time; two where there are two processors.")
]


_KEPT_MILLISECONDS = 60_000
"""How long memory is kept that is not used."""


def replay(
    claims: Claims,
    policy: Policy = Path("rules"),
    reform: Reforms = None,
    out: Out = "replayed",
    check: Check = False,
    lines: Lines = False,
    report: Report = True,
    threads: Threads = None,
    spark: OnSpark = None,
    ledger: Ledger = None,
    area: Areas = None,
    as_of: AsOf = None,
    openings: Openings = None,
    order_by: OrderBy = None,
    as_json: Json = False,
) -> None:
    """Settle claims again, in the order of each person, under their rules and under reforms.

    Each claim that the baseline does not settle as it was recorded is listed in `differences`; with
    --check the command exits with 1 where there are any. A replay that was ended goes on where it
    was when it is run again; one on a cluster begins anew.
    """
    # Arrow gives memory back that the next part wants again, page by page, which takes as long as
    # to read it. Its pool looks at this when it is loaded.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", str(_KEPT_MILLISECONDS))
    # numba and Arrow load slowly, and no other command needs these.
    from medsettle.replay.part import PartOptions  # noqa: PLC0415
    from medsettle.replay.worlds import worlds_of  # noqa: PLC0415

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json, refused=Exit.USAGE):
        worlds = worlds_of(policy, reform or [])
        options = PartOptions(check=check, lines=lines)
        wanted = wanted_of(area, as_of, openings, order_by)
        reported: Reported | None = None
        if spark is None:
            folder = folder_of(out, "--out")
            paths = [folder_of(each, "CLAIMS") for each in claims]
            with claim_sources(paths, ledger) as sources:
                history = kept_history(console, sources, folder, wanted, quiet=as_json)
            found = _here(history, folder, worlds, options, threads=threads, quiet=as_json)
            if reform and report and not check:
                reported = _reported(history, folder, policy, reform)
        else:
            history_alone(claims, wanted, ledger)
            found = replayed_on_spark(
                spark, claims[0], worlds, out, options, threads=threads, quiet=as_json
            )
    names = [world.name for world in worlds]
    if as_json:
        page = None if reported is None else str(reported.page)
        body = {
            **{"folder": out, "worlds": names, "parts": found.parts},
            **{"claims": found.claims, "resumed_parts": found.resumed},
            **{"differences": found.differences, "report": page},
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
    else:
        console.out(_words(names, found.claims, found.differences, out), highlight=False)
        if reported is not None:
            from medsettle.cli.replay_report import say_report  # noqa: PLC0415 - loads DuckDB
            from medsettle.replay.report_page import PageOptions  # noqa: PLC0415 - as above

            say_report(console, reported, PageOptions(), as_json=False)
    if check and found.differences:
        raise typer.Exit(Exit.FINDING)


def _here(
    history: "History",
    out: Path,
    worlds: "Sequence[World]",
    options: "PartOptions",
    *,
    threads: int | None,
    quiet: bool,
) -> "Replayed":
    """Replay on this machine, with a bar."""
    from medsettle.replay.run import replay as run  # noqa: PLC0415 - loads numba and Arrow

    with _Bar(history.rows("claims"), quiet=quiet) as bar:
        return run(history, worlds, out, options, threads=threads, progress=bar.advance)


def _reported(history: "History", out: Path, policy: Path, reforms: "Sequence[Path]") -> "Reported":
    """Write the report of a replay that has finished."""
    from medsettle.cli.replay_report import changes_of  # noqa: PLC0415 - loads DuckDB
    from medsettle.replay.compare_folders import Results  # noqa: PLC0415 - as above
    from medsettle.replay.report import write_report  # noqa: PLC0415 - as above

    results = Results.open(out, history.folder)
    return write_report(results, changes=changes_of(policy, reforms))


def _words(worlds: list[str], claims: int, differences: int, out: str) -> str:
    text = f"{claims:,} claims in {len(worlds)} worlds ({', '.join(worlds)}); "
    if differences:
        return text + f"{differences:,} do not come out as recorded: {out}/differences"
    return text + "none that was recorded comes out otherwise"


class _Bar:
    """A progress bar with claims a second and the time that is left; none where nobody looks."""

    def __init__(self, claims: int, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} claims"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._claims = claims
        self._task: TaskID | None = None

    def __enter__(self) -> "_Bar":
        self._bar.start()
        self._task = self._bar.add_task("", total=self._claims, rate="")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, claims: int, differences: int) -> None:
        """Show that a part is finished."""
        assert self._task is not None
        self._bar.advance(self._task, claims)
        speed = self._bar.tasks[self._task].speed
        rate = f"{speed:,.0f} claims/s" if speed else ""
        self._bar.update(
            self._task, rate=rate + (f", {differences:,} differ" if differences else "")
        )
