"""Documents at the edges of every bound: each compiles or is refused, and none breaks the proofs.

The compiler asserts that no product and no sum leaves 64 bits. Those assertions are for bugs of
ours; what a document can bring about, the checker has to refuse. Here the widest bands, the finest
rates, the largest amounts and the longest chains of stages meet in one document.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.policy.model import STAGE_AMOUNTS

from tests.policy.documents import GOOD, good, read

_HEAD = GOOD[: GOOD.index("dimensions:")]
_VERSION = "      - {{from: {day}, source: notice, {cells}}}\n"
_PLAIN = ("total", "in_scope", "remaining", "in_scope_total", "implant", "own_expense")
_LARGEST_YUAN = limits.AMOUNT_FEN_MAX // 100
_MODES = st.sampled_from(["half_up", "down", "up"])
_POINTS = st.sampled_from(["band", "stage"])
_SIDES = st.sampled_from(["inside", "outside"])


@dataclass
class _Draft:
    """A document while it is drawn."""

    draw: st.DrawFn
    denominator: int
    step: int
    tables: str = ""
    stages: str = ""
    amounts: list[str] = field(default_factory=lambda: [*_PLAIN])

    def rate(self) -> str:
        """Return a rate over the denominator of the document."""
        most = self.denominator
        edges = st.sampled_from([0, 1, most - 1, most])
        return f"{self.draw(edges | st.integers(0, most))}/{most}"

    def table(self, name: str, unit: str, *versions: str, bands: str = "") -> str:
        """Add a table and return its name."""
        self.tables += f"  {name}:\n    unit: {unit}\n{bands}    versions:\n{''.join(versions)}"
        return name

    def cap(self, name: str) -> str:
        """Add a table of one amount, from nothing to the largest."""
        yuan = self.draw(st.sampled_from([0, 1, self.step, _LARGEST_YUAN]))
        version = _VERSION.format(day="2024-01-01", cells=f"value: {yuan}元")
        return self.table(name, "amount", version)

    def rates(self, name: str) -> tuple[str, str]:
        """Add a rate table and return its name, with the line a stage needs for its bands."""
        draw, days = self.draw, ("2023-01-01", "2025-01-01")
        count = draw(st.integers(0, limits.BANDS_PER_STAGE_MAX))
        if not count:
            version = _VERSION.format(day=days[0], cells=f"value: {self.rate()}")
            return self.table(name, "rate", version), ""
        ends = [f"{self.step * number + number}元" for number in range(1, count + 1)]
        ends[-1] = draw(st.sampled_from([ends[-1], "open"]))
        versions = [
            _VERSION.format(
                day=day,
                cells=f"limits: [{', '.join(ends[-kept:])}], "
                f"value: [{', '.join(self.rate() for _ in range(kept))}]",
            )
            for day, kept in zip(days, (count, draw(st.integers(1, count))), strict=True)
        ]
        self.table(name, "rate", *versions, bands="    bands: yes\n")
        apply = "marginal"
        if ends[-1] == "open":
            apply = draw(st.sampled_from(["marginal", "whole"]))
        return name, f"    bands: {{along: settlement, apply: {apply}}}\n"

    def base(self) -> str:
        """Return a base of amounts of different stages."""
        names = self.draw(st.lists(st.sampled_from(self.amounts), min_size=1, max_size=5))
        apart = {name.partition(".")[0] if "." in name else "": name for name in names}
        return f"[{', '.join(apart.values())}]"

    def stage(self, name: str) -> None:
        """Add a stage that asks all of its questions."""
        draw = self.draw
        lines = f"  - stage: {name}\n    payer: assistance\n    source: notice\n"
        lines += f"    base: {self.base()}\n"
        if draw(st.booleans()):
            lines += f"    keep_back: {self.rates_without_bands(f'kept_{name}')}\n"
        if draw(st.booleans()):
            lines += self.deductible(name)
        table, bands = self.rates(f"rate_{name}")
        if "deductible:" in lines:
            bands = bands.replace("}", f", deductible: {draw(_SIDES)}}}")
        side = draw(st.sampled_from(["own", "pays", "target"]))
        more, rounded, excess = "", "payer", "unpaid_share"
        if side == "target":
            more = f", counting: [{draw(st.sampled_from(self.amounts))}]"
        else:
            rounded = draw(st.sampled_from(["own", "payer"]))
            excess = draw(st.sampled_from(["back_solve", "unpaid_share"]))
            if draw(st.booleans()):
                least = self.rates_without_bands(f"floor_{name}")
                more, excess = f", floor: {{rate: {least}, of: {self.base()}}}", "unpaid_share"
            if draw(st.booleans()):
                more += f", own_factor: {self.factor(f'factor_{name}')}"
            if draw(st.booleans()):
                more += f", pays_factor: {self.factor(f'away_{name}')}"
        if draw(st.booleans()):
            more += f", points: [{self.points(f'points_{name}')}]"
        if draw(st.booleans()):
            more += f", at_most: {self.rates_without_bands(f'most_{name}')}"
        lines += f"    rate: {{{side}: {table}{more}}}\n{bands}"
        lines += f"    rounding: {{at: {draw(_POINTS)}, side: {rounded}, mode: {draw(_MODES)}}}\n"
        if draw(st.booleans()):
            cap = f"table: {self.cap(f'cap_{name}')}, on: payment, per: settlement"
            lines += f"    caps: [{{{cap}, excess: {excess}}}]\n"
        self.stages += lines
        self.amounts += [f"{name}.{part}" for part in STAGE_AMOUNTS]

    def points(self, name: str) -> str:
        """Add a table of points to add or take off and return its name."""
        value = self.draw(
            st.sampled_from(["100分点", "-100分点", "0分点", "-0.0001分点", "12.5分点"])
        )
        version = _VERSION.format(day="2024-01-01", cells=f"value: {value}")
        return self.table(name, "points", version)

    def deductible(self, name: str) -> str:
        """Return the line of a deductible that grows with the bill, times a factor."""
        share = f"{{base: {self.base()}, rate: {self.rates_without_bands(f'part_{name}')}}}"
        return (
            f"    deductible: {{table: {self.cap(f'least_{name}')}, per: settlement, "
            f"share_of: {share}, factor: {self.factor(f'times_{name}')}}}\n"
        )

    def rates_without_bands(self, name: str) -> str:
        """Add a table of one rate and return its name."""
        version = _VERSION.format(day="2024-01-01", cells=f"value: {self.rate()}")
        return self.table(name, "rate", version)

    def factor(self, name: str) -> str:
        """Add a table of one factor on the own share and return its name."""
        value = self.draw(st.sampled_from(["0%", "60%", "100%", "1000%", "3/10"]))
        return self.table(name, "rate", _VERSION.format(day="2024-01-01", cells=f"value: {value}"))


@st.composite
def _documents(draw: st.DrawFn) -> str:
    denominator = draw(st.sampled_from([2, 3, 100, 9_973, 999_983, limits.RATE_DENOMINATOR_MAX]))
    step = draw(st.sampled_from([1, 30_000, _LARGEST_YUAN // 17]))
    draft = _Draft(draw, denominator, step)
    for number in range(draw(st.integers(1, 6))):
        draft.stage(f"s{number}")
    return f"{_HEAD}tables:\n{draft.tables}stages:\n{draft.stages}"


@pytest.mark.slow
@given(_documents())
def test_a_document_at_the_edges_compiles_or_is_refused(text: str) -> None:
    """The widest, finest, largest and longest documents never break a proof of the compiler."""
    policy, violations = read(text)

    assert (policy is None) == bool(violations)


def _stage(name: str, base: str) -> str:
    asked = "rate: {pays: half}, rounding: {at: stage, side: payer, mode: down}"
    return f"  - {{stage: {name}, payer: assistance, source: notice, base: {base}, {asked}}}\n"


def test_long_chains_of_payers_are_within_bounds() -> None:
    """Each payer may look at all that the one before it left, as long as the stages go."""
    stages = _stage("s0", "[total]") + "".join(
        _stage(f"s{number}", f"[s{number - 1}.own_share, s{number - 1}.over_cap]")
        for number in range(1, limits.STAGES_PER_POLICY_MAX)
    )
    half = "  half:\n    unit: rate\n    versions:\n" + _VERSION.format(
        day="2024-01-01", cells="value: 50%"
    )

    good(f"{_HEAD}tables:\n{half}stages:\n{stages}")


@pytest.mark.parametrize("point", ["band", "stage"])
def test_the_finest_rates_back_solve_a_part_of_a_fen(point: str) -> None:
    """Rates over the largest divisor solve back at a cap what another cap had left in sub-fen."""
    # 1,000,000 of the rates times 10 of the factor are the largest divisor there may be.
    cells = ", ".join(["999999/1000000"] * limits.BANDS_PER_STAGE_MAX)
    ends = ", ".join(f"{number}元" for number in range(1, limits.BANDS_PER_STAGE_MAX)) + ", open"
    start, version = "{from: 2024-01-01, source: notice, ", "    versions:\n      - "
    tables = (
        f"  fine:\n    unit: rate\n    bands: yes\n{version}{start}limits: [{ends}],"
        f" value: [{cells}]}}\n"
        f"  tenth:\n    unit: rate\n{version}{start}value: 3/10}}\n"
        f"  cap:\n    unit: amount\n{version}{start}value: 10万元}}\n"
    )
    asked = (
        "    bands: {along: settlement, apply: marginal}\n"
        "    rate: {pays: fine, own_factor: tenth}\n"
        "    caps: [{table: cap, on: payment, per: settlement, excess: back_solve}]\n"
        f"    rounding: {{at: {point}, side: own, mode: up}}\n"
    )
    head = "    payer: assistance\n    source: notice\n"
    stages = f"  - stage: a\n{head}    base: [total]\n{asked}"
    stages += f"  - stage: b\n{head}    base: [a.over_cap]\n{asked}"

    good(f"{_HEAD}tables:\n{tables}stages:\n{stages}")
    finer = tables.replace("value: 3/10", "value: 3/11")
    assert read(f"{_HEAD}tables:\n{finer}stages:\n{stages}")[0] is None
