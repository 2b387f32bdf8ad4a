"""What the bureau knows about institutions and insured persons, which no message carries.

A bureau that keeps this in a system of its own puts it behind `Directory`; the one here is of files
(`medsettle.gateway.directory_files`). What follows from the records alone is said here, once for
all directories: whether somebody is insured on a day, and what a claim states of that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from medsettle.errors import (
    EnrolmentEnded,
    EnrolmentNotBegun,
    EnrolmentPaused,
    Fault,
    InvalidRequest,
    NotEnrolled,
    PersonDiffers,
)
from medsettle.gateway.filing import Filing

HOSPITAL: Final = "1"
PHARMACY: Final = "2"
"""定点医药机构类型 fixmedins_type."""

E_VOUCHER: Final = "01"
IDENTITY_NUMBER: Final = "02"
CARD: Final = "03"
"""就诊凭证类型 mdtrt_cert_type: e-voucher token, identity number, social security card."""

RESIDENT_IDENTITY: Final = "01"
"""psn_cert_type of the resident identity card, which is what `IDENTITY_NUMBER` presents."""

INSURED: Final = "1"
PAUSED: Final = "2"
ENDED: Final = "4"
"""参保状态 psn_insu_stas. A pause or an end counts from its date, whatever day is asked about."""


@dataclass(frozen=True, slots=True)
class Institution:
    """A designated hospital or pharmacy: `kind` is what rules ask for, `type` the national one."""

    institution: str
    name: str
    type: str
    area: str
    level: str
    kind: str | None = None
    credit_code: str | None = None

    @property
    def pharmacy(self) -> bool:
        """Whether it sells drugs and treats nobody."""
        return self.type == PHARMACY


@dataclass(frozen=True, slots=True)
class Person:
    """A person as registered. Certificate and name are personal: never in a claim, never logged."""

    person: str
    certificate_type: str
    certificate: str
    name: str
    gender: str
    ethnicity: str | None
    birth_date: date


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One insurance of a person in one area, from one day on.

    `paused_date` is the first day of the pause or after the end, as `state` says. Years, dates and
    the wage base are those that `medsettle.core.schema` describes; the bureau states them.
    """

    person: str
    insurance_type: str
    pooling_area: str
    person_type: str
    state: str
    start_date: date
    paused_date: date | None = None
    civil_servant: str = "0"
    employer: str | None = None
    enrolment_years: int | None = None
    claim_free_years: int | None = None
    benefit_start_date: date | None = None
    retirement_date: date | None = None
    wage_base_fen: int | None = None

    def counts(self, day: date) -> bool:
        """Return whether it has begun on a day and is neither paused nor ended."""
        return self.start_date <= day and (self.paused_date is None or day < self.paused_date)


@dataclass(frozen=True, slots=True)
class Identity:
    """人员身份: an entitlement of a person from one day to another, both included.

    `insurance_type` is None where it counts in every insurance.
    """

    person: str
    benefit_group: str
    start_date: date
    end_date: date | None = None
    insurance_type: str | None = None
    level: str | None = None
    memo: str | None = None

    def holds(self, insurance_type: str, day: date) -> bool:
        """Return whether it counts in an insurance on a day."""
        return (
            self.insurance_type in {None, insurance_type}
            and self.start_date <= day
            and (self.end_date is None or day <= self.end_date)
        )


