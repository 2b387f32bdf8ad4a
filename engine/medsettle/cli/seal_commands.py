"""`medsettle audit`: keys, seals, checkpoints, and those who countersign them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.audit.notes import Checkpoint, NoNote
from medsettle.audit.proofs import Growth, NoProof
from medsettle.cli.desks import AUDIT_FOLDER, now
from medsettle.cli.exits import UnreadableFile, told
from medsettle.cli.options import Data, Json
from medsettle.cli.show import print_told
from medsettle.errors import AuditCorrupt

app = typer.Typer()

LogKey = Annotated[Path, typer.Option("--key", help="Public key of the log, NAME.pub.pem.")]
Name = Annotated[
    str, typer.Option("--name", help="What the witness is called, such as example.cn/witness-b.")
]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; without it it is shown.")]


@app.command(name="key")
def make_audit_key(
    name: Annotated[str, typer.Argument(help="Whose key it is: NAME.key.pem, NAME.pub.pem.")],
    origin: Annotated[
        str, typer.Option(help="Name in notes, such as example.cn/audit/110000; else NAME.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder of the two files.")] = Path(),
    as_json: Json = False,
) -> None:
    """Make a key for checkpoints or for countersigning them; use it for nothing else.

    Told are also the two forms in which other tools for transparency logs take the public key.
    """
    from medsettle.audit import notes  # noqa: PLC0415 - loads cryptography
    from medsettle.signing_keys import fingerprint_of, make_key  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        called = _named(origin or name)
        private, public, key = make_key(name, out)
        body = {
            "private": str(private),
            "public": str(public),
            "fingerprint": fingerprint_of(key),
            "log_key": notes.verifier_key(called, notes.LOG_KEY, key),
            "witness_key": notes.verifier_key(called, notes.WITNESS_KEY, key),
        }
    lines = [
        f"{private} (keep it to yourself)",
        str(public),
        f"as the key of a log: {body['log_key']}",
        f"as the key of a witness: {body['witness_key']}",
    ]
    print_told(console, body, lines, as_json=as_json)


@app.command(name="seal")
def seal_tables(
    data: Data = Path("medsettle-data"),
    key: Annotated[
        Path | None,
        typer.Option(help="Private key of the log, NAME.key.pem; else nothing is signed."),
    ] = None,
    origin: Annotated[
        str, typer.Option(help="What the log is called, such as example.cn/audit/110000.")
    ] = "",
    at_once: Annotated[
        bool, typer.Option("--now", help="Sign over all that is sealed, too, not ended days alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Seal what was projected, and sign a checkpoint for each day of recording that has ended."""
    from medsettle.audit.sealing import Sealer  # noqa: PLC0415 - loads cryptography
    from medsettle.core.dates import service_day_of  # noqa: PLC0415
    from medsettle.signing_keys import private_key  # noqa: PLC0415

    console = Console()
    if (key is None) != (not origin) or (at_once and key is None):
        raise typer.BadParameter("--key and --origin go together, and --now with them")
    with told(console, as_json=as_json):
        private = private_key(key) if key is not None else None
        if origin:
            _named(origin)
        entries, made = 0, []
        with Sealer(data / AUDIT_FOLDER) as sealer:
            while sealed := sealer.seal_once():
                entries += sealed
            if private is not None:
                today = service_day_of(now())
                made = sealer.sign(private, origin, today, to_the_end=at_once)
            size = sealer.size
    signed = [
        {"size": each.size, "root": each.root.hex(), "day": each.told("day")} for each in made
    ]
    lines = [f"sealed {entries} entries, {size} in all"]
    lines += [f"signed {each.named()}, root {each.root.hex()}" for each in made]
    print_told(
        console, {"entries": entries, "sealed": size, "signed": signed}, lines, as_json=as_json
    )


