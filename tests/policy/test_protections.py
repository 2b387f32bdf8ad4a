"""Every protection of the kernel and of the reader: one fault, one message, at its key."""

import pytest
from medsettle import limits

from tests.policy.documents import GOOD, changed, faults, good

_FAULTS: dict[str, tuple[str, str, str]] = {
    "dimension-without-class": (
        '{column: institution_level, codes: {primary: ["07"], above: ["01", "04"]}}',
        "{column: institution_level, codes: {}}",
        "dimensions.hospital.codes: a dimension has at least one class; add its codes",
    ),
    "class-without-codes": (
        'above: ["01", "04"]',
        "above: []",
        "dimensions.hospital.codes.above: the list is empty; name the codes of this class or "
        "delete the key",
    ),
    "dimension-of-the-area": (
        "  member: {group: members}",
        "  person: {group: members}",
        "dimensions.person: 'person' is a dimension of the whole area; rename this one",
    ),
    "unused-dimension": (
        "when: {admission: [later], member: [yes]}",
        "when: {admission: [later]}",
        "dimensions.member: no table or stage is by dimension 'member'; use it or delete it",
    ),
    "count-of-amounts": (
        "{counter: admissions, counted",
        "{counter: scope, counted",
        "dimensions.admission.counter: counter 'scope' adds up amounts and has no count; name one "
        "with `counts: settlements`",
    ),
    "amount-of-counts": (
        "per: paid, excess",
        "per: admissions, excess",
        "stages[0].caps[0].per: counter 'admissions' counts settlements, and amounts are needed; "
        "name a counter with `sums`",
    ),
    "counter-called-account": (
        "  paid: {period",
        "  account: {period",
        "counters.account: 'account' has a meaning of its own; rename the counter",
    ),
    "counter-called-settlement": (
        "  paid: {period",
        "  本次结算: {period",
        "counters.本次结算: 'settlement' has a meaning of its own; rename the counter",
    ),
    "counter-of-nothing": (
        "sums: [pool.paid]",
        "sums: []",
        "counters.paid.sums: the list is empty; name the named amounts or delete the key",
    ),
    "counter-of-parts": (
        "sums: [pool.deductible, pool.net]",
        "sums: [pool.base, pool.net]",
        "counters.scope.sums[1]: 'pool.net' is a part of 'pool.base' and would count twice; keep "
        "one of the two",
    ),
    "stage-with-a-dot": (
        "stage: large",
        "stage: large.fund",
        "stages[1].stage: 'large.fund' is no name; a name has up to 50 letters, digits, `_` and "
        "`-` and begins with a letter; rename it",
    ),
    "stage-called-as-a-pot": (
        "stage: account",
        "stage: 范围内",
        "stages[2].stage: 'in_scope' is the name of an amount; rename the stage",
    ),
    "stage-twice": (
        "stage: account",
        "stage: pool",
        "stages[2].stage: 'pool' is the name of an earlier stage; rename one",
    ),
    "table-called-as-an-amount": (
        "  kept:\n",
        "  total:\n",
        "tables.total: 'total' is the name of an amount; rename the table",
    ),
    "name-that-is-none": (
        "policy: example",
        "policy: 'two words'",
        "policy: 'two words' is no name; a name has up to 50 letters, digits, `_` and `-` and "
        "begins with a letter; rename it",
    ),
    "amount-twice": (
        "base: [in_scope]",
        "base: [in_scope, 范围内]",
        "stages[0].base[1]: 'in_scope' is listed twice; keep one of the two",
    ),
    "banded-factor": (
        "own_factor: factor",
        "own_factor: own",
        "stages[0].rate.own_factor: table 'own' has bands, and only the rate of a stage has; name "
        "a table without bands",
    ),
    "banded-keep-back": (
        "keep_back: kept",
        "keep_back: own",
        "stages[0].keep_back: table 'own' has bands, and only the rate of a stage has; name a "
        "table without bands",
    ),
    "bands-of-a-table-without": (
        "rate: {own: own,",
        "rate: {own: kept,",
        "stages[0].bands: the rate table 'kept' has no bands; delete `bands` here, or write "
        "`bands: yes` in the table",
    ),
    "keep-back-above-one": (
        "value: 10%",
        "value: 110%",
        "tables.kept.versions[0].value: 110% is above 100%, and a share is never more than the "
        "whole; correct it",
    ),
    "factor-above-the-most": (
        "retired: 150%",
        "retired: 1001%",
        "tables.factor.versions[0].rows.retired: '1001%' is above 1000%, the most a rate may be; "
        "correct it",
    ),
    "no-common-denominator": (
        "rows: {active: 100%, retired: 150%}",
        "rows: {active: 1/99991, retired: 150%}",
        "stages[0].rate.own: the rates of 'own' and 'factor' together have no common denominator "
        "up to 10,000,000; write fewer different fractions, or percentages",
    ),
    "back-solve-of-a-target": (
        "rate: {target: target, counting: [pool.paid]}",
        "rate: {target: target, counting: [pool.paid]}\n    caps:\n"
        "      - {table: cap, on: payment, per: settlement, excess: back_solve}",
        "stages[1].caps[0].excess: nothing to solve back: a target is a difference of shares; "
        "write `unpaid_share`",
    ),
    "excess-of-a-base-cap": (
        "{table: scope_cap, on: base, per: scope}",
        "{table: scope_cap, on: base, per: scope, excess: unpaid_share}",
        "stages[0].caps[1].excess: above a cap on the base nothing is paid that could exceed it; "
        "delete `excess`",
    ),
    "counting-without-target": (
        "{own: own, own_factor: factor}",
        "{own: own, own_factor: factor, counting: [total]}",
        "stages[0].rate.counting: only a target counts; delete `counting`",
    ),
    "two-sides": (
        "{own: own, own_factor: factor}",
        "{own: own, pays: kept, own_factor: factor}",
        "stages[0].rate: a rate has one of own, pays, target; found own and pays; write one",
    ),
    "own-side-of-a-target": (
        "{at: stage, side: payer, mode: up}",
        "{at: stage, side: own, mode: up}",
        "stages[1].rounding.side: a target rounds what is paid; write `side: payer`",
    ),
    "rate-without-rounding": (
        "    rounding: {at: stage, side: payer, mode: up}\n",
        "",
        "stages[1]: 'rounding' (where, on which side and how the share becomes whole fen) is "
        "missing; it has no default, so write it",
    ),
    "running-total-without-counter": (
        "{along: running_total, apply: marginal, counter: scope, deductible: inside}",
        "{along: running_total, apply: marginal, deductible: inside}",
        "stages[0].bands: 'counter' (the counter of the running total) is missing; it has no "
        "default, so write it",
    ),
    "account-without-limit": (
        "    limit: account_balance\n",
        "",
        "stages[2]: the payer `account` pays from a balance; write `limit: account_balance`",
    ),
    "limit-of-a-fund": (
        "payer: large_amount",
        "payer: large_amount\n    limit: account_balance",
        "stages[1].limit: only `account` and `mutual_aid` have a balance; delete `limit`",
    ),
    "gap-of-a-stage": (
        "amount: large.own_share",
        "amount: large",
        "gaps[0].amount: 'large' is a stage; name one of its amounts, like large.paid",
    ),
    "gap-twice": (
        "says: not read yet}",
        "says: not read yet}\n  - {amount: large.自付额, says: again}",
        "gaps[1].amount: large.own_share has a gap already; join the two",
    ),
    "closed-band-behind-an-open-one": (
        "[3万元, open]",
        "[open, 3万元]",
        "tables.own.versions[0].limits[0]: only the last band is open; write its upper limit",
    ),
    "end-before-beginning": (
        "in_force: {from: 2024-01-01}",
        "in_force: {from: 2024-01-01, until: 2024-01-01}",
        "in_force.until: the policy ends on 2024-01-01, not after it begins on 2024-01-01; correct "
        "one",
    ),
    "wrong-area": (
        "pooling_area: 999900",
        "pooling_area: 999901",
        "pooling_area: '999901' in the folder of area 999900; correct it, or move the file",
    ),
    "unordered-versions": (
        "from: 2024-07-01",
        "from: 2023-01-01",
        "tables.own.versions[1].from: this version begins on 2023-01-01, and the one before on "
        "2023-01-01; write the versions in order of time",
    ),
    "word-of-another-block": (
        "    unit: rate\n    by: [person]\n",
        "    unit: rate\n    source: notice\n    by: [person]\n",
        "tables.factor.source: 'source' belongs in version or stage or payout, not in table; "
        "indent it with the block it belongs to",
    ),
    "two-languages": (
        "    unit: rate\n    by: [person]\n",
        "    unit: rate\n    单位: 比例\n    by: [person]\n",
        "tables.factor.单位: unit and 单位 are the same word; keep one of the two",
    ),
    "names-in-two-languages": (
        "  kept:\n",
        "  起付线:\n",
        "tables.起付线: '起付线' and 'deductible' are the same word; rename one",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), _FAULTS.values(), ids=_FAULTS)
