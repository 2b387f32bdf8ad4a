"""Lines of a visit: sent in batches, split at once, withdrawn while they are not settled."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.claiming import Charge, claims_of
from medsettle.gateway.encountering import found
from medsettle.gateway.encounters import ALL, Encounter
from medsettle.gateway.fields import Values
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of, recordable
from medsettle.gateway.splits import split_rows
from medsettle.gateway.transactions import Answer, Asked


async def upload(office: Office, asked: Asked) -> Answer:
    """Add lines to a visit (2204) or stay (2301), and tell how each is split."""
    rows: Sequence[Values] = asked.input["feedetail"]
    held = _one_visit(office, asked, rows, "feedetail")
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
    others = [at for at, row in enumerate(rows) if row["mdtrt_id"] != first["mdtrt_id"]]
    if others:
        text = f"is of another visit than {node}[0]; send the lines of one visit a message"
        raise InvalidRequest([Fault(f"{node}[{at}].mdtrt_id", text) for at in others])
    return held


def _check_new(office: Office, now: Encounter, infno: str, rows: Sequence[Values]) -> None:
    now.check_open()
    if now.stay != (infno == "2301"):
        now.refuse(f"takes lines by {'2301' if now.stay else '2204'}")
    if now.discharge is not None:
        now.refuse("is discharged; take that back by 2405 before sending lines")
    faults = []
    seen = dict.fromkeys(now.lines, "was sent before; withdraw it first, or number the line anew")
    for at, row in enumerate(rows):
        number = row["feedetl_sn"]
        if number == ALL:
            text = f"{ALL} stands for all lines, so no line has it"
            faults.append(Fault(f"feedetail[{at}].feedetl_sn", text))
        elif number in seen:
            faults.append(Fault(f"feedetail[{at}].feedetl_sn", f"{number} {seen[number]}"))
        seen[number] = "stands in this message twice"
    if not now.stay:
        faults += _batch_faults(now, rows)
        for batch in dict.fromkeys(row["chrg_bchno"] for row in rows):
            if office.standing(now.institution, now.stem(batch)):
                now.refuse(f"has batch {batch} settled; send lines under a new chrg_bchno")
    if faults:
        raise InvalidRequest(faults)


def _batch_faults(now: Encounter, rows: Sequence[Values]) -> list[Fault]:
    """Return the lines whose disease is another than that of their batch."""
    faults = []
    diseases = {line.batch: line.said.get("dise_codg") for line in now.lines.values()}
    for at, row in enumerate(rows):
        disease = row.get("dise_codg")
        if diseases.setdefault(row["chrg_bchno"], disease) != disease:
            text = f"{disease!r}; a batch has one, here {diseases[row['chrg_bchno']]!r}"
            faults.append(Fault(f"feedetail[{at}].dise_codg", text))
    return faults


def _split(
    office: Office, now: Encounter, rows: Sequence[Values], asked: Asked
) -> list[dict[str, Any]]:
    """Return how lines are split, by the rules of the day they are settled on at the earliest.

    A line that takes another back needs that one beside it; only the new ones are told.
    """
    originals = {row.get("init_feedetl_sn") for row in rows} - {row["feedetl_sn"] for row in rows}
    before = [now.lines[number].said for number in now.lines if number in originals]
    together = [*before, *rows]
    day = max(now.begun, *(_day(row) for row in together))
    charge = Charge(now, together, day, asked.envelope.msgid)
    claims = claims_of(office, charge, "feedetail")
    return split_rows(office, claims, together, "feedetail")[len(before) :]


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
