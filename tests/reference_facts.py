"""What the oracle is told of a claim, and what it says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tests.reference_counters import Stated


@dataclass(frozen=True)
class Facts:
    """What is known of a claim before anybody pays.

    `classes` holds the class number of every dimension that is not counted; `counters` the values
    before the claim, the balance of the personal account among them as `account` and what
    relatives' limits hold as `mutual_aid`. `stated` is what decides which counters those are: the
    claim's dates and identifiers; `claimed` the amounts that it states beside its bill.
    """

    pots: Mapping[str, int]
    classes: Mapping[str, int]
    rule_date: date
    counters: Mapping[str, int]
    account_used: bool
    quantities: Mapping[str, int] = field(default_factory=dict)
    stated: Stated = field(default_factory=dict)
    claimed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReferenceResult:
    """Who pays, what each counter adds (balances: what leaves them), what each stage leaves.

    `payouts` is all that is paid beside the bill, `owed` what each debtor owes back of all this.
    """

    payers: dict[str, int]
    cash: int
    deductible: int
    counters: dict[str, int]
    stages: dict[str, dict[str, int]]
    gaps: frozenset[str]
    payouts: int = 0
    replaced: Mapping[str, int] = field(default_factory=dict)
    owed: Mapping[str, int] = field(default_factory=dict)