def test_one_fault_is_one_message(old: str, new: str, expected: str) -> None:
    """Each protection names the key and the next step; a fault draws no others after it."""
    messages = faults(changed(old, new))

    assert expected in messages
    assert 1 >= len([message for message in messages if not message.startswith("stages")])


def test_faults_of_all_parts_come_together_in_order() -> None:
    """One run shows every fault of a document, from its top to its end."""
    text = GOOD
    for old, new in (
        ("insurance_type: 310", "insurance_type: 31"),
        ("old: 70岁", "old: 70"),
        ("value: 24万元", "value: 24"),
        ("payer: large_amount", "payer: nobody"),
        ("says: not read yet", "says: "),
    ):
        text = changed(old, new, text)

    assert [
        *("insurance_type", "dimensions.age.ages.old", "tables.scope_cap.versions[0].value"),
        *("stages[1].payer", "gaps[0].says"),
    ] == [message.split(": ")[0] for message in faults(text)]


def test_an_unreadable_document_has_no_missing_keys() -> None:
    """What cannot be read at all is one fault, and not also eleven keys that are missing."""
    assert 1 == len(faults("a: [1"))
    assert 1 == len(faults("a:\n\tb: 1"))


def test_what_no_source_states_is_told_once() -> None:
    """Without sources the document lacks them, and not every citation is wrong as well."""
    start, end = GOOD.index("sources:"), GOOD.index("dimensions:")

    assert [
        ": 'sources' (where its values come from) is missing; it has no default, so write it"
    ] == (faults(GOOD[:start] + GOOD[end:]))


