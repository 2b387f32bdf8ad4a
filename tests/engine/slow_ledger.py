"""The oracle with a memory: what every person carries from one claim to the next, and back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from medsettle.core.settlement import Row
from medsettle.policy.model import Policy

from tests.engine.nowhere_claims import claimed_of, pots_of_claim
from tests.reference import settle_reference
from tests.reference_classes import classes_of, quantities_of
from tests.reference_counters import Kept
from tests.reference_dates import states_values
from tests.reference_facts import Facts, ReferenceResult
from tests.reference_sequence import kept_by


@dataclass
class SlowLedger:
    """Settles claims by the oracle and gives back what a cancel takes back."""

    policies: Sequence[Policy]
    values: dict[str, Counter[Kept]] = field(default_factory=dict)
    moved: dict[str, tuple[str, Counter[Kept]]] = field(default_factory=dict)

    def open(self, person: str, account: Kept, fen: int) -> None:
        """Add to an account."""
        self._of(person)[account] += fen

    def settle(self, claim: Row) -> tuple[ReferenceResult, int] | None:
        """Return what becomes of a claim and the account after it; None where it is refused."""
        policy = self._policy(claim)
        if policy is None:
            return None
        day = claim[policy.rule_date]
        assert isinstance(day, date)
        classes = classes_of(policy, claim, day)
        billed = bool(claim["lines"]) or bool(policy.payouts)
        if classes is None or not states_values(policy, day) or not billed:
            return None
        quantities, pots = quantities_of(policy, claim, day), pots_of_claim(claim)
        used, claimed = bool(claim["account_used"]), claimed_of(claim)
        facts = Facts(pots, classes, day, {}, used, quantities, claim, claimed)
        keys, own = kept_by(policy, facts), self._of(str(claim["person"]))
        before = {name: own[key] for name, key in keys.items()}
        result = settle_reference(policy, replace(facts, counters=before))
        if result.gaps:
            return None
        moved = Counter({keys[name]: added for name, added in result.counters.items()})
        moved[keys["account"]] *= -1
        self.moved[str(claim["request_id"])] = (str(claim["person"]), moved)
        self._add(str(claim["person"]), moved)
        return result, own[keys["account"]]

    def cancel(self, request_id: str) -> bool:
        """Give back what a settlement moved, and nothing else; not what has been spent since."""
        person, moved = self.moved[request_id]
        own = self._of(person)
        if any(key.counter == "account" and own[key] < moved[key] for key in moved):
            return False
        del self.moved[request_id]
        self._add(person, Counter({key: -added for key, added in moved.items()}))
        return True

    def state(self, person: str) -> list[tuple[str, int]]:
        """Return the account and the counters of a person that hold something, in order."""
        held = self._of(person).items()
        return sorted((key.counter, value) for key, value in held if value)

    def _of(self, person: str) -> Counter[Kept]:
        return self.values.setdefault(person, Counter())

    def _add(self, person: str, moved: Counter[Kept]) -> None:
        own = self._of(person)
        for key, added in moved.items():
            own[key] += added

    def _policy(self, claim: Row) -> Policy | None:
        """Return the document in force for a claim, by the date that the document names."""
        for policy in self.policies:
            day = claim[policy.rule_date]
            assert isinstance(day, date)
            ends = policy.in_force_until
            begun = policy.in_force_from <= day and (ends is None or day < ends)
            if claim["visit_type"] in policy.visit_types and begun:
                return policy
        return None
