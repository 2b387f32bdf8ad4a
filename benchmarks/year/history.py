"""A year of claims with carried counters, and what the reference makes of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.anchor import claims, policy
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Claim, Shares

_CLAIMS_PER_PERSON: Final = 4
_ACCOUNT_FEN_MEAN: Final = 600_000


@dataclass(frozen=True, slots=True)
class History:
    """Claims in the order in which they came, and their people.

    `columns` are those of `Claim`, the counters among them zero; `person` numbers the person of
    each claim, `balance_fen` (by person) is what the account holds on the first day.
    """

    columns: Columns
    person: FenArray
    balance_fen: FenArray

    @property
    def people(self) -> int:
        """The number of people, some of whom may have no claim."""
        return len(self.balance_fen)


def random_year(
    count: int, seed: int = claims.SEED, persons_part: int = _CLAIMS_PER_PERSON
) -> History:
    """Return `count` claims of a quarter, or another part, as many people, in no order of them."""
    random = np.random.default_rng(seed + 7)
    people = max(1, count // persons_part)
    person = random.integers(0, people, count)
    columns = claims.random_claims(count, seed)
    columns["retired"] = random.integers(0, 2, people)[person]
    for name in ("later_admission", "pooled_used_fen", "large_amount_used_fen"):
        columns[name] = np.zeros(count, dtype=np.int64)
    columns["account_balance_fen"] = np.zeros(count, dtype=np.int64)
    balance = random.exponential(_ACCOUNT_FEN_MEAN, people).astype(np.int64)
    return History(columns, person, balance)


def reference(history: History) -> Columns:
    """Return the shares of every claim, one after another by `policy.settle`."""
    later, pooled = [0] * history.people, [0] * history.people
    large, balance = [0] * history.people, history.balance_fen.tolist()
    settled = []
    rows = claims.rows(history.columns)
    for person, claim in zip(history.person.tolist(), rows, strict=True):
        before = (later[person], pooled[person], large[person], balance[person])
        share = policy.settle(Claim(*claim[:-4], *before))
        later[person] = 1
        pooled[person] += share.pooled_fund_fen
        large[person] += share.large_amount_fen
        balance[person] -= share.account_fen
        settled.append(share)
    return dict(zip(Shares._fields, np.array(settled, np.int64).T.copy(), strict=True))
