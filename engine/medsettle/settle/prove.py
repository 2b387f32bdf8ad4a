"""Settle the worked examples of a policy and compare every expected amount, fen by fen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import BALANCES, MUTUAL_AID, CounterKey
from medsettle.core.money import yuan_from_fen
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Granted, LimitsOf, Person, Relation
from medsettle.core.settlement import Settlement
from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.policy.checker import same_name
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.examples import Example, Visit
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import quoted, suggestion
from medsettle.settle.cancel import taken_back
from medsettle.settle.counter_keys import counter_keys
from medsettle.settle.explain import traced
from medsettle.settle.prepare import Preparer
from medsettle.settle.program_inputs import static_columns
from medsettle.settle.relatives import person_of
from medsettle.settle.run import Settled, Settler

_GIVER = Person("", "relative")


@dataclass(frozen=True, slots=True)
class Difference:
    """An amount of an example that came out otherwise; `found` is None when it has no such name."""

    example: str
    visit: int
    amount: str
    expected: int
    found: int | None
    where: str

    def __str__(self) -> str:
        """Return the difference as one line, in yuan as the example is written."""
        found = "no such amount" if self.found is None else f"{yuan_from_fen(self.found)}元"
        return (
            f"{self.where} {self.example}, visit {self.visit}: {self.amount} should be "
            f"{yuan_from_fen(self.expected)}元, found {found}"
        )


def prove(settler: Settler, example: Example) -> list[Difference]:
    """Return what of an example does not come out; empty when all of it does.

    Raises:
        PolicyNotFound: The policy of the example is not loaded.
        SettlementError: A visit was rejected; the error says why.
    """
    found: list[Difference] = []
    for number, (visit, result) in enumerate(settled_visits(settler, example), 1):
        # Another policy may decide some visits: an earlier revision, or another kind of visit.
        decided_by = settler.book.policy(str(result.settlement.columns["policy"]))
        found += differences(decided_by, example.name, number, visit, result)
    return found


def proof_faults(settler: Settler, example: Example) -> list[str]:
    """Return what of an example does not come out, in words; a refusal of a visit is one."""
    try:
        return [str(difference) for difference in prove(settler, example)]
    except SettlementError as error:
        where = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
        return [f"{where}{error.reason}: {error}"]


def settle_visit(
    settler: Settler,
    policy: CompiledPolicy,
    visit: Visit,
    held: dict[CounterKey, int],
    *,
    refuse_gaps: bool,
) -> tuple[ClaimBatch, Settled]:
    """Return a visit as a batch of one claim, and what it is settled to.

    Args:
        settler: Settles by the rule book.
        policy: The policy whose counters `before` names.
        visit: The visit.
        held: The counters before it, to which what the visit brings along is added.
        refuse_gaps: Whether an amount that its policy cannot decide rejects the claim.

    Raises:
        SettlementError: The claim has faults or is rejected; the error says why.
    """
    claims = ClaimBatch.from_rows([visit.claim])
    if claims.rejections:
        raise claims.rejections[0].error()
    for key, value in opening_counters(settler.book, policy, claims, visit).items():
        held[key] = held.get(key, 0) + value
    # The one giver of an example is bound to everybody, so that a cancel finds the limit.
    held[_relation(person_of(claims.rows[0])).bound] = 1
    result = settler.run(
        claims, [0], lambda _: held, refuse_gaps=refuse_gaps, limits_of=limits_among(held)
    )[0]
    if isinstance(result, Rejection):
        raise result.error()
    return claims, result


def move(held: dict[CounterKey, int], result: Settled) -> None:
    """Add to the counters what a settled claim adds to them."""
    for key, delta in result.moved:
        held[key] = held.get(key, 0) + delta


def settled_visits(settler: Settler, example: Example) -> Iterator[tuple[Visit, Settled]]:
    """Yield the visits of an example in order, each with what it is settled to.

    What a visit moves is there for the next ones, unless it is only previewed; a visit that takes
    back an earlier one gives back exactly what that one moved, and none in between is settled
    again.

    Raises:
        PolicyNotFound: The policy of the example is not loaded.
        SettlementError: A visit was rejected, or took back an account credit that is spent; the
            error says why, and its note where the visit stands.
    """
    policy = settler.book.policy(example.policy)
    held: dict[CounterKey, int] = {}
    results: list[Settled] = []
    for number, visit in enumerate(example.visits, 1):
        try:
            if visit.cancels is not None:
                result = taken_back(results[visit.cancels - 1], lambda _: held)
            else:
                refuse = not visit.preview
                _, result = settle_visit(settler, policy, visit, held, refuse_gaps=refuse)
        except SettlementError as error:
            # Whoever shows the refusal shows where the visit stands.
            where = f"{visit.place.file}:{visit.place.line}"
            error.add_note(f"{where} {example.name}, visit {number}")
            raise
        if not visit.preview:
            move(held, result)
        results.append(result)
        yield visit, result


def opening_counters(
    book: RuleBook, policy: CompiledPolicy, claims: ClaimBatch, visit: Visit
) -> dict[CounterKey, int]:
    """Return the counter values that a visit's person brings along, by key.

    A counter that is split is that of this visit's class or identifier.

    Raises:
        InvalidRequest: The policy has no such counter.
        SettlementError: The visit is rejected; the error says why.
    """
    document = policy.policy
    known = [*document.counters, *BALANCES]
    faults = [
        Fault(f"before.{name}", f"no counter is called {quoted(name)}; {suggestion(name, known)}")
        for name in visit.before
        if same_name(name, known) is None
    ]
    if faults:
        raise InvalidRequest(faults)
    preparer = Preparer(book)
    prepared = preparer.prepare(claims, [0])
    if prepared.rejections:
        raise prepared.rejections[0].error()
    columns = static_columns(policy, claims, [0], prepared)
    (keys,) = counter_keys(policy, claims, [0], columns)
    # Relatives' limits are set aside by one giver, of whom an example says no more.
    keys[MUTUAL_AID] = _relation(person_of(claims.rows[0])).limit
    return {keys[same_name(name, known) or name]: value for name, value in visit.before.items()}


def limits_among(held: Mapping[CounterKey, int]) -> LimitsOf:
    """Return the reader of the relatives' limits among the counters of an example."""

    def limits_of(persons: Sequence[Person]) -> dict[Person, list[Granted]]:
        relations = [_relation(person) for person in persons]
        return {each.receiver: [Granted(each, held.get(each.limit, 0))] for each in relations}

    return limits_of


