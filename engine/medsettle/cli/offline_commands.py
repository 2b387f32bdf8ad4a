"""`medsettle offline`: seal claims at a till that is alone, settle them later, and account for all.

What is sealed cannot be read without the keys, and a byte that is changed, left out or moved is
found; what becomes of each record is told until somebody has seen to it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from medsettle import errors, limits
from medsettle.cli.desks import Desk, now, open_desk
from medsettle.cli.exits import Exit, Quit, UnreadableFile, told
from medsettle.cli.files import read_claims
from medsettle.cli.options import Data, Json, Ledger, Rules, Server, fen_named
from medsettle.cli.show import print_json
from medsettle.core.money import plain_yuan
from medsettle.core.settlement import Settlement

# Signatures load slowly, and help needs none.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    from medsettle.core.request_states import RequestState
    from medsettle.core.settlement import Row
    from medsettle.offline.reconciling import Line
    from medsettle.offline.settling import Answer
    from medsettle.offline.store import TillStore
    from medsettle.offline.till import Found
    from medsettle.privacy.sealed import SealingKey

SEAL_KEY = "offline"
# A line as `record` prints it.
_RECORDED = re.compile(r"\S+  .+: bill \d+\.\d\d, paid \d+\.\d\d; ")

app = typer.Typer(
    no_args_is_help=True, help="Claims of a till that cannot reach the engine: seal, settle later."
)

Store = Annotated[Path, typer.Option(help="File of the sealed claims of this till.")]
Keys = Annotated[
    Path, typer.Option(help=f"Folder of the key {SEAL_KEY}.key, which seals; made where missing.")
]
# `--key`, and `key` as its name, are of the certificate which is shown to --server.
_INSTITUTION_KEY = "--institution-key"
Public = Annotated[
    Path, typer.Option(_INSTITUTION_KEY, help="Public key of the institution, Ed25519 as PEM.")
]


@app.command()
def record(
    file: Annotated[Path, typer.Argument(help="Claims: .json, .jsonl, .parquet or .arrow.")],
    store: Store,
    institution_key: Annotated[
        Path,
        typer.Option(_INSTITUTION_KEY, help="Private key of the institution, Ed25519 as PEM."),
    ],
    keys: Keys,
    institution: Annotated[str, typer.Option(help="The institution whose till this is.")],
    till: Annotated[str, typer.Option(help="What the institution calls this till.")],
    paid: Annotated[
        str | None,
        typer.Option(help="Yuan of cash taken, for a file of one claim; else the whole bill."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Seal claims while the engine is out of reach, and say what to write on the receipts."""
    console = Console()
    from medsettle.offline.till import Place, record_claim  # noqa: PLC0415 - loads signatures

    with told(console, as_json=as_json), _opened(store) as opened:
        both = _signing(institution_key), _sealing(keys, new=True)
        rows = read_claims(file)
        paid_fen = None if paid is None else fen_named("paid", paid)
        if paid_fen is not None and len(rows) > 1:
            raise UnreadableFile(f"{file} holds {len(rows)} claims; --paid is of one")
        for row in rows:
            # What a request lacks or another has is told before the next one is sealed.
            done = record_claim(opened, Place(institution, till), dict(row), paid_fen, both, now)
            if as_json:
                print_json(console, asdict(done))
                continue
            line = f"{done.receipt}  {done.request_id}: bill {plain_yuan(done.total_fen)}, paid "
            line += f"{plain_yuan(done.paid_fen)}; not settled yet, the difference is given back"
            console.print(line, highlight=False, soft_wrap=True)


