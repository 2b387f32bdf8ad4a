"""Which right each method takes: the one table, which a test holds to the protos.

What belongs to engines of other areas has a rule of its own (`medsettle.peers.handler`) and is not
here. Health and reflection take no right: the one tells whether a server serves, which whoever
sends it claims has to know, the other what the protos say, which are public. Where a connection has
to show a certificate, they are behind that too.
"""

from collections.abc import Mapping
from typing import Final

from medsettle.identity.roles import Right

_PACKAGE: Final = "medsettle.v1"

_RIGHTS: Final[Mapping[str, Mapping[Right, tuple[str, ...]]]] = {
    "SettlementService": {
        Right.TRY: ("PreviewSettlement", "PreviewClaims"),
        Right.SETTLE: ("CreateSettlement", "SettleClaims"),
        Right.TAKE_BACK: ("CancelSettlement",),
        Right.LOOK: ("GetSettlement", "ListSettlements", "ExplainSettlement"),
        Right.COMPARE: ("CompareWithout",),
    },
    "VisitService": {
        Right.TRY: ("PreviewVisit",),
        Right.SETTLE: ("CreateVisit",),
        Right.TAKE_BACK: ("CancelVisit",),
        Right.LOOK: ("GetVisit",),
    },
    "RequestService": {
        Right.TAKE_BACK: ("ReverseRequest",),
        Right.LOOK: ("FindRequest",),
    },
    "PolicyService": {Right.POLICIES: ("ListPolicies", "GetPolicy")},
    "PersonService": {
        Right.KEEP_PERSONS: ("RecordOpening",),
        Right.SEE_PERSON: ("GetPerson",),
    },
    "EnquiryService": {
        Right.SEE_PERSON: ("GetOverview",),
        Right.SEE_HISTORY: ("ListAccountMovements", "ListLimitUses"),
    },
    "CardService": {
        Right.REPORT: ("RecordCardEvent",),
        Right.SEE_PERSON: ("GetCard", "CheckCard"),
        Right.SEE_HISTORY: ("ListCardEvents",),
    },
    "RegistrationService": {
        Right.REPORT: ("CreateRegistration",),
        Right.SEE_PERSON: ("ListRegistrations",),
    },
    "MutualAidService": {
        Right.REPORT: ("GrantLimit", "LowerLimit", "DissolveRelation"),
        Right.KEEP_PERSONS: ("EndInsurance", "BeginInsurance"),
        Right.SEE_PERSON: ("ListRelations",),
    },
}

METHOD_RIGHTS: Final[Mapping[str, Right]] = {
    f"/{_PACKAGE}.{service}/{method}": right
    for service, rights in _RIGHTS.items()
    for right, methods in rights.items()
    for method in methods
}
"""The right that a method takes, by its full name as gRPC has it."""

OPEN_METHODS: Final = frozenset(
    {
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    }
)
"""Methods that take no right."""
