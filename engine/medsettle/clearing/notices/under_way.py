"""What the bank was asked to pay of notices, and what of that is still under way.

A payment file asks for the whole of what is open. The bank then executes it, which a payment tells
that is recorded after the file, or refuses it, which somebody records. Until then it is under way,
and the notice is in no other file: how often something came back does not say that the bank has
given up what it was asked for.

    file of 1,000 → registered by hand → taken back as a mistake      1,000 under way
    file of 1,000 → paid → came back                                  nothing, 1,000 open
    paid 400 → file of 600 → the 400 come back                        600 under way, 1,000 open
    file of 1,000 → refused by the bank                               nothing, 1,000 open

Payments cover what was asked for before them, the oldest file first. Which of them is whose does
not matter: what is left of all together is under way.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.core.dates import microseconds
from medsettle.core.money import yuan_from_fen
from medsettle.errors import NotFound, Precondition
from medsettle.ledger.side_file import transaction


@dataclass(frozen=True, slots=True)
class Asked:
    """What a payment file asks of the bank for a notice, in fen.

    `left_fen` is what of it is under way; `refused` is why the bank does not pay it, and empty
    where it did not refuse.
    """

    notice: int
    file: int
    message_id: str
    amount_fen: int
    left_fen: int
    refused: str


def asked_of(store: MonthStore, number: int) -> list[Asked]:
    """Return what files ask for a notice, the oldest first."""
    return _asked(store, "r.notice = ?", number)


def under_way_fen(store: MonthStore) -> dict[int, int]:
    """Return what is under way of notices, by number; notices with nothing under way are not in."""
    sums: dict[int, int] = defaultdict(int)
    for each in _asked(store, "true"):
        if each.left_fen:
            sums[each.notice] += each.left_fen
    return dict(sums)


def sum_under_way_fen(under_way: Mapping[int, int]) -> int:
    """Return what is under way of all notices of `under_way_fen` together."""
    return sum(under_way.values())


def refuse(
    store: MonthStore, file: int, number: int | None, *, who: str, reason: str, moment: datetime
) -> list[Asked]:
    """Record that the bank refused a payment file, or a notice of it, and return what it asked for.

    What is refused may be asked for again. The same again changes nothing.

    Args:
        store: Of the clearing centre.
        file: Its number.
        number: Of the notice; without it, all of the file.
        who: Who records it.
        reason: The reason that the bank gives.
        moment: Now, with a time zone.

    Raises:
        InvalidRequest: A text is missing or too long.
        NotFound: There is no such file, or the notice is not in it.
        Precondition: All that the file asked for one of them was paid since, and could not have
            been paid for another file.
    """
    check_texts(who=who, reason=reason)
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = _of_file(store, file, number)
        before_fen = under_way_fen(store)
        refused = [each for each in found if not each.refused]
        for each in refused:
            store.rows(
                "insert into refusals (notice, file, who, reason, time_us) values (?,?,?,?,?)",
                *(each.notice, file, who, reason, time_us),
            )
        after_fen = under_way_fen(store)
        for each in refused:
            # What covered this file may have been paid for a later one; then less is under way.
            if after_fen.get(each.notice, 0) == before_fen.get(each.notice, 0):
                raise _paid_since(store, each)
        return _of_file(store, file, number)


def _paid_since(store: MonthStore, asked: Asked) -> Precondition:
    """Return the refusal of a refusal, with what is known of the file and of others."""
    left = [each for each in asked_of(store, asked.notice) if each.left_fen]
    under_way = ", ".join(f"{yuan_from_fen(each.left_fen)} of file {each.file}" for each in left)
    return Precondition(
        f"what the bank was asked for notice {asked.notice} in file {asked.file} "
        f"({asked.message_id}, {yuan_from_fen(asked.amount_fen)} yuan) was paid since, so it did "
        f"not refuse it; under way of the notice is {under_way or 'nothing'}. Name the file, or "
        "the notices of it, that the bank refused, or unregister what was none of its payments",
        notice=str(asked.notice),
        file=str(asked.file),
    )


def _of_file(store: MonthStore, file: int, number: int | None) -> list[Asked]:
    notices = "r.notice in (select notice from payment_file_rows where file = ?)"
    found = [
        each
        for each in _asked(store, notices, file)
        if each.file == file and number in {None, each.notice}
    ]
    if not found:
        what = f"payment file {file}" + ("" if number is None else f" with notice {number}")
        raise NotFound(
            f"there is no {what}; medsettle clear notice tells the files of a notice",
            file=str(file),
        )
    return found


def _asked(store: MonthStore, condition: str, *values: int) -> list[Asked]:
    rows = store.rows(
        "select r.notice, r.file, f.message_id, r.amount_fen, r.last_payment, "  # noqa: S608
        "coalesce((select reason from refusals u where u.notice = r.notice and u.file = r.file), "
        "'') from payment_file_rows r join payment_files f on f.number = r.file "
        f"where {condition} order by r.notice, r.file",
        *values,
    )
    paid: dict[int, list[list[int]]] = defaultdict(list)
    for number, payment, fen in store.rows(
        "select m.notice, m.id, m.amount_fen from moved m where m.returns is null "  # noqa: S608
        f"and m.notice in (select r.notice from payment_file_rows r where {condition}) "
        "order by m.id",
        *values,
    ):
        paid[number].append([payment, fen])
    found = []
    for number, file, message_id, amount_fen, last_payment, refused in rows:
        left_fen = 0 if refused else amount_fen
        for payment in paid[number]:
            if payment[0] > last_payment:
                covered_fen = min(left_fen, payment[1])
                left_fen, payment[1] = left_fen - covered_fen, payment[1] - covered_fen
        found.append(Asked(number, file, message_id, amount_fen, left_fen, refused))
    return found
