"""Whatever claims lie in, a replay reads them as a history: what a path is, and how it is made."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Final

from medsettle.audit import LedgerFeed
from medsettle.audit.manifest import MANIFEST_NAME as AUDIT_MANIFEST
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.privacy.pseudonyms import Pseudonyms
from medsettle.replay.audit_books import AuditBook, LedgerEnd
from medsettle.replay.from_audit import asked_of_audit, history_from_audit
from medsettle.replay.from_claims import (
    Made,
    asked_of_claims,
    claim_files,
    history_from_claims,
)
from medsettle.replay.history import MANIFEST, History, check_unfinished
from medsettle.replay.one_key import check_followed
from medsettle.replay.sorting import Progress, nothing_told, scratch_folder

_PROJECTED: Final = "projected"


class SourceKind(StrEnum):
    """What claims are read from."""

    HISTORY = "history"
    AUDIT = "audit tables"
    CLAIMS = "claims"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a history is made of a source.

    Attributes:
        areas: Of audit tables, the pooling areas; all where none is named.
        as_of: Of audit tables, the last entry of the ledger that counts.
        openings: Of claims, the Parquet file of what people bring along.
        order_by: Of claims, the column by which those of a person come in order.
        pseudonyms: Of audit tables, the keys by which persons are told in them.
    """

    areas: frozenset[str] = frozenset()
    as_of: int | None = None
    openings: Path | None = None
    order_by: str | None = None
    pseudonyms: Pseudonyms | None = field(default=None, compare=False)


PLAINLY: Final = Wanted()


def kind_of(path: Path) -> SourceKind:
    """Return what lies at a path.

    Raises:
        NotFound: Nothing is there, or nothing that claims are read from.
    """
    if (path / MANIFEST).is_file():
        return SourceKind.HISTORY
    if (path / AUDIT_MANIFEST).is_file():
        return SourceKind.AUDIT
    if path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("*.parquet"))):
        return SourceKind.CLAIMS
    raise NotFound(
        f"{path} is no history ({MANIFEST}), no audit tables ({AUDIT_MANIFEST}) and no Parquet "
        "files of claims; name one of these, or the data folder of an engine",
        path=str(path),
    )


@dataclass(frozen=True, slots=True)
class EngineData:
    """A ledger, of which entries are only read, and the folder of its audit tables."""

    ledger: LedgerFeed
    audit: Path


def make_history(
    sources: Sequence[Path] | EngineData,
    out: Path,
    wanted: Wanted = PLAINLY,
    progress: Progress = nothing_told,
) -> Made:
    """Make a history of audit folders, of Parquet files of claims, or of an engine's data.

    Of the data of an engine, what its audit tables do not tell comes from the ledger: they may be
    behind, or be from before they told claims. Nothing there is written.

    Raises:
        NotFound: A source is not there, or is none.
        InvalidRequest: The sources are of several kinds, an option is not for them, `out` has a
            history, or as `history_from_audit` and `history_from_claims`.
        Precondition: There is no claim, or audit tables do not tell claims.
        AuditCorrupt: Audit tables are damaged or of another ledger.
        LedgerUnavailable: The ledger cannot be read.
        StoreUnavailable: The disk failed or is full, or memory is, while DuckDB worked.
        OSError: The disk failed.
    """
    check_unfinished(out)
    kind = None if isinstance(sources, EngineData) else _kind(sources)
    if kind is SourceKind.HISTORY:
        message = "is a history already; copy the folder, or replay it as it is"
        raise InvalidRequest([Fault("sources", message)])
    if not isinstance(sources, EngineData) and kind is SourceKind.CLAIMS:
        _check_options(wanted, {"areas", "as_of"}, "audit tables")
        return history_from_claims(
            sources,
            out,
            openings=wanted.openings,
            order_by=wanted.order_by,
            progress=progress,
        )
    _check_options(wanted, {"openings", "order_by"}, "Parquet files of claims")
    with _books(sources, out, wanted.pseudonyms) as books:
        history = history_from_audit(
            books, out, areas=wanted.areas, as_of=wanted.as_of, progress=progress
        )
    return Made(history, history.rows("claims"), 0, ())


