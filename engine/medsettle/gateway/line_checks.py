"""Lines that arrive: what is taken can be settled together with what is open of the visit.

Of the lines that were sent before only those are looked at that an arriving line takes back, and
what takes those back already: a long stay has thousands.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Final

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.encounters import ALL, Encounter
from medsettle.gateway.fields import Values

NODE: Final = "feedetail"
"""The node in which lines of visits and stays come."""

Settled = Callable[[], AbstractSet[str]]
"""Returns the numbers of the lines of a stay that a settlement stands for; asked where needed."""

_AT: Final = re.compile(rf"{NODE}\[(\d+)\]")


def check_lines(now: Encounter, rows: Sequence[Values], today: date, settled: Settled) -> None:
    """Refuse arriving lines that could not be settled with the open lines of their visit.

    Args:
        now: The visit, open and not discharged.
        rows: The arriving lines.
        today: The day in China Standard Time.
        settled: Tells the lines of a stay that are settled.

    Raises:
        InvalidRequest: All faults of single lines.
        EncounterRefused: The visit would have more open lines than one settlement takes.
    """
    faults = [*_number_faults(now, rows), *_day_faults(now, rows, today)]
    faults += _taking_back_faults(now, rows, settled) if now.stay else _batch_faults(now, rows)
    if faults:
        raise InvalidRequest(faults)
    _check_count(now, rows, settled)


def lines_taken_back(now: Encounter, rows: Sequence[Values]) -> list[Values]:
    """Return the lines of a visit that arriving ones take back, with what does so already."""
    named = _named(rows)
    if not named:
        return []
    return [
        line.said
        for number, line in now.lines.items()
        if number in named or line.said.get("init_feedetl_sn") in named
    ]


def with_numbers(
    error: InvalidRequest, before: Sequence[Values], rows: Sequence[Values]
) -> InvalidRequest:
    """Return faults of a claim of lines sent before and arriving ones, by their numbers.

    Args:
        error: Faults with paths of the claim, such as `feedetail[2].cnt`.
        before: The lines that it begins with, which were sent before.
        rows: The arriving lines, which follow.
    """
    return InvalidRequest([_with_number(fault, before, rows) for fault in error.faults])


def _with_number(fault: Fault, before: Sequence[Values], rows: Sequence[Values]) -> Fault:
    found = _AT.match(fault.path)
    if found is None:
        return fault
    at, field = int(found[1]), fault.path[found.end() :]
    if at < len(before):
        return Fault(
            f"{NODE}{field}", f"line {before[at]['feedetl_sn']!r}, sent before: {fault.message}"
        )
    return _fault(rows, at - len(before), field.removeprefix("."), fault.message)


def _fault(rows: Sequence[Values], at: int, field: str, text: str) -> Fault:
    return Fault(f"{NODE}[{at}].{field}", f"line {rows[at]['feedetl_sn']!r}: {text}")


def _named(rows: Sequence[Values]) -> set[str]:
    """Return the numbers of the lines that some rows take back."""
    return {name for row in rows if (name := row.get("init_feedetl_sn")) is not None}


def _number_faults(now: Encounter, rows: Sequence[Values]) -> Iterator[Fault]:
    """Yield the lines whose number is another line's."""
    seen = dict.fromkeys(now.lines, "was sent before; withdraw it first, or number the line anew")
    for at, row in enumerate(rows):
        number = row["feedetl_sn"]
        if number == ALL:
            text = f"{ALL} stands for all lines, so no line has it"
            yield Fault(f"{NODE}[{at}].feedetl_sn", text)
        elif number in seen:
            yield Fault(f"{NODE}[{at}].feedetl_sn", f"{number} {seen[number]}")
        seen[number] = "stands in this message twice"


def _day_faults(now: Encounter, rows: Sequence[Values], today: date) -> Iterator[Fault]:
    """Yield the lines of days on which nothing can have been charged for the visit."""
    for at, row in enumerate(rows):
        day = row["fee_ocur_time"].date()
        if day < now.begun:
            change = "2403" if now.stay else "2203"
            text = (
                f"{day} is before {now.begun}, when the visit began; mend it, or that by {change}"
            )
            yield _fault(rows, at, "fee_ocur_time", text)
        elif day > today:
            text = f"{day} is after today, {today}; send a line on its day"
            yield _fault(rows, at, "fee_ocur_time", text)


def _batch_faults(now: Encounter, rows: Sequence[Values]) -> Iterator[Fault]:
    """Yield the lines that no batch takes: of another disease than it, or taking others back."""
    diseases = {line.batch: line.said.get("dise_codg") for line in now.lines.values()}
    for at, row in enumerate(rows):
        disease = row.get("dise_codg")
        if diseases.setdefault(row["chrg_bchno"], disease) != disease:
            text = f"{disease!r}; a batch has one, here {diseases[row['chrg_bchno']]!r}"
            yield _fault(rows, at, "dise_codg", text)
        if row["cnt"] < 0:
            text = "takes back units, which lines of stays do; withdraw the batch by 2205 and send"
            yield _fault(rows, at, "cnt", f"{text} what is left of it")


def _taking_back_faults(
    now: Encounter, rows: Sequence[Values], settled: Settled
) -> Iterator[Fault]:
    """Yield the lines that take back one which was sent before and cannot be taken back."""
    before = _named(rows) & now.lines.keys()
    done = settled() if before else frozenset()
    for at, row in enumerate(rows):
        name = row.get("init_feedetl_sn")
        if name not in before:
            continue
        if name in done:
            text = f"{name!r} is settled; cancel that settlement by 2305 first"
            yield _fault(rows, at, "init_feedetl_sn", text)
        elif now.lines[name].said["cnt"] < 0:
            text = f"{name!r} takes back another line itself; withdraw it by 2302"
            yield _fault(rows, at, "init_feedetl_sn", text)


def _check_count(now: Encounter, rows: Sequence[Values], settled: Settled) -> None:
    most = limits.LINES_PER_CLAIM_MAX
    if len(now.lines) + len(rows) <= most:
        return
    if now.stay:
        count = len(now.lines.keys() - settled()) + len(rows)
        if count > most:
            now.refuse(
                f"would have {count} open lines, and a settlement takes {most}; settle its middle "
                "first, by 2304 with mid_setl_flag 1"
            )
        return
    held = Counter(line.batch for line in now.lines.values())
    for batch, new in Counter(row["chrg_bchno"] for row in rows).items():
        if held[batch] + new > most:
            now.refuse(
                f"would have {held[batch] + new} lines in batch {batch}, and a settlement takes "
                f"{most}; send the rest under another chrg_bchno"
            )