@app.command()
def settle(
    store: Store,
    institution_key: Public,
    keys: Keys,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Settle what was sealed, in order and each once; may be ended anywhere and begun again."""
    from medsettle.offline.settling import refund_words, settle_in_order  # noqa: PLC0415

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json), _existing(store) as opened:
        found = _read(opened, institution_key, keys)
        sent_count = 0
        with open_desk(server, data, rules, new=True, ledger=ledger) as desk:
            for sent in settle_in_order(opened, found, _OfDesk(desk), now):
                sent_count += 1
                if as_json:
                    print_json(console, asdict(sent))
                    continue
                done = sent.decided
                said = f"{done.reason}: {done.message}" if done.reason else ""
                said = ". ".join(filter(None, (said, refund_words(done))))
                line = f"{sent.seq}  {sent.request_id}: {done.state} {done.settlement} {said}"
                console.print(escape(line.rstrip()), highlight=False)
        open_ = [each for each in _lines(opened, found) if each.open]
        if not as_json:
            console.print(_ended(sent_count, open_), highlight=False)
    if open_:
        raise Quit(Exit.FINDING)


@app.command()
def reconcile(
    store: Store,
    institution_key: Public,
    keys: Keys,
    receipts: Annotated[
        Path | None,
        typer.Option(
            help="Receipts of patients, or lines of record: they tell what the store has lost."
        ),
    ] = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Say what became of each sealed claim; with --server whether the engine still has it."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json), _existing(store) as opened:
        found = _read(opened, institution_key, keys)
        lines = _lines(opened, found, _receipts(receipts), server)
        for each in lines:
            if as_json:
                print_json(console, asdict(each))
                continue
            line = f"{each.seq}  {each.request_id}: {each.fate} {each.said}".rstrip()
            if each.closing is not None:
                line += f" (seen to by {each.closing.person}: {each.closing.note})"
            elif each.next:
                line += f". {each.next}"
            console.print(escape(line), highlight=False)
        open_ = sum(each.open for each in lines)
        if not as_json:
            console.print(f"{len(lines)} records, {open_} to see to", highlight=False)
    if open_:
        raise Quit(Exit.FINDING)


@app.command()
def close(
    seq: Annotated[int, typer.Argument(help="Number of the record.")],
    store: Store,
    by: Annotated[str, typer.Option(help="Who saw to it.")],
    note: Annotated[str, typer.Option(help="What was done, such as the request id it has now.")],
    receipt: Annotated[
        str, typer.Option(help="Receipt of a patient, for a record lost at the end of the store.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say that a record which did not settle has been seen to; it is then never sent."""
    from medsettle.offline.store import Closing  # noqa: PLC0415 - loads SQLite

    console = Console()
    with told(console, as_json=as_json), _existing(store) as opened:
        opened.closed(seq, Closing(by, note), now(), receipt)
    if as_json:
        print_json(console, {"closed": seq})
    else:
        console.print(f"record {seq} is closed", highlight=False)


@dataclass(frozen=True, slots=True)
class _OfDesk:
    """The engine behind a desk, as sealed records are settled there."""

    desk: Desk

    def settle(self, claim: "Row") -> "Answer":
        (answer,) = self.desk.answers([claim], preview=False)
        return answer

    def find_request(self, institution: str, request_id: str) -> "RequestState":
        return self.desk.requests.find_request(institution, request_id)

    def recorded(self, settlement: str) -> Settlement | None:
        try:
            return self.desk.recorded(settlement)
        except errors.NotFound:
            return None


def _ended(sent: int, open_: "list[Line]") -> str:
    """Return how many were sent, how many are to be seen to, and where it says more."""
    fates = Counter(str(each.fate) for each in open_)
    which = ", ".join(f"{count} {fate}" for fate, count in fates.items())
    said = f"{sent} sent, {len(open_)} to see to"
    more = "run `medsettle offline reconcile`"
    return f"{said} ({which}): {more}, which says what to do" if open_ else said


def _lines(
    store: "TillStore",
    found: "list[Found]",
    receipts: tuple[str, ...] = (),
    server: str | None = None,
) -> "list[Line]":
    from medsettle.offline.reconciling import reconciled  # noqa: PLC0415 - loads signatures

    decided, closings = store.decided(), store.closings()
    if server is None:
        return reconciled(found, decided, closings, receipts)
    with open_desk(server, Path(), Path()) as desk:
        return reconciled(found, decided, closings, receipts, _OfDesk(desk))


@contextmanager
def _opened(path: Path) -> Iterator["TillStore"]:
    from medsettle.offline.store import TillStore  # noqa: PLC0415 - loads SQLite

    store = TillStore(path)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _existing(path: Path) -> Iterator["TillStore"]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; name the file that offline record wrote")
    with _opened(path) as store:
        yield store


def _read(store: "TillStore", key: Path, keys: Path) -> "list[Found]":
    from medsettle.offline.till import read_back  # noqa: PLC0415 - loads signatures

    return read_back(store, _verifying(key), _sealing(keys, new=False))


def _receipts(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    receipts: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if _RECORDED.match(line.strip()):
            words = words[:1]
        for each in words:
            _check_receipt(each, f"{path}: line {number}")
        receipts += words
    return tuple(receipts)


def _check_receipt(word: str, where: str) -> None:
    from medsettle.offline.records import is_receipt  # noqa: PLC0415 - loads signatures

    if not is_receipt(word):
        text = f"{word[:30]!r} is no receipt such as 7-0123456789abcdef"
        raise UnreadableFile(f"{where}: {text}, nor is the line one of offline record")
    if int(word.partition("-")[0]) > limits.OFFLINE_RECORDS_MAX:
        most = limits.OFFLINE_RECORDS_MAX
        raise UnreadableFile(f"{where}: {word} is of no record; a store has at most {most}")


def _signing(path: Path) -> "Ed25519PrivateKey":
    from medsettle.signing_keys import private_key  # noqa: PLC0415

    return private_key(path)


def _verifying(path: Path) -> "Ed25519PublicKey":
    from medsettle.signing_keys import public_key  # noqa: PLC0415

    return public_key(path)


def _sealing(folder: Path, *, new: bool) -> "SealingKey":
    from medsettle.privacy import key_files  # noqa: PLC0415 - loads ciphers
    from medsettle.privacy.sealed import open_sealing_key  # noqa: PLC0415

    return open_sealing_key(folder, SEAL_KEY) if new else key_files.read_key(folder, SEAL_KEY)
