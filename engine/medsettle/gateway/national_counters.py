"""Which counters of ours are the same fact as one of the interface (累计类别 cum_type_code).

The interface counts by year everything that a fund has paid: D and the fund's code. A counter of
ours counts what a policy says. The two are the same where each policy of the insurance that pays
from the fund counts all of that, every time, and no other policy counts there.

Its totals (S0000) are summed by no policy, and its admissions (C0000) are not what policies count,
which are settlements: a stay with one in its middle has two.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from medsettle.core import codes
from medsettle.core.dates import Period
from medsettle.policy.model import Counter, Policy

_FUNDS: Final = {payer.name: f"D{payer.fund_pay_type}" for payer in codes.PAYERS if payer.fund}


def national_codes(policies: Iterable[Policy]) -> Mapping[str, str]:
    """Return the codes of the interface by the name of our counter, where it has one.

    Args:
        policies: Every policy of an insurance type in an area.
    """
    every = list(policies)
    names = {name for policy in every for name in policy.counters}
    found: dict[str, str] = {}
    for name in sorted(names):
        for payer, code in _FUNDS.items():
            pays = any(_paid(policy, payer) for policy in every)
            if pays and all(_counts_all(each, each.counters.get(name), payer) for each in every):
                # Two counters of one fact would add up to twice of it.
                found.setdefault(code, name)
    return {name: code for code, name in found.items()}


def _counts_all(policy: Policy, counter: Counter | None, payer: str) -> bool:
    """Return whether a counter has all that a payer pays by a policy in a year, and no more."""
    paid = _paid(policy, payer)
    if counter is None:
        return not paid
    plain = counter.period is Period.BENEFIT_YEAR and not counter.when and not counter.split_by
    return plain and counter.dated_by is None and bool(paid) and set(counter.sums) == paid


def _paid(policy: Policy, payer: str) -> set[str]:
    return {f"{stage.name}.paid" for stage in policy.all_stages if stage.payer == payer}
