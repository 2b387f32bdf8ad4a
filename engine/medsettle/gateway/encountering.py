"""Visits and stays: registration, diagnoses, admission, discharge, and their cancels."""

from collections.abc import Callable, Mapping
from typing import Any

from medsettle import errors
from medsettle.core.messages import Decide, MessageState
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.encounters import Encounter, folded
from medsettle.gateway.fields import Values
from medsettle.gateway.insured import check_day, enrolment_of
from medsettle.gateway.office import Office
from medsettle.gateway.recording import message_of
from medsettle.gateway.transactions import Answer, Asked


def found(office: Office, institution: str, encounter: str, person: str | None) -> Encounter:
    """Return a visit of an institution.

    Raises:
        NotFound: The institution has no visit of that id and person. Whose it is instead is not
            told.
    """
    held = folded(office.messages(encounter))
    if held is None or held.institution != institution or person not in {None, held.person}:
        raise errors.NotFound(
            f"{institution} has no visit {encounter!r} of this person; check mdtrt_id and psn_no",
            encounter=encounter,
        )
    return held


async def tell(
    office: Office, asked: Asked, kind: str, held: Encounter, decide: Decide
) -> MessageState:
    """Return what a request tells about a visit, as recorded with what `decide` answers to it."""
    message = message_of(
        asked,
        kind,
        asked.input,
        subject=held.encounter,
        person=held.person,
        pooling_area=held.pooling_area,
    )
    return await office.record(message, decide)


async def register(office: Office, asked: Asked) -> Answer:
    """Register an outpatient visit (2201)."""
    said = asked.input["data"]
    encounter = await _begin(office, asked, "2201", said)
    return Answer(
        {
            "data": {
                "mdtrt_id": encounter,
                "psn_no": said["psn_no"],
                "ipt_otp_no": said["ipt_otp_no"],
            }
        }
    )


async def admit(office: Office, asked: Asked) -> Answer:
    """Admit somebody to a stay (2401)."""
    encounter = await _begin(office, asked, "2401", asked.input["mdtrtinfo"])
    return Answer({"result": {"mdtrt_id": encounter}})


async def _begin(office: Office, asked: Asked, kind: str, said: Values) -> str:
    """Return the id of a new visit after recording its first message."""
    if office.directory.institution(asked.envelope.institution).pharmacy:
        text = f"{asked.envelope.institution} is a pharmacy; it sells by 2102"
        raise InvalidRequest([Fault("envelope.fixmedins_code", text)])
    path = "mdtrtinfo" if kind == "2401" else "data"
    check_day(office, said["begntime"].date(), f"{path}.begntime")
    enrolment = enrolment_of(
        office,
        said["psn_no"],
        said["insutype"],
        asked.envelope.insured_area,
        said["begntime"].date(),
    )
    message = message_of(
        asked,
        kind,
        asked.input,
        subject="",
        person=enrolment.person,
        pooling_area=enrolment.pooling_area,
    )
    state = await office.record(message, dict)
    held = folded(office.messages(state.message.subject)) if state.duplicate else None
    if held is not None and held.ended == "2601":
        raise errors.RequestReversed(
            f"msgid {asked.envelope.msgid} began {held.encounter}, which was reversed since; begin "
            "anew under a new msgid",
            request_id=asked.envelope.msgid,
        )
    return state.message.subject


async def tell_visit(office: Office, asked: Asked) -> Answer:
    """Add the kind of a visit and its diagnoses (2203)."""
    await _step(office, asked, "2203", asked.input["mdtrtinfo"], _no_check)
    return Answer()


async def change(office: Office, asked: Asked) -> Answer:
    """Change what was told of a stay (2403)."""
    said = asked.input["adminfo"]

    def check(encounter: Encounter) -> None:
        _not_discharged(encounter)
        begun = (said["begntime"] or encounter.begun_at).date()
        first = min((line.day for line in encounter.lines.values()), default=begun)
        if begun > first:
            text = f"{begun} is after {first}, the day of a line of the stay"
            raise InvalidRequest([Fault("adminfo.begntime", text)])

    await _step(office, asked, "2403", said, check)
    return Answer()


async def discharge(office: Office, asked: Asked) -> Answer:
    """End a stay (2402)."""
    said = asked.input["dscginfo"]

    def check(encounter: Encounter) -> None:
        _not_discharged(encounter)
        if said["endtime"].date() < encounter.begun:
            text = f"{said['endtime'].date()} is before {encounter.begun}, the day of admission"
            raise InvalidRequest([Fault("dscginfo.endtime", text)])
        check_day(office, said["endtime"].date(), "dscginfo.endtime")
        last = max((line.day for line in encounter.lines.values()), default=encounter.begun)
        if last > said["endtime"].date():
            text = f"{said['endtime'].date()} is before {last}, the day of a line of the stay"
            raise InvalidRequest([Fault("dscginfo.endtime", text)])

    await _step(office, asked, "2402", said, check)
    return Answer()


async def cancel_registration(office: Office, asked: Asked) -> Answer:
    """Give up an outpatient visit without lines (2202)."""
    await _step(office, asked, "2202", asked.input["data"], _without_lines)
    return Answer()


async def cancel_admission(office: Office, asked: Asked) -> Answer:
    """Give up a stay without lines (2404)."""

    def check(encounter: Encounter) -> None:
        _not_discharged(encounter)
        _without_lines(encounter)

    await _step(office, asked, "2404", asked.input["data"], check)
    return Answer()


async def cancel_discharge(office: Office, asked: Asked) -> Answer:
    """Take a discharge back (2405), so that lines can be sent again."""

    def check(encounter: Encounter) -> None:
        if encounter.discharge is None:
            encounter.refuse("is not discharged; there is nothing to take back")
        for each in office.standing(encounter.institution, encounter.stem()):
            # One made in the middle of the stay stands whether it goes on or not.
            seq = office.desk.engine.get(each.settlement).columns["seq"]
            assert isinstance(seq, int)
            if seq > encounter.discharged_at:
                encounter.refuse(f"is settled as {each.settlement}; cancel that by 2305 first")

    await _step(office, asked, "2405", asked.input["data"], check)
    return Answer()


async def _step(
    office: Office,
    asked: Asked,
    kind: str,
    said: Values,
    check: Callable[[Encounter], None],
) -> None:
    """Record what is told about a visit that has begun."""
    institution = asked.envelope.institution
    held = found(office, institution, said["mdtrt_id"], said.get("psn_no"))

    def decide() -> Mapping[str, Any]:
        now = found(office, institution, held.encounter, held.person)
        now.check_open()
        if now.stay != kind.startswith("24"):
            now.refuse(f"is a {'stay' if now.stay else 'visit'}; {kind} is for the other kind")
        check(now)
        return {}

    await tell(office, asked, kind, held, decide)


def _no_check(_: Encounter) -> None:
    return


def _not_discharged(encounter: Encounter) -> None:
    if encounter.discharge is not None:
        encounter.refuse("is discharged; take that back by 2405 first")


def _without_lines(encounter: Encounter) -> None:
    if encounter.lines:
        undo = "2302" if encounter.stay else "2205"
        encounter.refuse(f"has {len(encounter.lines)} lines; withdraw them by {undo} first")
