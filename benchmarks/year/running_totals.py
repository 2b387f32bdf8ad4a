"""A year of bands along a running total, a yearly cap and an account: kernel and loop by hand.

    python -m benchmarks.year.running_totals [CLAIMS]

Sixty-four plans, each with four bands of its own, a cap on what the fund pays and a balance to
begin with; ten claims a person, in the order of time, some persons with a hundred. For the kernel
the plans are the versions of a rule document, one a day from 2020-01-01 on. By hand it is the
fastest way known to us: claims sorted by person by counting, one loop, and the shares put back
where they came from.

Both are compared fen by fen, then timed in turn; the last line is the ratio of their medians.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from shutil import copy
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numba
import numpy as np
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.waterfall import Kernel, Work

from benchmarks.anchor.claims import SEED, FenArray

_AREA: Final = Path(__file__).parents[1] / "anchor" / "rules" / "999900"
_PLANS: Final = 64
_BANDS: Final = 4
_CLAIMS: Final = 10_000_000
_CLAIMS_PER_PERSON: Final = 10
_ROUNDS: Final = 5
# The counters of a person stand side by side, in one line of a cache.
_SLOTS: Final = {"scope": 0, "pooled_paid": 1, "account": 2}
_SLOTS_EACH: Final = 4
_SHARES: Final = ("payer:pooled_fund", "payer:account")

_HEAD: Final = """\
format: 1
policy: running-totals
title: 按年度累计额分段（虚构）
pooling_area: 999900
insurance_type: 310
visit_types: [21]
in_force: {from: 2020-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
sources:
  invented: {title: 性能测试用虚构政策, where: drawn by this program, confidence: uncertain}
counters:
  scope: {period: benefit_year, sums: [pooled_fund.base]}
  pooled_paid: {period: benefit_year, sums: [pooled_fund.paid]}
stages:
  - stage: pooled_fund
    title: 统筹基金
    payer: pooled_fund
    source: invented
    base: [in_scope]
    bands: {along: running_total, apply: marginal, counter: scope}
    rate: {pays: pooled_rate}
    caps:
      - {table: pooled_cap, on: payment, per: pooled_paid, excess: unpaid_share}
    rounding: {at: stage, side: payer, mode: half_up}
  - stage: account
    title: 个人账户
    payer: account
    source: invented
    base: [remaining]
    limit: account_balance
tables:
"""


@dataclass(frozen=True, slots=True)
class Plans:
    """Where each band begins (plans, bands), what it pays in percent, and the caps; fen."""

    floor_fen: FenArray
    percent: FenArray
    cap_fen: FenArray

    def document(self) -> str:
        """Return the plans as a rule document, plan k in force on day k alone."""
        rates = (
            "  pooled_rate:\n    title: 支付比例\n    unit: rate\n    bands: yes\n    versions:\n"
        )
        caps = "  pooled_cap:\n    title: 年度封顶\n    unit: amount\n    versions:\n"
        for plan in range(_PLANS):
            since = date(2020, 1, 1) + timedelta(days=plan)
            head = f"      - {{from: {since}, source: invented, "
            limits = ", ".join(_yuan(fen) for fen in self.floor_fen[plan].tolist())
            pays = ", ".join(f"{rate}%" for rate in self.percent[plan].tolist())
            rates += f"{head}limits: [{limits}, open], value: [0%, {pays}]}}\n"
            caps += f"{head}value: {_yuan(int(self.cap_fen[plan]))}}}\n"
        return _HEAD + rates + caps


@dataclass(frozen=True, slots=True)
class Year:
    """Claims in the order of time, in fen; persons are numbered from 0."""

    person: FenArray
    in_scope_fen: FenArray
    plan_of: FenArray
    balance_fen: FenArray


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}元"


def random_year(count: int) -> tuple[Plans, Year]:
    """Return plans and a year of claims, the same on every machine."""
    random = np.random.default_rng(SEED + 9)
    floors = np.sort(random.integers(30_000, 30_000_000, (_PLANS, _BANDS)), axis=1)
    percent = random.choice([55, 65, 70, 80, 85, 90, 95], (_PLANS, _BANDS))
    plans = Plans(floors, percent, random.integers(250_000, 1_250_000, _PLANS))
    people = max(1, count // _CLAIMS_PER_PERSON)
    often = np.cumsum(random.gamma(1.2, 1.0, people))
    person = np.searchsorted(often / often[-1], random.random(count)).astype(np.int64)
    in_scope = random.gamma(0.6, 60_000, count).astype(np.int64) + 50
    year = Year(
        np.minimum(person, people - 1),
        in_scope,
        random.integers(0, _PLANS, people),
        random.integers(0, 300_000, people),
    )
    return plans, year


def by_kernel(plans: Plans, year: Year) -> Callable[[], tuple[FenArray, FenArray]]:
    """Return what settles the year by the rule document of the plans."""
    policy, count = _compiled(plans), len(year.person)
    nothing = np.zeros(count, dtype=np.int64)
    known = {
        "total": year.in_scope_fen,
        "pot:in_scope": year.in_scope_fen,
        "epoch": year.plan_of[year.person],
        "account_used": np.ones(count, dtype=np.int64),
    }
    columns = {name: known.get(name, nothing) for name in policy.program.inputs}
    slots = {name: year.person * _SLOTS_EACH + place for name, place in _SLOTS.items()}
    kernel, rows = Kernel(outputs=_SHARES), np.arange(count)

    def run() -> tuple[FenArray, FenArray]:
        state = np.zeros((len(year.plan_of), _SLOTS_EACH), dtype=np.int64)
        state[:, _SLOTS["account"]] = year.balance_fen
        work = Work(policy, rows, columns, slots)
        kernel.settle([work], year.person, state.reshape(-1), refuse_gaps=True)
        pooled, account = (work.results[name] for name in _SHARES)
        return pooled, account

    return run


def _compiled(plans: Plans) -> CompiledPolicy:
    with TemporaryDirectory() as parent:
        folder = Path(parent) / _AREA.name
        folder.mkdir()
        for name in ("area.yaml", "catalogue.csv"):
            copy(_AREA / name, folder / name)
        path = folder / "running-totals.yaml"
        path.write_text(plans.document(), encoding="utf-8")
        area, faults = read_area_folder(folder)
        assert area is not None, faults
        policy, faults = compile_file(path, area)
        assert policy is not None, faults
        return policy


@numba.njit(cache=True)
def _by_hand(
    person: FenArray,
    in_scope: FenArray,
    plan_of: FenArray,
    balance: FenArray,
    floors: FenArray,
    percent: FenArray,
    caps: FenArray,
) -> tuple[FenArray, FenArray]:
    people, count = len(plan_of), len(person)
    begins = np.zeros(people + 1, np.int64)
    for row in range(count):
        begins[person[row] + 1] += 1
    for number in range(people):
        begins[number + 1] += begins[number]
    free, order = begins[:-1].copy(), np.empty(count, np.uint32)
    for row in range(count):
        order[free[person[row]]] = row
        free[person[row]] += 1
    own, pooled, account = np.empty((3, count), np.int64)
    for place in range(count):
        own[place] = in_scope[order[place]]
    for number in range(people):
        plan = plan_of[number]
        so_far, used, left = np.int64(0), np.int64(0), balance[number]
        for place in range(begins[number], begins[number + 1]):
            end, share = so_far + own[place], np.int64(0)
            for band in range(_BANDS - 1):
                top, floor = min(end, floors[plan, band + 1]), max(so_far, floors[plan, band])
                share += max(top - floor, 0) * percent[plan, band]
            share += max(end - max(so_far, floors[plan, -1]), 0) * percent[plan, -1]
            paid = min((share + 50) // 100, caps[plan] - used)
            taken = min(left, own[place] - paid)
            so_far, used, left = end, used + paid, left - taken
            pooled[place], account[place] = paid, taken
    pooled_back, account_back = np.empty((2, count), np.int64)
    for place in range(count):
        pooled_back[order[place]] = pooled[place]
        account_back[order[place]] = account[place]
    return pooled_back, account_back


def by_hand(plans: Plans, year: Year) -> Callable[[], tuple[FenArray, FenArray]]:
    """Return what settles the year by a loop written for these plans alone."""
    given = (year.person, year.in_scope_fen, year.plan_of, year.balance_fen)
    tables = (plans.floor_fen, plans.percent, plans.cap_fen)

    def run() -> tuple[FenArray, FenArray]:
        pooled, account = _by_hand(*given, *tables)
        return pooled, account

    return run


def main(count: int) -> None:
    """Compare both ways, time them in turn, and print nanoseconds a claim and the ratio."""
    plans, year = random_year(count)
    tools = {"medsettle": by_kernel(plans, year), "by hand": by_hand(plans, year)}
    answers = [run() for run in tools.values()]
    for ours, hand in zip(*answers, strict=True):
        assert np.array_equal(ours, hand)
    del answers
    taken: dict[str, list[float]] = {name: [] for name in tools}
    for _ in range(_ROUNDS):
        for name, run in tools.items():
            start = time.process_time()
            run()
            taken[name].append((time.process_time() - start) / count * 1e9)
    for name, spent in taken.items():
        sys.stdout.write(f"{name}: {median(spent):.1f} ns a claim, best {min(spent):.1f}\n")
    ratio = median(taken["medsettle"]) / median(taken["by hand"])
    sys.stdout.write(f"medsettle takes {ratio:.2f} times as long as by hand\n")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else _CLAIMS)