@dataclass(frozen=True, slots=True)
class Presented:
    """What somebody shows at the counter: type, number, and the chip number of a card."""

    type: str
    number: str
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A card or token of a person; `expires` is the first moment at which it no longer counts."""

    person: str
    type: str
    number: str
    card: str | None = None
    expires: datetime | None = None


class Place(StrEnum):
    """Where an institution lies, as seen from the area of insurance."""

    HOME = "home"
    PROVINCE = "province"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class FilingEffect:
    """What a filing that covers a visit states in its claim, by the words of an area's rules.

    `filing` is the transaction that files it, `subject` its 业务申请类型; without a filing it is
    for a visit that none covers. `place` is a `Place`, None where it counts anywhere. `column` is
    `referral`, `filing` or `benefit_groups` of `medsettle.core.schema.CLAIM`, `value` what is
    stated there.
    """

    pooling_area: str
    filing: str | None
    subject: str | None
    place: str | None
    column: str
    value: str


class Directory(Protocol):
    """Where institutions and persons are looked up; answers come in microseconds."""

    def institution(self, institution: str) -> Institution:
        """Return an institution by its code.

        Raises:
            InstitutionUnknown: There is none.
        """

    def institutions_named(self, part: str, kind: str) -> Sequence[Institution]:
        """Return the institutions of a national type whose name has a part, by code.

        There are at most `limits.INSTITUTIONS_FOUND_MAX`; further ones are left out.
        """

    def filing_effects(self, pooling_area: str) -> Sequence["FilingEffect"]:
        """Return what filings of persons of an area state in their claims, in order."""

    def person(self, person: str) -> Person:
        """Return a person by number.

        Raises:
            PersonUnknown: There is none.
        """

    def certified(self, certificate_type: str, certificate: str) -> Person:
        """Return the person of a certificate.

        Raises:
            PersonUnknown: There is none.
        """

    def presenting(self, shown: Presented, moment: datetime) -> Person:
        """Return the person of an identity number, a card or a token.

        Raises:
            PersonUnknown: Nobody has it.
            PersonDiffers: The card has another chip number.
            CredentialExpired: The token expired at or before the moment.
        """

    def enrolments(self, person: str) -> Sequence[Enrolment]:
        """Return every enrolment of a person, by insurance type, area and first day."""

    def identities(self, person: str) -> Sequence[Identity]:
        """Return every identity of a person, by group and first day."""

    def filings(self, person: str) -> Sequence[Filing]:
        """Return the filings of a person that the bureau made itself, or before this engine."""


def certificate_number(text: str) -> str:
    """Return a certificate number as it is kept: check letters are written small at some tills.

    >>> certificate_number("99000019800101001x")
    '99000019800101001X'
    """
    return text.strip().upper()


def same_name(person: Person, name: str) -> Person:
    """Return the person.

    Raises:
        PersonDiffers: The name stated is not the one registered.
    """
    if name.strip() != person.name:
        # Whoever guesses names must not be told the right one.
        raise PersonDiffers("The name is not that of the person found.", person=person.person)
    return person


def enrolment_on(
    directory: Directory, person: str, insurance_type: str, area: str | None, day: date
) -> Enrolment:
    """Return the enrolment under which a person is insured on a day.

    Args:
        directory: Where enrolments are looked up.
        person: The person's number.
        insurance_type: 险种类型.
        area: 参保地; None where the message does not say, which one enrolment alone answers.
        day: The day of service.

    Raises:
        NotEnrolled: There is none of that type in that area, or it has not begun, is paused or has
            ended on that day; each has a class of its own.
        InvalidRequest: No area was stated and there are several.
    """
    own = [each for each in directory.enrolments(person) if each.insurance_type == insurance_type]
    areas = sorted({each.pooling_area for each in own})
    if area is None and len(areas) > 1:
        listed = ", ".join(areas)
        raise InvalidRequest(
            [Fault("insuplc_admdvs", f"missing; the person is insured in {listed}: state one")]
        )
    there = [each for each in own if area in {None, each.pooling_area}]
    return insured_on(there, person, insurance_type, area, day)


def insured_on(
    enrolments: Iterable[Enrolment], person: str, insurance_type: str, area: str | None, day: date
) -> Enrolment:
    """Return the one of a person's enrolments of one type and area that counts on a day.

    Raises:
        NotEnrolled: As `enrolment_on`.
    """
    named = {"person": person, "insurance_type": insurance_type} | ({"area": area} if area else {})
    in_order = sorted(enrolments, key=lambda each: each.start_date)
    if not in_order:
        place = f" in {area}" if area else ""
        raise NotEnrolled(f"Person {person} has no insurance {insurance_type}{place}.", **named)
    begun = [each for each in in_order if each.start_date <= day]
    if not begun:
        first = in_order[0].start_date
        raise EnrolmentNotBegun(
            f"Insurance {insurance_type} of person {person} begins on {first}, after {day}.",
            remedy_zh=f"参保开始日期 {first}。",
            **named,
        )
    last = begun[-1]
    if last.counts(day):
        return last
    kind, word = (EnrolmentEnded, "ended") if last.state == ENDED else (EnrolmentPaused, "paused")
    chinese = "终止" if last.state == ENDED else "暂停"
    raise kind(
        f"Insurance {insurance_type} of person {person} is {word} since {last.paused_date}; "
        f"the day is {day}.",
        remedy_zh=f"{chinese}日期 {last.paused_date}。",
        **named,
    )


def insured_facts(directory: Directory, enrolment: Enrolment, day: date) -> dict[str, object]:
    """Return the columns of a claim (`medsettle.core.schema.CLAIM`) that follow from an enrolment.

    Facts that the directory does not have are left out.

    Raises:
        PersonUnknown: The person has left the directory.
    """
    groups = {
        each.benefit_group
        for each in directory.identities(enrolment.person)
        if each.holds(enrolment.insurance_type, day)
    }
    facts: dict[str, object] = {
        "person": enrolment.person,
        "insurance_type": enrolment.insurance_type,
        "pooling_area": enrolment.pooling_area,
        "person_type": enrolment.person_type,
        "birth_date": directory.person(enrolment.person).birth_date,
        "benefit_groups": sorted(groups),
    }
    for name in ENROLMENT_FACTS:
        if (value := getattr(enrolment, name)) is not None:
            facts[name] = value
    return facts


def institution_facts(institution: Institution) -> dict[str, object]:
    """Return the columns of a claim that follow from the institution."""
    facts: dict[str, object] = {
        "institution": institution.institution,
        "institution_level": institution.level,
    }
    if institution.kind is not None:
        facts["institution_kind"] = institution.kind
    return facts


ENROLMENT_FACTS: Final = (
    "enrolment_years",
    "claim_free_years",
    "benefit_start_date",
    "retirement_date",
    "wage_base_fen",
)
"""Facts of a visit that an enrolment states where the bureau knows them, named as in a claim."""
