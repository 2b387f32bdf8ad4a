"""`medsettle replay`: a history settled again, under its own rules and under reforms."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from medsettle.cli.exits import Exit, UnreadableFile, told
from medsettle.cli.history_sources import (
    Areas,
    AsOf,
    Openings,
    OrderBy,
    claim_sources,
    history_alone,
    kept_history,
    keys_of,
    wanted_of,
)
from medsettle.cli.options import Json, Ledger
from medsettle.cli.progress_lines import ForPrograms, ProgressLines
from medsettle.cli.pseudonym_keys import Keys
from medsettle.cli.replay_spark import OnSpark, folder_of, replayed_on_spark
from medsettle.cli.replay_words import counted, json_of, left_out_of, say_outcomes, words_of

if TYPE_CHECKING:
    from medsettle.replay.history import History
    from medsettle.replay.outcomes import WorldOutcomes
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
    typer.Option(
        "--reform",
        help="An overlay, or a folder of overlays that are one reform together, replayed beside "
        "the baseline; may be given often.",
    ),
]
Out = Annotated[str, typer.Option("--out", "-o", help="Folder of the results.")]
Check = Annotated[
    bool, typer.Option("--check", help="Write differences from what was recorded, and no results.")
]
Lines = Annotated[bool, typer.Option("--lines", help="Also write how each line was split.")]
Stages = Annotated[
    bool,
    typer.Option(
        help="Tell the first stage of each claim that comes out otherwise, which settles these one "
        "by one; under quite other rules that takes most of the time."
    ),
]
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
    stages: Stages = True,
    report: Report = True,
    threads: Threads = None,
    spark: OnSpark = None,
    ledger: Ledger = None,
    area: Areas = None,
    as_of: AsOf = None,
    openings: Openings = None,
    order_by: OrderBy = None,
    pseudonym_keys: Keys = None,
    progress: ForPrograms = False,
    as_json: Json = False,
) -> None:
    """Settle claims again, in the order of each person, under their rules and under reforms.

    Each claim that the baseline does not settle as it was recorded is listed in `differences`; with
    --check the command exits with 1 where there are any. Claims of Parquet files that have faults
    are left out and listed in OUT/history/refused.parquet, and the exit code is 1. A replay that
    was ended goes on where it was when it is run again; one on a cluster begins anew.
    """
    _keep_memory()
    # numba and Arrow load slowly, and no other command needs these.
    from medsettle.replay.outcomes import outcomes_in  # noqa: PLC0415
    from medsettle.replay.part import PartOptions  # noqa: PLC0415
    from medsettle.replay.worlds import worlds_of  # noqa: PLC0415

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json, refused=Exit.USAGE):
        reports = bool(reform) and report and not check and spark is None
        _check_folders(policy, out, reports=reports)
        worlds, options = worlds_of(policy, reform or []), PartOptions(check, lines, stages)
        names = [world.name for world in worlds]
        wanted = wanted_of(area, as_of, openings, order_by, keys_of(claims, pseudonym_keys))
        reported: Reported | None = None
        history: History | None = None
        outcomes: Mapping[str, WorldOutcomes] = {}
        if spark is None:
            folder = folder_of(out, "--out")
            with claim_sources([folder_of(each, "CLAIMS") for each in claims], ledger) as sources:
                quiet = {"quiet": as_json, "progress": progress}
                history = kept_history(console, sources, folder, wanted, **quiet)
            bar = _Bar(history.rows("claims"), quiet=as_json, progress=progress)
            found = _here(history, folder, worlds, options, threads=threads, bar=bar)
            outcomes = {} if check else outcomes_in(folder, history, worlds)
            if reports:
                reported = _reported(history, folder, worlds)
        else:
            history_alone(claims, wanted, ledger)
            given = (spark, claims[0], worlds, out, options)
            found = replayed_on_spark(*given, threads=threads, quiet=as_json)
            history = _history_here(claims[0])
        # Whoever looks at a history out of reach is told what holds of any.
        compared = bool(found.differences) or history is None or history.recorded()
    read, left_out = left_out_of(history, Path(out))
    if as_json:
        also = {"read": read, "refused": left_out, **_page(reported), **counted(outcomes)}
        console.out(json_of(out, names, found, also), highlight=False)
    else:
        console.out(words_of(names, found, out, compared=compared), highlight=False)
        say_outcomes(console, outcomes, worlds, history)
        _say_report(console, reported)
    if (check and found.differences) or left_out:
        raise typer.Exit(Exit.FINDING)


def _check_folders(policy: Path, out: str, *, reports: bool) -> None:
    """Refuse rules that are not there, and a folder in which there can be no report."""
    if not policy.is_dir():
        raise UnreadableFile(
            f"there is no folder {str(policy)!r} here; name that of your areas with --policy"
        )
    if not reports:
        return
    from medsettle.replay.compare import check_folder  # noqa: PLC0415 - loads Arrow
    from medsettle.replay.report import OUT_FOLDER  # noqa: PLC0415 - as above

    check_folder(folder_of(out, "--out") / OUT_FOLDER)


def _keep_memory() -> None:
    # Arrow gives memory back that the next part wants again, page by page, which takes as long as
    # to read it. Its pool looks at this when it is loaded.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", str(_KEPT_MILLISECONDS))


def _here(
    history: "History",
    out: Path,
    worlds: "Sequence[World]",
    options: "PartOptions",
    *,
    threads: int | None,
    bar: "_Bar",
) -> "Replayed":
    """Replay on this machine, with a bar."""
    from medsettle.replay.run import replay as run  # noqa: PLC0415 - loads numba and Arrow

    with bar:
        return run(history, worlds, out, options, threads=threads, progress=bar.advance)


def _reported(history: "History", out: Path, worlds: "Sequence[World]") -> "Reported":
    """Write the report of a replay that has finished."""
    from medsettle.replay.compare_folders import Results  # noqa: PLC0415 - loads Arrow
    from medsettle.replay.reform_words import reform_changes  # noqa: PLC0415 - as above
    from medsettle.replay.report import write_report  # noqa: PLC0415 - loads DuckDB

    results = Results.open(out, history.folder)
    return write_report(results, changes=reform_changes(worlds))


def _page(reported: "Reported | None") -> dict[str, object]:
    return {"report": None if reported is None else str(reported.page)}


def _say_report(console: Console, reported: "Reported | None") -> None:
    """Say where the report is, if one was written, and what it says."""
    from medsettle.cli.replay_report import say_report  # noqa: PLC0415 - loads DuckDB
    from medsettle.replay.report_page import PageOptions  # noqa: PLC0415 - as above

    if reported is None:
        return
    say_report(console, reported, PageOptions(), as_json=False)


def _history_here(text: str) -> "History | None":
    """Return the history that a cluster replayed; None where only the cluster can read it."""
    from medsettle.replay.history import History  # noqa: PLC0415 - loads Arrow

    return None if "://" in text else History.open(Path(text))


class _Bar:
    """A progress bar with claims a second and the time that is left; none where nobody looks."""

    def __init__(self, claims: int, *, quiet: bool, progress: bool) -> None:
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
        self._done = 0
        self._lines = ProgressLines("claims replayed", wanted=progress)
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
        self._done += claims
        self._lines.tell(self._done, self._claims)
        self._bar.advance(self._task, claims)
        speed = self._bar.tasks[self._task].speed
        rate = f"{speed:,.0f} claims/s" if speed else ""
        self._bar.update(
            self._task, rate=rate + (f", {differences:,} differ" if differences else "")
        )
