"""`medsettle card`: record what happens to cards, show and check them, publish invalid lists."""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rich.console import Console
from rich.markup import escape

from medsettle.cards.list_format import list_bytes, read_list, signature_of
from medsettle.cli.desks import now, open_desk
from medsettle.cli.exits import Exit, Quit, UnreadableFile, told
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, Server, list_folders
from medsettle.cli.show import print_rows_table
from medsettle.core.cards import Card, CardAction, CardEvent, CardKind, InvalidReason
from medsettle.core.credentials import moment_of
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.engine.list_folder import NAMES, SIGNATURE_SUFFIX, public_key, slot_named

app = typer.Typer(no_args_is_help=True, help="Record, show and check cards; publish invalid lists.")

Token = Annotated[str, typer.Argument(help="Token of the card: its identification code.")]
Area = Annotated[str, typer.Option(help="Pooling area that issued it, six digits.")]
At = Annotated[str, typer.Option(help="A moment with its zone; now by default.")]


@app.command()
def record(
    action: Annotated[CardAction, typer.Argument(help="What happened.")],
    card: Token,
    area: Area,
    institution: Annotated[str, typer.Option(help="Who reports it.")],
    request_id: Annotated[str, typer.Option(help="A new id, stored before calling.")],
    at: At = "",
    in_person: Annotated[bool, typer.Option("--in-person", help="The holder is present.")] = False,
    person: Annotated[str | None, typer.Option(help="Of an issue: the holder.")] = None,
    kind: Annotated[CardKind | None, typer.Option(help="Of an issue: what carries it.")] = None,
    expires: Annotated[str, typer.Option(help="Of an issue: first day not valid.")] = "",
    replaces: Annotated[str | None, typer.Option(help="Of an issue: the card before.")] = None,
    bound_to: Annotated[str | None, typer.Option(help="Of an electronic one: its card.")] = None,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Record what happened to a card, and show it as it is now."""
    console = Console()
    event = CardEvent(
        institution=institution,
        request_id=request_id,
        pooling_area=area,
        card=card,
        action=action,
        effective_time=_moment(at),
        in_person=in_person,
        person=person,
        kind=kind,
        expires_date=_day(expires),
        replaces=replaces,
        bound_to=bound_to,
    )
    with (
        told(console, as_json=as_json),
        open_desk(server, data, rules, new=True, ledger=ledger) as desk,
    ):
        held = desk.cards.record(event)
    _show_card(console, held, as_json=as_json)


@app.command()
def show(
    card: Token,
    area: Area,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Show a card as it is now, and what happened to it."""
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        held = desk.cards.get(area, card)
        events = desk.cards.events(area, card)
    if as_json:
        body = {"card": asdict(held), "events": [asdict(event) for event in events]}
        console.out(_json(body), highlight=False)
        return
    _show_card(console, held, as_json=False)
    rows: list[dict[str, object]] = [
        {
            "effective": _shown(event.effective_time),
            "action": event.action.value,
            "state": str(event.state),
            "lapses": _shown(event.lapse_time),
            "by": event.institution,
            "request": event.request_id,
        }
        for event in events
    ]
    print_rows_table(console, rows)


@app.command()
def check(
    card: Token,
    area: Area,
    at: At = "",
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Say whether a card is valid at a moment; where it is not: by whom, since when, why."""
    console = Console(soft_wrap=True)
    folders, moment = list_folders(lists, list_keys), _moment(at)
    with (
        told(console, as_json=as_json),
        open_desk(server, data, rules, lists=folders, ledger=ledger) as desk,
    ):
        answer = desk.cards.check(area, card, moment)
    if as_json:
        console.out(_json(asdict(answer)), highlight=False)
    elif answer.valid:
        uses = ", ".join(answer.uses)
        console.print(f"[green]valid[/] at {_shown(answer.moment)}, for {uses}", highlight=False)
    else:
        since = f" since {_shown(answer.since)}" if answer.since is not None else ""
        console.print(f"[red]invalid[/]{since}: {answer.reason}, by level {answer.level}")
        console.print(f"  {escape(answer.remedy)}\n  {escape(answer.remedy_zh)}", highlight=False)
    if not answer.valid:
        raise Quit(Exit.FINDING)


@app.command()
def publish(
    entries: Annotated[Path, typer.Argument(help="CSV with the columns card, reason and since.")],
    out: Annotated[Path, typer.Argument(help="The list, named like city-999900.arrow.")],
    version: Annotated[int, typer.Option(help="Higher than that of the list before.", min=1)],
    key: Annotated[Path, typer.Option(help="Private key of its keeper, Ed25519 as PEM.")],
    due_days: Annotated[int, typer.Option(help="In how many days the next is promised.")] = 1,
    as_json: Json = False,
) -> None:
    """Write an invalid list and its signature; cards go in as digests only."""
    console = Console()
    slot = slot_named(out.name)
    if slot is None:
        raise typer.BadParameter(f"no list is called {out.name}; {NAMES}")
    with told(console, as_json=as_json):
        issued = now()
        due = issued + timedelta(days=due_days)
        private = _private_key(key)
        content = list_bytes(slot, version, issued, due, _entries(entries))
        signature = signature_of(content, private)
        held = read_list(content, signature, private.public_key(), slot, issued)
        # The signature first: a server that reads between the two refuses and keeps the old list.
        out.with_name(out.name + SIGNATURE_SUFFIX).write_bytes(signature)
        out.write_bytes(content)
    body = {"list": str(slot), "version": version, "entries": len(held)}
    text = f"{slot} version {version}: {len(held)} cards"
    console.out(_json(body) if as_json else text, highlight=False)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A list, its signature beside it.")],
    key: Annotated[Path, typer.Option(help="Public key of its keeper, Ed25519 as PEM.")],
    as_json: Json = False,
) -> None:
    """Say whether a list is what its keeper signed, and which version it is."""
    console = Console()
    slot = slot_named(file.name)
    if slot is None:
        raise typer.BadParameter(f"no list is called {file.name}; {NAMES}")
    with told(console, as_json=as_json):
        signature = file.with_name(file.name + SIGNATURE_SUFFIX).read_bytes()
        held = read_list(file.read_bytes(), signature, public_key(key, slot), slot, now())
    body = {"list": str(slot), "version": held.version, "entries": len(held)}
    text = f"{slot} version {held.version}: {len(held)} cards, due again {_shown(held.due_time)}"
    console.out(_json(body) if as_json else text, highlight=False)


def _entries(path: Path) -> Iterator[tuple[str, InvalidReason, datetime]]:
    """Yield the rows of a CSV file.

    Raises:
        UnreadableFile: A column is missing, or a value is none.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            card, since = row.get("card"), moment_of(row.get("since"))
            reason = row.get("reason")
            if not card or reason not in set(InvalidReason) or since is None:
                reasons = ", ".join(InvalidReason)
                raise UnreadableFile(
                    f"{path}:{number}: expected a card, a reason ({reasons}) and a moment with "
                    "its zone under card, reason and since"
                )
            yield card, InvalidReason(reason), since


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnreadableFile(f"{path} holds no private key without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnreadableFile(f"{path} holds no Ed25519 key")
    return key


def _moment(text: str) -> datetime | None:
    moment = moment_of(text) if text else None
    if text and moment is None:
        raise typer.BadParameter(f"{text!r} is no moment; write it like 2024-05-01T09:30:00+08:00")
    return moment


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2034-05-01") from error


def _shown(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(CHINA_STANDARD_TIME).isoformat(sep=" ", timespec="seconds")


def _json(body: Any) -> str:  # noqa: ANN401 - any JSON value
    return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS).decode()


def _show_card(console: Console, card: Card, *, as_json: bool) -> None:
    if as_json:
        console.out(_json(asdict(card)), highlight=False)
        return
    more = f", lapses {_shown(card.lapse_time)}" if card.lapse_time else ""
    more += " (recorded before)" if card.duplicate else ""
    console.print(
        f"{card.kind} card {escape(card.card)} of {escape(card.person)}: [bold]{card.state}[/] "
        f"since {_shown(card.since)}{more}",
        highlight=False,
        soft_wrap=True,
    )
