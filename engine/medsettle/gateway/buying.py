"""A pharmacy's sale: visit, lines and settlement in one message (2101, 2102)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine.requests import settlement_id
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.claiming import Charge, claims_of
from medsettle.gateway.encounters import Encounter
from medsettle.gateway.fields import Values
from medsettle.gateway.insured import check_day, check_presented, enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.repeating import settled_before
from medsettle.gateway.sales import sale_number
from medsettle.gateway.settling import Explained, checked, recorded
from medsettle.gateway.splits import settled_rows, split_rows
from medsettle.gateway.telling import preview_of, settled, told
from medsettle.gateway.transactions import Answer, Asked

_LINES: Final = "drugdetail"
"""The node in which the lines of a sale come."""


async def preview(office: Office, asked: Asked) -> Answer:
    """Return what a sale would be settled to (2101)."""
    claims = _claims(office, asked, _visit(office, asked))
    rows = split_rows(office, claims, asked.input[_LINES], _LINES)
    return _with_lines(told(office, *preview_of(office, claims, _LINES)), rows)


async def settle(office: Office, asked: Asked) -> Answer:
    """Settle a sale (2102)."""
    said, rows = asked.input["druginfo"], asked.input[_LINES]

    def make() -> tuple[ClaimBatch, Explained] | Settlement:
        before = settled_before(office, asked, said, rows)
        if before is not None:
            return before
        claims = _claims(office, asked, visit)
        return claims, checked(office, said, claims, _LINES)

    # Asked first, since the person's insurance may have ended between a sale and its repetition.
    settlement, explained = settled_before(office, asked, said, rows), None
    if settlement is None:
        visit = _visit(office, asked)
        settlement, explained = await recorded(office, visit, make, _LINES)
    # As settled: asked again, limits that the sale used up would leave its lines less.
    told_rows = settled_rows(office, settlement, rows)
    return _with_lines(settled(office, settlement, explained), told_rows)


def _with_lines(answer: Answer, rows: Sequence[Values]) -> Answer:
    return replace(answer, output={**answer.output, "detlcutinfo": rows})


def _visit(office: Office, asked: Asked) -> Encounter:
    """Return the visit that a sale makes.

    The sale says its id: the same msgid, the same visit.
    """
    said, envelope = asked.input["druginfo"], asked.envelope
    if not office.directory.institution(envelope.institution).pharmacy:
        text = f"{envelope.institution} is no pharmacy; register a visit by 2201"
        raise InvalidRequest([Fault("envelope.fixmedins_code", text)])
    day = said["begntime"].date()
    check_day(office, day, "druginfo.begntime")
    enrolment = enrolment_of(office, said["psn_no"], said["insutype"], envelope.insured_area, day)
    return Encounter(
        encounter=settlement_id(enrolment.pooling_area, envelope.institution, envelope.msgid),
        institution=envelope.institution,
        pooling_area=enrolment.pooling_area,
        person=enrolment.person,
        stay=False,
        facts={**said, "begntime": said["begntime"].isoformat()},
    )


def _claims(office: Office, asked: Asked, visit: Encounter) -> ClaimBatch:
    said = asked.input["druginfo"]
    check_presented(office, said, visit.person)
    for at, row in enumerate(asked.input[_LINES]):
        check_day(office, row["fee_ocur_time"].date(), f"{_LINES}[{at}].fee_ocur_time")
    number = sale_number(visit.encounter)
    day, msgid = said["begntime"].date(), asked.envelope.msgid
    charge = Charge(visit, asked.input[_LINES], day, msgid, number, said)
    return claims_of(office, charge, _LINES)