def as_history(
    sources: Sequence[Path] | EngineData,
    kept: Path,
    wanted: Wanted = PLAINLY,
    progress: Progress = nothing_told,
) -> History:
    """Return the history of a source: itself, or one that is made of it and kept in a folder.

    One that was made there before, of the same and in the same way, is not made again. Of a ledger
    as of an entry that is the same also where the ledger has grown since.

    Raises:
        InvalidRequest: What is kept there was made of something else.
        SettlementError, OSError: As `make_history`.
    """
    if not isinstance(sources, EngineData) and _kind(sources) is SourceKind.HISTORY:
        _check_options(wanted, {"areas", "as_of", "openings", "order_by"}, "what is no history yet")
        return History.open(sources[0])
    if not (kept / MANIFEST).is_file():
        return make_history(sources, kept, wanted, progress).history
    history = History.open(kept)
    for name, value in _asked(sources, history, wanted).items():
        if history.source.get(name) != value:
            had, asked = _unlike(history.source.get(name), value)
            message = (
                f"{kept} has a history of other {name} ({had}) than asked for ({asked}); "
                "name another folder, or remove it"
            )
            raise InvalidRequest([Fault("history", message)])
    return history


def _unlike(had: object, asked: object) -> tuple[object, object]:
    """Return two values, of lists that go on for long what the first is that differs."""
    if isinstance(had, list) and isinstance(asked, list) and had and asked:
        return next(pair for pair in zip_longest(had, asked) if pair[0] != pair[1])
    return had, asked


def _asked(
    sources: Sequence[Path] | EngineData, kept: History, wanted: Wanted
) -> Mapping[str, object]:
    """Return of what a history is asked for, as the one that is kept would tell it."""
    seq = None if wanted.as_of is None else _read_to(kept)
    if isinstance(sources, EngineData):
        ends = [LedgerEnd.of_ledger(sources.ledger, sources.audit, seq)]
    elif _kind(sources) is SourceKind.CLAIMS:
        return asked_of_claims(claim_files(sources), wanted.openings, wanted.order_by)
    else:
        ends = [LedgerEnd.in_folder(folder, seq) for folder in sources]
    return asked_of_audit(ends, wanted.areas, wanted.as_of)


def _read_to(history: History) -> int | None:
    """Return the last entry of the ledger that a history was made of, None where it is not one."""
    match history.source.get("ledgers"):
        case [{"last_seq": int(seq)}]:
            return seq
    return None


@contextmanager
def _books(
    sources: Sequence[Path] | EngineData, out: Path, pseudonyms: Pseudonyms | None
) -> Iterator[list[AuditBook]]:
    """Yield the audit tables of sources; what is made for them lies below `out` meanwhile."""
    with scratch_folder(out, _PROJECTED) as scratch:
        if isinstance(sources, EngineData):
            yield [AuditBook.of_ledger(sources.ledger, sources.audit, scratch, pseudonyms)]
            return
        books = [
            AuditBook.in_folder(folder, pseudonyms, scratch / str(number))
            for number, folder in enumerate(sources)
        ]
        check_followed([book.files for book in books])
        yield books


def _kind(sources: Sequence[Path]) -> SourceKind:
    """Return what all sources are.

    Raises:
        InvalidRequest: There is none, they are not of one kind, or there are several histories.
    """
    kinds = {path: kind_of(path) for path in sources}
    if len({*kinds.values()}) != 1:
        listed = ", ".join(f"{path} ({kind})" for path, kind in kinds.items()) or "none"
        message = f"expected sources of one kind, found {listed}; name them in several calls"
        raise InvalidRequest([Fault("sources", message)])
    (kind,) = {*kinds.values()}
    if kind is SourceKind.HISTORY and len(sources) > 1:
        message = f"{len(sources)} histories are named; name one"
        raise InvalidRequest([Fault("sources", message)])
    return kind


def _check_options(wanted: Wanted, others: Collection[str], of_what: str) -> None:
    faults = [
        Fault(name, f"is for {of_what}; leave it out")
        for name in sorted(others)
        if getattr(wanted, name) not in (None, frozenset())
    ]
    if faults:
        raise InvalidRequest(faults)
