"""What the commands that read a history take for one: options, and the data folder of an engine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE, check_is_ledger, ledger_at
from medsettle.cli.progress_lines import ProgressLines
from medsettle.cli.pseudonym_keys import reading_pseudonyms
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.opening import open_reader

if TYPE_CHECKING:
    from medsettle.privacy.pseudonyms import Pseudonyms
    from medsettle.replay.history import History
    from medsettle.replay.sources import EngineData, Wanted

Sources = Annotated[
    list[Path],
    typer.Argument(
        help="The data folder of an engine; audit folders, an engine each; or Parquet files of "
        "claims, or folders of them."
    ),
]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="Only this pooling area; may be given several times."),
]
AsOf = Annotated[
    int | None,
    typer.Option("--as-of", metavar="SEQ", help="As if the ledger had ended with this entry."),
]
Openings = Annotated[
    Path | None,
    typer.Option(help="Beside Parquet claims: a Parquet file of what people bring along."),
]
OrderBy = Annotated[
    str | None,
    typer.Option(
        "--order-by",
        metavar="COLUMN",
        help="Of Parquet claims: what those of a person come in order by; without it day of "
        "service, day of admission, request id.",
    ),
]


@contextmanager
def claim_sources(
    sources: Sequence[Path], ledger: str | None = None
) -> "Iterator[Sequence[Path] | EngineData]":
    """Yield what paths name as `replay.sources` takes it; a data folder with its ledger open.

    A folder with audit tables below it and no ledger that is named or in it is their folder.

    Raises:
        InvalidRequest: A ledger is named beside something else than one data folder.
        LedgerUnavailable: The ledger cannot be read.
    """
    from medsettle.replay.sources import EngineData  # noqa: PLC0415 - loads DuckDB

    here = [path for path in sources if _is_data(path)]
    if ledger is None and not any((path / LEDGER_FILE).is_file() for path in here):
        yield [path / AUDIT_FOLDER if path in here else path for path in sources]
        return
    if len(sources) > 1:
        message = "a ledger is read with one data folder; name several engines by audit folders"
        raise InvalidRequest([Fault("sources", message)])
    place = ledger_at(sources[0], ledger)
    check_is_ledger(place)
    with open_reader(place) as reader:
        yield EngineData(reader, sources[0] / AUDIT_FOLDER)


def _is_data(path: Path) -> bool:
    return (path / LEDGER_FILE).is_file() or (path / AUDIT_FOLDER).is_dir()


def wanted_of(
    areas: Sequence[str] | None,
    as_of: int | None,
    openings: Path | None,
    order_by: str | None,
    keys: "Pseudonyms | None" = None,
) -> "Wanted":
    """Return how a history is to be made, by the options of a command."""
    from medsettle.replay.sources import Wanted  # noqa: PLC0415 - as above

    return Wanted(frozenset(areas or ()), as_of, openings, order_by, keys)


def keys_of(sources: Sequence[str | Path], named: Path | None) -> "Pseudonyms | None":
    """Return the keys by which the sources of a history tell persons; None where there are none.

    Raises:
        Precondition: A key there cannot be used.
    """
    return reading_pseudonyms(Path(sources[0]), named) if sources else None


def kept_history(
    console: Console,
    sources: "Sequence[Path] | EngineData",
    out: Path,
    wanted: "Wanted",
    *,
    quiet: bool,
    progress: bool,
) -> "History":
    """Return the history that is named, or one that is made in `out/history`, with a bar.

    How many claims of Parquet files were left out for their faults is said.

    Raises:
        InvalidRequest: `out` is a history itself, which has no room for results.
    """
    from medsettle.replay.from_claims import REFUSED  # noqa: PLC0415 - loads DuckDB
    from medsettle.replay.layout import HISTORY_FOLDER  # noqa: PLC0415 - as above
    from medsettle.replay.run import check_out  # noqa: PLC0415 - as above
    from medsettle.replay.sources import as_history  # noqa: PLC0415 - as above

    check_out(out)
    columns = ("sorting and writing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("claims", total=None)
        lines = ProgressLines("claims read", wanted=progress)

        def written(done: int, claims: int) -> None:
            bar.update(task, completed=done, total=claims)
            lines.tell(done, claims)

        history = as_history(sources, out / HISTORY_FOLDER, wanted, written)
    if (listed := history.folder / REFUSED).exists() and not quiet:
        told = f"{history.source.get('claims_refused')} of {history.source.get('claims_read')} "
        told += f"claims have faults and are left out; all of them: {listed}"
        console.print(told, highlight=False, markup=False)
    return history


def history_alone(claims: Sequence[str], wanted: "Wanted", ledger: str | None) -> None:
    """Refuse what a cluster does not read: it takes one history, which `history make` makes.

    Raises:
        InvalidRequest: Several sources are named, or an option of making a history.
    """
    from medsettle.replay.sources import PLAINLY  # noqa: PLC0415 - loads DuckDB

    if len(claims) != 1 or wanted != PLAINLY or ledger is not None:
        message = (
            "a cluster reads one history; make it first (medsettle history make), name it alone"
        )
        raise InvalidRequest([Fault("CLAIMS", message)])
