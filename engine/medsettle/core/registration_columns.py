"""The columns of a registration: what an authority decided about a person or an institution."""

from typing import Final

from medsettle import limits
from medsettle.core import columns
from medsettle.core.columns import Column, Kind

_MOST_DIAGNOSES = limits.REGISTRATION_CODES_MAX

REGISTRATION: Final[tuple[Column, ...]] = (
    columns.code("kind", "Which kind, by the name that a document of the area gives it."),
    columns.code("number", "Of the decision; unique within person and kind."),
    Column("valid_from", Kind.DATE, "The first day on which it holds."),
    Column("valid_until", Kind.DATE, "The first day on which it no longer holds.", required=False),
    Column(
        "diagnoses",
        Kind.CODES,
        "Diagnoses that it is for; a code is one for all codes that begin so.",
        required=False,
        most=_MOST_DIAGNOSES,
    ),
    Column(
        "items",
        Kind.CODES,
        "Catalogue codes that it confirms, such as devices.",
        required=False,
        most=_MOST_DIAGNOSES,
    ),
    Column(
        "benefit_groups",
        Kind.CODES,
        "Entitlements that its settlements have beyond the person's own.",
        required=False,
        most=limits.BENEFIT_GROUPS_MAX,
    ),
    columns.code("injured_part", "受伤部位.", required=False),
    Column(
        "event_date",
        Kind.DATE,
        "Day of the accident, the diagnosis, or conception.",
        required=False,
    ),
    Column("accepted_date", Kind.DATE, "Day the application was accepted.", required=False),
    columns.code(
        "timeliness",
        "Whether the application came in time.",
        required=False,
        values=("timely", "late"),
    ),
    columns.code("continues", "Number of the registration it goes on from.", required=False),
    columns.code(
        "institution",
        "The institution whose care or bill it concerns; absent, it is any.",
        required=False,
    ),
)
"""What an authority decided about a person or an institution (认定、登记、备案、暂停、手工报销)."""
