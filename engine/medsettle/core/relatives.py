"""Relatives' accounts (家庭共济): money of one account set aside for another person.

A *relation* binds a giver and a receiver. Its *limit* is money that has left the giver's account
and that nobody but the receiver can use; *used* is what the receiver's claims took of it. All of it
is kept in counters, so that the sum of accounts, limits and what was used is the same at every
moment, and the ledger proves it as it proves any other counter.

Limits are counters of the receiver, one a giver: a claim moves nothing of anybody else, and claims
of one person stay in order without a lock on others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from medsettle.core.counters import ACCOUNT, MUTUAL_AID, CounterKey

PREFIX: Final = f"{MUTUAL_AID}."
"""How the names of all counters of relations begin."""

LIMIT_PREFIX: Final = f"{PREFIX}limit:"
_USED_PREFIX: Final = f"{PREFIX}used:"
BOUND_PREFIX: Final = f"{PREFIX}bound:"
GIVES_PREFIX: Final = f"{PREFIX}gives:"
INSURANCE_ENDED: Final = f"{PREFIX}insurance_ended"

_NAMING: Final = (LIMIT_PREFIX, _USED_PREFIX, BOUND_PREFIX, GIVES_PREFIX)


class Person(NamedTuple):
    """A person of a pooling area."""

    pooling_area: str
    person: str

    @property
    def account(self) -> CounterKey:
        """The counter of the personal account."""
        return CounterKey(*self, ACCOUNT, 0)

    @property
    def insurance_ended(self) -> CounterKey:
        """The counter that is 1 while the insurance relation is known to have ended, else 0."""
        return CounterKey(*self, INSURANCE_ENDED, 0)


class Relation(NamedTuple):
    """A giver and a receiver who are or were bound.

    `number` counts the relations of the receiver from 1, in the order in which they were bound; it
    is the period of their counters. Who is bound again after a dissolution has a new number.
    """

    giver: Person
    receiver: Person
    number: int

    @property
    def limit(self) -> CounterKey:
        """The counter of the fen that the receiver may still use."""
        return self._of_receiver(LIMIT_PREFIX)

    @property
    def used(self) -> CounterKey:
        """The counter of the fen that the receiver's claims have taken."""
        return self._of_receiver(_USED_PREFIX)

    @property
    def bound(self) -> CounterKey:
        """The counter that is 1 until the relation is dissolved, then 0."""
        return self._of_receiver(BOUND_PREFIX)

    @property
    def gives(self) -> CounterKey:
        """The giver's counter that is 1 until the relation is dissolved, then 0."""
        return CounterKey(*self.giver, GIVES_PREFIX + "/".join(self.receiver), self.number)

    def _of_receiver(self, prefix: str) -> CounterKey:
        return CounterKey(*self.receiver, prefix + "/".join(self.giver), self.number)


def renamed_relative(counter: str, name: Callable[[str], str]) -> str:
    """Return the name of a counter with the relative in it, where it names one, named anew.

    >>> renamed_relative("mutual_aid.limit:999902/P1", str.lower), renamed_relative("account", str)
    ('mutual_aid.limit:999902/p1', 'account')
    """
    person = named_relative(counter)
    return counter if person is None else counter.removesuffix(person) + name(person)


def named_relative(counter: str) -> str | None:
    """Return the relative in the name of a counter; None where it names nobody."""
    for prefix in _NAMING:
        if counter.startswith(prefix):
            return counter.removeprefix(prefix).partition("/")[2]
    return None


@dataclass(frozen=True, slots=True)
class RelationState:
    """A relation with what is left of its limit and what was taken of it."""

    relation: Relation
    limit_fen: int
    used_fen: int
    bound: bool
    duplicate: bool = False
    """Whether it answers a request that was recorded before."""


@dataclass(frozen=True, slots=True)
class InsuranceState:
    """Whether a person may give and receive, and the relations that a notice ended.

    `insured` is true until the end of the insurance relation (参保关系) is known.
    """

    person: Person
    insured: bool
    ended: tuple[RelationState, ...] = ()
    duplicate: bool = False
    """Whether it answers a request that was recorded before."""


class Granted(NamedTuple):
    """What a relative's limit holds for the claims of its receiver."""

    relation: Relation
    fen: int


LimitsOf: TypeAlias = Callable[[Sequence[Person]], Mapping[Person, Sequence[Granted]]]
"""Returns the limits of receivers that are not used up, each in the order of binding."""


def no_limits(_persons: Sequence[Person]) -> Mapping[Person, Sequence[Granted]]:
    """Return that nobody has a relative's limit."""
    return {}


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A request to raise or to lower what a giver has set aside for a receiver."""

    institution: str
    request_id: str
    giver: Person
    receiver: Person
    fen: int


DissolveReason: TypeAlias = Literal["giver", "receiver", "insurance_ended"]
"""Who or what ends a relation."""


@dataclass(frozen=True, slots=True)
class Dissolution:
    """A request of the giver or of the receiver to end a relation."""

    institution: str
    request_id: str
    giver: Person
    receiver: Person
    reason: DissolveReason


@dataclass(frozen=True, slots=True)
class InsuranceNotice:
    """Notice that a person's insurance relation ended, or that there is one again."""

    institution: str
    request_id: str
    person: Person


class RelativesDesk(Protocol):
    """Where limits of relatives are changed: an engine, or a server behind a client."""

    def grant(self, change: LimitChange) -> RelationState:
        """Return a relation after raising its limit."""
        ...

    def lower(self, change: LimitChange) -> RelationState:
        """Return a relation after lowering its limit."""
        ...

    def dissolve(self, dissolution: Dissolution) -> RelationState:
        """Return a relation after its end."""
        ...

    def end_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """Return the state of a person after the end of the insurance, with what ended by it."""
        ...

    def begin_insurance(self, notice: InsuranceNotice) -> InsuranceState:
        """Return the state of a person who is insured again."""
        ...

    def relations(self, person: Person) -> tuple[RelationState, ...]:
        """Return all relations of a person."""
        ...


def received(receiver: Person, counter: str, number: int) -> Relation | None:
    """Return the relation whose limit a counter of a receiver is, or None.

    >>> tuple(received(Person("999901", "R"), "mutual_aid.limit:999902/G", 3).giver)
    ('999902', 'G')
    """
    giver = _named(counter, LIMIT_PREFIX)
    return None if giver is None else Relation(giver, receiver, number)


def bound_to(receiver: Person, counter: str, number: int) -> Relation | None:
    """Return the relation of which a counter of a receiver says whether it is bound, or None."""
    giver = _named(counter, BOUND_PREFIX)
    return None if giver is None else Relation(giver, receiver, number)


def given_by(giver: Person, counter: str, number: int) -> Relation | None:
    """Return the relation of which a counter of a giver says whether it is bound, or None."""
    receiver = _named(counter, GIVES_PREFIX)
    return None if receiver is None else Relation(giver, receiver, number)


def _named(counter: str, prefix: str) -> Person | None:
    if not counter.startswith(prefix):
        return None
    area, _, person = counter.removeprefix(prefix).partition("/")
    return Person(area, person)
