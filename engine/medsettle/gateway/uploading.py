"""Lines of a visit: sent in batches, split at once, withdrawn while they are not settled."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from medsettle.core.dates import service_day_of
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.claiming import Charge, claims_of
from medsettle.gateway.encountering import found
from medsettle.gateway.encounters import ALL, Encounter
from medsettle.gateway.fields import Values
from medsettle.gateway.line_checks import NODE, check_lines, lines_taken_back, with_numbers
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of, recordable
from medsettle.gateway.splits import split_rows
from medsettle.gateway.transactions import Answer, Asked


async def upload(office: Office, asked: Asked) -> Answer:
    """Add lines to a visit (2204) or stay (2301), and tell how each is split."""
    rows: Sequence[Values] = asked.input[NODE]
    held = _one_visit(office, asked, rows, NODE)
    kind = "2301" if held.stay else "2204"

    def decide() -> Mapping[str, Any]:
        now = found(office, held.institution, held.encounter, held.person)
        _check_new(office, now, asked.envelope.infno, rows)
        return {"result": recordable(_split(office, now, rows, asked))}

    message = message_of(
        asked,
        kind,
        asked.input,
        subject=held.encounter,
        person=held.person,
        pooling_area=held.pooling_area,
    )
    recorded = await office.record(message, decide)
    return Answer({"result": recorded.answer["result"]})


def _one_visit(office: Office, asked: Asked, rows: Sequence[Values], node: str) -> Encounter:
    """Return the visit that all rows of a message are about."""
    first = rows[0]
    held = found(office, asked.envelope.institution, first["mdtrt_id"], first["psn_no"])
    faults = [
        Fault(
            f"{node}[{at}].{name}",
            f"{row[name]!r}, but {node}[0] is of {first[name]!r}; send one visit's a message",
        )
        for at, row in enumerate(rows)
        for name in ("mdtrt_id", "psn_no")
        if row[name] != first[name]
    ]
    if faults:
        raise InvalidRequest(faults)
    return held


def _check_new(office: Office, now: Encounter, infno: str, rows: Sequence[Values]) -> None:
    now.check_open()
    if now.stay != (infno == "2301"):
        now.refuse(f"takes lines by {'2301' if now.stay else '2204'}")
    if now.discharge is not None:
        now.refuse("is discharged; take that back by 2405 before sending lines")
    if not now.stay:
        for batch in dict.fromkeys(row["chrg_bchno"] for row in rows):
            if office.standing(now.institution, now.stem(batch)):
                now.refuse(f"has batch {batch} settled; send lines under a new chrg_bchno")
    today = service_day_of(office.clock())
    check_lines(now, rows, today, lambda: settled_lines(office, now))


def _split(
    office: Office, now: Encounter, rows: Sequence[Values], asked: Asked
) -> list[dict[str, Any]]:
    """Return how lines are split, by the rules of the day they are settled on at the earliest.

    A line that takes another back needs that one beside it, and whatever else takes it back; only
    the new ones are told.
    """
    before = lines_taken_back(now, rows)
    together = [*before, *rows]
    day = max(now.begun, *(_day(row) for row in together))
    charge = Charge(now, together, day, asked.envelope.msgid)
    try:
        claims = claims_of(office, charge, NODE)
        return split_rows(office, claims, together, NODE)[len(before) :]
    except InvalidRequest as error:
        raise with_numbers(error, before, rows) from error


def _day(row: Values) -> date:
    moment = row["fee_ocur_time"]
    return date.fromisoformat(moment[:10]) if isinstance(moment, str) else moment.date()


async def withdraw_batch(office: Office, asked: Asked) -> Answer:
    """Withdraw the lines of a batch, or all, that are not settled (2205)."""
    said = asked.input["data"]
    held = found(office, asked.envelope.institution, said["mdtrt_id"], said["psn_no"])

    def gone(now: Encounter) -> list[str]:
        wanted = said["chrg_bchno"]
        batches = {line.batch for line in now.lines.values()}
        if wanted not in {ALL, *batches}:
            now.refuse(f"has no lines in batch {wanted}; {ALL} stands for all batches")
        settled = {each for each in batches if office.standing(now.institution, now.stem(each))}
        if wanted in settled:
            now.refuse(f"has batch {wanted} settled; cancel that by 2208 first")
        chosen = batches - settled if wanted == ALL else {wanted}
        return [number for number, line in now.lines.items() if line.batch in chosen]

    await _withdraw(office, asked, "2205", held, gone)
    return Answer()


async def withdraw_lines(office: Office, asked: Asked) -> Answer:
    """Withdraw lines of a stay, or all, that are not settled (2302)."""
    rows: Sequence[Values] = asked.input["data"]
    held = _one_visit(office, asked, rows, "data")

    def gone(now: Encounter) -> list[str]:
        settled = settled_lines(office, now)
        left = [number for number in now.lines if number not in settled]
        wanted = [row["feedetl_sn"] for row in rows]
        if ALL in wanted:
            return left
        faults = [
            Fault(
                f"data[{at}].feedetl_sn",
                f"{number} is settled; cancel that by 2305 first"
                if number in settled
                else f"{number} is no line of this stay",
            )
            for at, number in enumerate(wanted)
            if number not in left
        ]
        if faults:
            raise InvalidRequest(faults)
        return wanted

    await _withdraw(office, asked, "2302", held, gone)
    return Answer()


def settled_lines(office: Office, now: Encounter) -> set[str]:
    """Return the numbers of the lines of a stay that a settlement stands for."""
    engine = office.desk.engine
    return {
        str(line["line_id"])
        for attempt in office.standing(now.institution, now.stem())
        for line in engine.get(attempt.settlement).lines
    }


async def _withdraw(
    office: Office,
    asked: Asked,
    kind: str,
    held: Encounter,
    gone: Callable[[Encounter], list[str]],
) -> None:
    def decide() -> Mapping[str, Any]:
        now = found(office, held.institution, held.encounter, held.person)
        now.check_open()
        if now.stay != (kind == "2302"):
            now.refuse(f"withdraws lines by {'2302' if now.stay else '2205'}")
        if now.discharge is not None:
            now.refuse("is discharged; take that back by 2405 first")
        numbers = gone(now)
        left = {
            line.said.get("init_feedetl_sn"): number
            for number, line in now.lines.items()
            if number not in numbers
        }
        for number in numbers:
            if number in left:
                now.refuse(f"has line {left[number]}, which takes back {number}; withdraw both")
        return {"withdrawn": numbers}

    message = message_of(
        asked,
        kind,
        asked.input,
        subject=held.encounter,
        person=held.person,
        pooling_area=held.pooling_area,
    )
    await office.record(message, decide)