def _relation(receiver: Person) -> Relation:
    return Relation(_GIVER, receiver, 1)


def amounts_of(settlement: Settlement) -> dict[str, int]:
    """Return every amount of a settlement under the names that examples use."""
    columns = {
        name.removesuffix("_fen"): value
        for name, value in settlement.columns.items()
        if name.endswith("_fen") and isinstance(value, int)
    }
    return columns | settlement.amounts


def amount_called(amounts: Mapping[str, int], name: str) -> int | None:
    """Return the amount of a name, in either language; None where there is none of that name."""
    known = same_name(name, amounts)
    return None if known is None else amounts[known]


def differences(
    policy: CompiledPolicy, example: str, number: int, visit: Visit, result: Settled
) -> list[Difference]:
    """Return what a visit is expected to be and is not.

    Args:
        policy: The policy that decided it.
        example: The name of its example.
        number: Which visit of the example it is, from 1.
        visit: The visit.
        result: What it was settled to.
    """
    sign = 1 if visit.cancels is None else -1
    amounts = amounts_of(result.settlement) | {
        name.removeprefix("detail:"): sign * value
        for name, value in traced(policy, result.inputs).items()
        if name.startswith("detail:")
    }
    where = f"{visit.place.file}:{visit.place.line}"
    return [
        Difference(example, number, name, expected, found, where)
        for name, expected in visit.expect.items()
        if (found := amount_called(amounts, name)) != expected
    ]
