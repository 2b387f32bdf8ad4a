"""The oracle's idea of one person's claims in order: what each leaves to the next."""

from collections.abc import Sequence
from dataclasses import replace

from medsettle.policy.model import Policy

from tests.reference import settle_reference
from tests.reference_counters import Kept, account_of, kept
from tests.reference_facts import Facts, ReferenceResult


def settle_reference_sequence(
    claims: Sequence[tuple[Policy, Facts]],
    carried: dict[Kept, int],
    *,
    refuse_gaps: bool = False,
) -> list[ReferenceResult]:
    """Return the results of one person's claims in order, each with the counters left so far.

    Args:
        claims: Policies and facts in order; the counters of the facts are not looked at.
        carried: Values by what they are kept under; changed in place.
        refuse_gaps: Whether a claim its policy cannot decide moves nothing.
    """
    results = []
    for policy, facts in claims:
        keys = kept_by(policy, facts)
        before = {name: carried.get(key, 0) for name, key in keys.items()}
        result = settle_reference(policy, replace(facts, counters=before))
        results.append(result)
        if refuse_gaps and result.gaps:
            continue
        for name, added in result.counters.items():
            sign = -1 if name == "account" else 1
            carried[keys[name]] = before[name] + sign * added
    return results


def kept_by(policy: Policy, facts: Facts) -> dict[str, Kept]:
    """Return under what each counter of a claim is kept, and the account."""
    keys = {
        name: kept(counter, policy, facts.stated, facts.rule_date, facts.classes)
        for name, counter in policy.counters.items()
    }
    return keys | {"account": account_of(policy)}
