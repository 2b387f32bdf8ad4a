"""A pharmacy's sale: visit, lines and settlement in one message (2101, 2102)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.engine.requests import settlement_id
from medsettle.gateway.claiming import Charge, claims_of
from medsettle.gateway.directory import Presented
from medsettle.gateway.encounters import Encounter
from medsettle.gateway.fields import Values
from medsettle.gateway.insured import enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.sales import sale_number
from medsettle.gateway.settling import checked, recorded
from medsettle.gateway.splits import settled_rows, split_rows
from medsettle.gateway.telling import preview_of, settled, told
from medsettle.gateway.transactions import Answer, Asked

_LINES: Final = "drugdetail"
"""The node in which the lines of a sale come."""


async def preview(office: Office, asked: Asked) -> Answer:
    """Return what a sale would be settled to (2101)."""
    claims = _claims(office, asked)
    rows = split_rows(office, claims, asked.input[_LINES], _LINES)
    return _with_lines(told(office, *preview_of(office, claims, _LINES)), rows)


async def settle(office: Office, asked: Asked) -> Answer:
    """Settle a sale (2102)."""
    claims = _claims(office, asked)
    state = office.desk.engine.find_request(asked.envelope.institution, asked.envelope.msgid)
    before = None
    if not state.entry:
        before = checked(office, asked.input["druginfo"], claims, _LINES)
    answer = await recorded(office, claims, _LINES)
    # As settled: asked again, limits that the sale used up would leave its lines less.
    rows = settled_rows(office, answer, asked.input[_LINES])
    return _with_lines(settled(office, answer, before), rows)


def _with_lines(answer: Answer, rows: Sequence[Values]) -> Answer:
    return replace(answer, output={**answer.output, "detlcutinfo": rows})


def _claims(office: Office, asked: Asked) -> ClaimBatch:
    said = asked.input["druginfo"]
    rows: Sequence[Values] = asked.input[_LINES]
    envelope = asked.envelope
    day = said["begntime"].date()
    enrolment = enrolment_of(office, said["psn_no"], said["insutype"], envelope.insured_area, day)
    shown = Presented(said["mdtrt_cert_type"], said["mdtrt_cert_no"] or "", said["card_sn"])
    if shown.number and office.directory.presenting(shown, office.clock()).person != said["psn_no"]:
        raise errors.PersonDiffers(
            "The credential presented is another person's than psn_no.", person=said["psn_no"]
        )
    # The visit is made by the sale, so the sale says its id: the same msgid, the same visit.
    encounter = Encounter(
        encounter=settlement_id(enrolment.pooling_area, envelope.institution, envelope.msgid),
        institution=envelope.institution,
        pooling_area=enrolment.pooling_area,
        person=enrolment.person,
        stay=False,
        facts={**said, "begntime": said["begntime"].isoformat()},
    )
    charge = Charge(encounter, rows, day, envelope.msgid, sale_number(encounter.encounter), said)
    return claims_of(office, charge, _LINES)