def _chain(stages: int) -> str:
    """Return a document in which each stage looks at all that the stages before it left."""
    bases = ["total"] + [
        ", ".join(f"s{earlier}.base" for earlier in range(number)) for number in range(1, stages)
    ]
    return _halves(bases)


def _halves(bases: list[str]) -> str:
    """Return a document whose stages pay half of some bases, so that something is always left."""
    head = GOOD[: GOOD.index("dimensions:")] + "tables:\n  half:\n    unit: rate\n"
    head += "    versions: [{from: 2024-01-01, source: notice, value: 50%}]\nstages:\n"
    asked = "rate: {pays: half}, rounding: {at: stage, side: payer, mode: down}"
    return head + "".join(
        f"  - {{stage: s{number}, payer: assistance, source: notice, base: [{base}], {asked}}}\n"
        for number, base in enumerate(bases)
    )


def test_a_base_stays_within_what_the_kernel_holds() -> None:
    """A base that doubles from stage to stage is refused at the first that could pass the bound."""
    doublings = (limits.BASE_FEN_MAX // limits.AMOUNT_FEN_MAX).bit_length()

    good(_chain(doublings + 1))
    [message] = faults(_chain(doublings + 2))

    assert message.startswith(f"stages[{doublings + 1}]: counting what earlier stages left, stage")


def test_the_number_of_stages_and_bands_is_bounded() -> None:
    """The last stage and band inside the bound are read, one more is refused."""
    head = GOOD[: GOOD.index("dimensions:")]
    most = limits.STAGES_PER_POLICY_MAX

    def stages(count: int) -> str:
        return _halves(["total"] * count)

    def bands(count: int) -> str:
        limit = ", ".join(f"{number + 1}元" for number in range(count))
        cells = ", ".join("5%" for _ in range(count))
        return (
            f"{head}tables:\n  r:\n    unit: rate\n    bands: yes\n    versions:\n"
            f"      - {{from: 2024-01-01, source: notice, limits: [{limit}], value: [{cells}]}}\n"
            "stages:\n  - stage: s\n    payer: assistance\n    source: notice\n    base: [total]\n"
            "    bands: {along: settlement, apply: marginal}\n    rate: {pays: r}\n"
            "    rounding: {at: band, side: own, mode: down}\n"
        )

    good(stages(most))
    assert [f"stages: {most + 1} stages, more than {most}; join some"] == faults(stages(most + 1))
    good(bands(limits.BANDS_PER_STAGE_MAX))
    assert ["tables.r.versions[0].limits: 17 bands, more than 16; join some"] == faults(bands(17))
