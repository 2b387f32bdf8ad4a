"""Settling a batch of a visit or what is open of a stay: pre-settle, settle, cancel."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import service_day_of
from medsettle.core.making import Making
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Explanation, Settlement
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.claiming import Charge, claims_of, in_national_words, sums_of
from medsettle.gateway.encountering import found
from medsettle.gateway.encounters import Encounter, Line
from medsettle.gateway.fields import Values, decimal_text
from medsettle.gateway.insured import check_presented
from medsettle.gateway.line_checks import with_numbers
from medsettle.gateway.office import Office
from medsettle.gateway.repeating import ECHOED, settled_before
from medsettle.gateway.telling import encounter_of, preview_of, settled, told
from medsettle.gateway.transactions import Answer, Asked
from medsettle.gateway.uploading import settled_lines

_LINES: Final = "feedetail"
"""The node in which lines of visits and stays came."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a visit that one request settles.

    `batch` is None for a stay; `number` counts the attempts to settle it before.
    """

    encounter: Encounter
    lines: list[Line]
    batch: str | None
    day: date
    number: int


async def preview_batch(office: Office, asked: Asked) -> Answer:
    """Return what settling a batch would come to (2206)."""
    return await _preview(office, asked, stay=False)


async def preview_stay(office: Office, asked: Asked) -> Answer:
    """Return what settling a stay would come to (2303)."""
    return await _preview(office, asked, stay=True)


async def settle_batch(office: Office, asked: Asked) -> Answer:
    """Settle a batch (2207)."""
    return await _settle(office, asked, stay=False)


async def settle_stay(office: Office, asked: Asked) -> Answer:
    """Settle a discharged stay, or, in its middle, what is open of it (2304)."""
    return await _settle(office, asked, stay=True)


async def _preview(office: Office, asked: Asked, *, stay: bool) -> Answer:
    part = _part(office, asked, stay=stay, estimate=True)
    with _by_number(part):
        return told(office, *preview_of(office, _claims(office, asked, part), _LINES))


async def _settle(office: Office, asked: Asked, *, stay: bool) -> Answer:
    said = asked.input["data"]
    held = found(office, asked.envelope.institution, said["mdtrt_id"], said["psn_no"])

    def make() -> tuple[ClaimBatch, Explained] | Settlement:
        before = settled_before(office, asked, said)
        if before is not None:
            return before
        part = _part(office, asked, stay=stay, estimate=False)
        with _by_number(part):
            claims = _claims(office, asked, part)
            return claims, checked(office, said, claims, _LINES)

    return settled(office, *await recorded(office, held, make, _LINES))


@contextmanager
def _by_number(part: _Part) -> Iterator[None]:
    """Name lines by number in faults of the claim: the client sent them in other messages."""
    try:
        yield
    except InvalidRequest as error:
        raise with_numbers(error, [line.said for line in part.lines], ()) from error


Explained: TypeAlias = tuple[Settlement, Explanation]
"""What a preview said, and why."""


async def recorded(
    office: Office,
    held: Encounter,
    make: Callable[[], tuple[ClaimBatch, Explained] | Settlement],
    node: str,
) -> tuple[Settlement, Explained | None]:
    """Return a claim as settled and recorded, with what a preview in the same write said of it.

    Args:
        office: Whose engine settles.
        held: The visit, of which nobody tells anything while the claim is made and settled.
        make: Returns the claim, or what its request was settled to before.
        node: The node in which its lines came, for the paths of faults.

    Raises:
        SettlementError: The claim is refused, or nothing was recorded.
    """
    previewed: list[Explained] = []

    def claim() -> ClaimBatch | Settlement:
        made = make()
        if isinstance(made, Settlement):
            return made
        previewed[:] = [made[1]]
        return made[0]

    answer = await office.settle(Making(held.holders, claim))
    if isinstance(answer, Rejection):
        raise in_national_words(answer.error(), node)
    return answer, previewed[0] if previewed and not answer.duplicate else None


def checked(office: Office, said: Values, claims: ClaimBatch, node: str) -> Explained:
    """Return what a claim would be settled to; sums that are not those of its lines are refused.

    Args:
        office: Whose engine is asked.
        said: The settle request, with the sums that the institution has of its own.
        claims: The claim.
        node: The node in which its lines came, for the paths of faults.

    Raises:
        SumsDiffer: One differs.
        SettlementError: The claim is refused.
    """
    found = preview_of(office, claims, node)
    for name, fen in sums_of(said, tuple(ECHOED)).items():
        own = found[0].fen(ECHOED[name])
        if own != fen:
            shown, right = decimal_text(fen, 2), decimal_text(own, 2)
            raise errors.SumsDiffer(
                f"{name} is {shown}; the lines come to {right}",
                field=name,
                stated=shown,
                found=right,
                remedy_zh=f"{name} 上传 {shown}，核定 {right}。",
            )
    return found


def _part(office: Office, asked: Asked, *, stay: bool, estimate: bool) -> _Part:
    said = asked.input["data"]
    institution = asked.envelope.institution
    now = found(office, institution, said["mdtrt_id"], said["psn_no"])
    now.check_open()
    if now.stay != stay:
        now.refuse(f"is settled by {'2304' if now.stay else '2207'}")
    if said["insutype"] != now.insurance_type:
        text = f"{said['insutype']}; the visit was registered under {now.insurance_type}"
        raise InvalidRequest([Fault("data.insutype", text)])
    batch = None if stay else said["chrg_bchno"]
    attempts = office.attempts(institution, now.stem(batch))
    if batch is not None:
        lines = now.batch(batch)
        standing = [each for each in attempts if each.cancel is None]
        if standing:
            now.refuse(f"has batch {batch} settled as {standing[0].settlement}")
    else:
        done = settled_lines(office, now)
        lines = [line for number, line in now.lines.items() if number not in done]
    if not lines:
        made = ", ".join(each.settlement for each in attempts if each.cancel is None)
        where = f" in batch {batch}" if batch else ""
        now.refuse(f"has no lines to settle{where}; settled is {made or 'nothing'}")
    return _Part(
        now, lines, batch, _day(office, now, said, lines, estimate=estimate), len(attempts)
    )


def _day(
    office: Office, now: Encounter, said: Values, lines: Sequence[Line], *, estimate: bool
) -> date:
    """Return the day that a settlement is dated on (结算所属日期).

    Of an outpatient visit it is the day of its last line. Of a stay it is the day of discharge;
    before that, the day stated, or today.
    """
    if not now.stay:
        return max(now.begun, *(line.day for line in lines))
    if now.discharge is not None:
        return date.fromisoformat(now.discharge["endtime"][:10])
    if not estimate and said["mid_setl_flag"] != "1":
        now.refuse("is not discharged; tell 2402 first, or settle its middle by mid_setl_flag 1")
    stated = said["dscg_time"]
    return stated.date() if stated is not None else service_day_of(office.clock())


def _claims(office: Office, asked: Asked, part: _Part) -> ClaimBatch:
    said = asked.input["data"]
    check_presented(office, said, part.encounter.person)
    stem = part.encounter.stem(part.batch)
    return claims_of(
        office,
        Charge(
            part.encounter,
            [line.said for line in part.lines],
            part.day,
            asked.envelope.msgid,
            f"{stem}.{part.number}",
            said,
        ),
        _LINES,
    )


async def cancel(office: Office, asked: Asked) -> Answer:
    """Take a settlement back as a whole (2103, 2208, 2305)."""
    said = asked.input["data"]
    institution, engine = asked.envelope.institution, office.desk.engine
    own_settlement(office, institution, said)
    negative = office.desk.write(
        lambda: engine.cancel(institution, asked.envelope.msgid, said["setl_id"])
    )
    return settled(office, negative)


def own_settlement(office: Office, institution: str, said: Values) -> Settlement:
    """Return the settlement that a request names by setl_id, psn_no and mdtrt_id where it does.

    Raises:
        NotFound: The institution has none of that id, person and visit. Whose it is instead is not
            told.
    """
    with suppress(errors.NotFound):
        found = office.desk.engine.get(said["setl_id"])
        columns = found.columns
        if (
            columns["institution"] == institution
            and said.get("psn_no") in {None, columns["person"]}
            and said.get("mdtrt_id") in {None, encounter_of(found)}
        ):
            return found
    raise errors.NotFound(
        f"{institution} has no settlement {said['setl_id']!r} of this person and visit; "
        "check setl_id",
        settlement=said["setl_id"],
    )
