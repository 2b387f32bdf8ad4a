"""What a cardholder may ask of what is recorded, and of what the rules leave: values only.

An *overview* (信息查询) is what is held of one person of a pooling area at a moment. What is *left*
of a limit is what a cap or a yearly deductible leaves after what its counter has counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from medsettle.core import schema
from medsettle.core.cards import Card
from medsettle.core.claim_faults import checked_row
from medsettle.core.relatives import Person, Relation, RelationState
from medsettle.core.settlement import PersonState, Row
from medsettle.core.statements import Movement
from medsettle.core.visits import RegistrationState
from medsettle.errors import Fault, InvalidRequest


@dataclass(frozen=True, slots=True)
class StatedFacts:
    """What is stated of a person who asks what is left; the fields are columns of CLAIM.

    What is not stated is not known. Without `insurance_type` the policies of all schemes are asked;
    `benefit_groups` of `none` alone says that the person has none.
    """

    insurance_type: str | None = None
    person_type: str | None = None
    institution_level: str | None = None
    birth_date: date | None = None
    benefit_groups: tuple[str, ...] = ()

    def row(self) -> Row:
        """Return the facts keyed by their columns."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


NOTHING_STATED: Final = StatedFacts()
"""Of somebody who asks without saying anything."""

_NAMES: Final = {each.name for each in fields(StatedFacts)}
FACT_COLUMNS: Final = tuple(
    replace(column, required=False) for column in schema.CLAIM if column.name in _NAMES
)
"""The columns of CLAIM that may be stated of a person, none of them required."""


def facts_of(row: Mapping[str, object]) -> StatedFacts:
    """Return the stated facts of a row keyed by FACT_COLUMNS.

    Raises:
        InvalidRequest: Columns are unknown or out of bounds; carries all faults.
    """
    faults: list[Fault] = []
    checked = checked_row(dict(row), FACT_COLUMNS, set(), "facts.", faults)
    if faults:
        raise InvalidRequest(faults)
    groups = checked["benefit_groups"]
    assert isinstance(groups, list)
    return StatedFacts(**(checked | {"benefit_groups": tuple(groups)}))  # type: ignore[arg-type]


class LimitKind(StrEnum):
    """What a limit bounds: what is borne before the rates apply, all of that, or what is paid."""

    DEDUCTIBLE = "deductible"
    DEDUCTIBLE_CEILING = "deductible_ceiling"
    CAP = "cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLeft:
    """A limit of a policy that is counted over a period, and what is left of it for a person.

    `counter` is the name under which it is counted, with what it is split by; `period` the key of
    the period of today. Where the document needs more facts than are stated, `needs` names their
    columns, or the amounts of a bill, and what depends on them is None: the limit, or what is used.
    """

    policy: str
    insurance_type: str
    visit_types: tuple[str, ...]
    stage: str
    title: str
    kind: LimitKind
    counter: str
    period: int | None
    limit_fen: int | None
    used_fen: int | None
    left_fen: int | None
    needs: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSettlement:
    """One of the last settlements of a person, in short; `cancelled_by` is the id of its cancel."""

    settlement: str
    seq: int
    create_time: datetime
    kind: str
    original: str | None
    cancelled_by: str | None
    visit: str | None
    institution: str
    insurance_type: str
    visit_type: str
    service_date: date
    total_fen: int
    fund_total_fen: int
    account_fen: int
    mutual_aid_fen: int
    cash_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What is held of a person now; of one never seen there is nothing.

    `insured` is true until the end of the insurance relation is known. `settlements` come newest
    first, `limits` in the order of policies and stages.
    """

    person: PersonState
    moment: datetime
    insured: bool
    registrations: tuple[RegistrationState, ...]
    cards: tuple[Card, ...]
    relations: tuple[RelationState, ...]
    settlements: tuple[PastSettlement, ...]
    limits: tuple[LimitLeft, ...]


class EnquiryDesk(Protocol):
    """Where a cardholder asks: an engine, or a server behind a client."""

    def overview(self, person: Person, facts: StatedFacts = NOTHING_STATED) -> Overview:
        """Return what is held of a person now."""
        ...

    def account_movements(self, person: Person) -> Iterator[Movement]:
        """Yield every movement of a person's account in the order of the ledger."""
        ...

    def limit_uses(self, relation: Relation) -> Iterator[Movement]:
        """Yield every use of a relative's limit in the order of the ledger."""
        ...