@app.command(name="consistency")
def show_growth(
    old: Annotated[
        str, typer.Argument(help="How many entries the older had, or the file of its checkpoint.")
    ],
    new: Annotated[
        str, typer.Argument(help="The newer, in the same way; without it the newest.")
    ] = "",
    data: Data = Path("medsettle-data"),
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Write the proof that the log of an older checkpoint begins that of a newer one.

    It is what a witness is given: see countersign.
    """
    from medsettle.audit.proofs import growth_proof, read_growth  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        older, newer = _told(old), _told(new) if new else None
        content = growth_proof(data / AUDIT_FOLDER, older[0], newer[0] if newer else None)
        growth = read_growth(content)
        _check_roots(older, newer, growth)
        if out is not None:
            out.write_bytes(content)
    if as_json or out is not None:
        body = {
            "old": older[0],
            "new": growth.checkpoint.size,
            "root": growth.checkpoint.root.hex(),
            "hashes": [each.hex() for each in growth.path],
            "file": None if out is None else str(out),
        }
        lines = [f"{out}: {older[0]} entries begin {growth.checkpoint.named()}"]
        print_told(console, body, lines, as_json=as_json)
    else:
        typer.echo(content.decode(), nl=False)


@app.command(name="countersign")
def countersign_checkpoint(
    checkpoint: Annotated[
        Path, typer.Argument(help="What audit consistency wrote, or, the first time, a checkpoint.")
    ],
    key: Annotated[Path, typer.Option(help="Private key of the witness, NAME.key.pem.")],
    log_key: Annotated[Path, typer.Option(help="Public key of the log, NAME.pub.pem.")],
    name: Name,
    state: Annotated[Path, typer.Option(help="File of what was countersigned before.")] = Path(
        "witness.json"
    ),
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Countersign the checkpoint of another province, after seeing that its log only grew.

    A log that went back or has two histories is refused, and both roots are named.
    """
    from medsettle.audit.proofs import read_growth  # noqa: PLC0415 - loads cryptography
    from medsettle.audit.witness import countersign  # noqa: PLC0415
    from medsettle.signing_keys import private_key, public_key  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        private, of_log = private_key(key), public_key(log_key)
        try:
            growth = read_growth(checkpoint.read_bytes())
        except NoProof as error:
            raise UnreadableFile(f"{checkpoint} {error}") from error
        note, before = countersign(growth, of_log, private, _named(name), state, now())
        if out is not None:
            out.write_bytes(note.content())
    found = growth.checkpoint
    since = f"grown from {before.size}" if before else "the first of this log that was seen"
    body = {
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "before": before.size if before else None,
        "note": note.content().decode(),
    }
    if out is None and not as_json:
        typer.echo(note.content().decode(), nl=False)
    else:
        lines = [f"countersigned {found.named()} of {found.origin}, {since}: {out}"]
        print_told(console, body, lines, as_json=as_json)


@app.command(name="countersigned")
def keep_cosignature(
    note: Annotated[Path, typer.Argument(help="What the witness returned.")],
    witness: Annotated[Path, typer.Option(help="Public key of the witness, NAME.pub.pem.")],
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Keep the cosignature of a witness beside the checkpoint it is of."""
    from medsettle.audit.notes import read_note  # noqa: PLC0415
    from medsettle.audit.witness import add_cosignatures  # noqa: PLC0415
    from medsettle.signing_keys import public_key  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        key = public_key(witness)
        try:
            path = add_cosignatures(data / AUDIT_FOLDER, read_note(note.read_bytes()), key)
        except NoNote as error:
            raise UnreadableFile(f"{note} {error}") from error
    print_told(console, {"checkpoint": str(path)}, [f"kept in {path}"], as_json=as_json)


def _named(name: str) -> str:
    from medsettle.audit.notes import check_name  # noqa: PLC0415

    try:
        return check_name(name)
    except NoNote as error:
        raise typer.BadParameter(str(error)) from error


def _told(told: str) -> tuple[int, bytes | None]:
    """Return size, and root where a checkpoint was named, of what an argument names."""
    if told.isdecimal():
        return int(told), None
    checkpoint = checkpoint_in(Path(told))
    return checkpoint.size, checkpoint.root


def _check_roots(
    older: tuple[int, bytes | None], newer: tuple[int, bytes | None] | None, growth: Growth
) -> None:
    """Hold the checkpoints that were named to the proof.

    Raises:
        AuditCorrupt: One is of another history.
    """
    from medsettle.audit.tree import is_consistent  # noqa: PLC0415

    size, root = growth.checkpoint.size, growth.checkpoint.root
    begun = older[1] is None or is_consistent((older[0], older[1]), (size, root), growth.path)
    same = newer is None or newer[1] in {None, root}
    if not (begun and same):
        named = older if not begun or newer is None else newer
        told = named[1].hex() if named[1] is not None else ""
        raise AuditCorrupt(
            f"the checkpoint over {named[0]} with root {told} is not of the history that comes to "
            f"{root.hex()} over {size}: they are two histories"
        )


def checkpoint_in(path: Path) -> Checkpoint:
    """Return the checkpoint of a file.

    Raises:
        UnreadableFile: It holds none.
        OSError: It cannot be read.
    """
    from medsettle.audit.notes import checkpoint_of, read_note  # noqa: PLC0415

    try:
        return checkpoint_of(read_note(path.read_bytes()))
    except NoNote as error:
        raise UnreadableFile(f"{path} {error}") from error
