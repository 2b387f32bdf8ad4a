"""The figures of a comparison that look at claims: funds, groups of claims, and months.

Each is a text of SQL over `claims.parquet` or `persons.parquet` of a reform, as DuckDB runs it in
the folder of the comparison.
"""

import itertools
from typing import Final

from medsettle.core import code_words, codes
from medsettle.core.sql_text import quoted
from medsettle.replay.compare_claims import CLAIMS_FILE, PAYMENTS, PERSONS_FILE
from medsettle.replay.figure_forms import FigureForm, Shown, Shows, Words

AGE_EDGES: Final = (0, 15, 45, 60, 70, 80)
"""First ages of bands: children, adults, and the old by tens, as health statistics have them."""

CLAIMS: Final = Shown("claims", Words("Claims", "结算人次"), Shows.COUNT)
PERSONS: Final = Shown("persons", Words("Persons", "人数"), Shows.COUNT)
PERSON_YEARS: Final = Shown("person_years", Words("Person-years", "人年"), Shows.COUNT)
"""A person counts once in each calendar year of service."""
OF_WHOM: Final = Words("Shares are of person-years with claims.", "占比以有结算的人年为分母。")
COST: Final = Shown("total_fen", Words("Cost", "医疗费总额"), Shows.FEN)

_NO_NOTE: Final = Words("", "")


def claims_of(reform: str) -> str:
    """Return the file of claims as a query names it."""
    return quoted(f"{reform}/{CLAIMS_FILE}")


def persons_of(reform: str) -> str:
    """Return the file of persons as a query names it."""
    return quoted(f"{reform}/{PERSONS_FILE}")


def claim_figures(reform: str) -> list[FigureForm]:
    """Return the figures of a reform that look at claims."""
    return [
        _overview(reform),
        _policies(reform),
        _funds(reform),
        *(_group(reform, *each) for each in _GROUPS),
        _deciles(reform),
    ]


def _overview(reform: str) -> FigureForm:
    sql = f"""\
select
    count(*) as claims,
    count(distinct person_over_years) as persons,
    count(distinct person) as person_years,
    min(service_date) as first_day,
    max(service_date) as last_day,
    count(*) filter (
        {_any_payment_differs()}
    ) as claims_changed,
    sum(total_fen)::bigint as total_fen
from {claims_of(reform)}"""  # noqa: S608 - a file of our own, quoted; so are all below
    return FigureForm(
        "overview",
        Words("What is compared", "比较范围"),
        Words(
            "Claims that stand and are settled in both worlds. Person-years count a person once in "
            "each calendar year of service, as all figures below do.",
            "两种政策下均已结算且未撤销的结算。人年指同一人每个自然年计一次，以下各表均按人年计。",
        ),
        sql,
        (
            CLAIMS,
            PERSONS,
            PERSON_YEARS,
            Shown("first_day", Words("First day", "首日"), Shows.DAY),
            Shown("last_day", Words("Last day", "末日"), Shows.DAY),
            Shown("claims_changed", Words("Claims that change", "金额变化的结算"), Shows.COUNT),
            Shown(
                "claims_changed_share",
                Words("Share of claims", "占比"),
                Shows.SHARE,
                ("claims_changed", "claims"),
            ),
            COST,
        ),
    )


def _any_payment_differs() -> str:
    pairs = [f"baseline_{name}_fen <> reform_{name}_fen" for name in (*PAYMENTS, "payouts")]
    return "\n        or ".join(pairs)


def _worlds(name: str, words: Words, *, on_page: bool = True) -> tuple[Shown, ...]:
    return (
        Shown(
            f"baseline_{name}_fen",
            Words(f"{words.en}, before", f"{words.zh}（现行）"),
            Shows.FEN,
            on_page=on_page,
        ),
        Shown(
            f"reform_{name}_fen",
            Words(f"{words.en}, after", f"{words.zh}（改革）"),
            Shows.FEN,
            on_page=on_page,
        ),
        Shown(
            f"{name}_change_fen", Words(f"{words.en}, change", f"{words.zh}（变化）"), Shows.CHANGE
        ),
    )


def _funds(reform: str) -> FigureForm:
    rows = [*PAYMENTS, "fund_total", "person_total", "payouts"]
    names = ", ".join(quoted(name) for name in rows)
    sums = {
        world: ", ".join(f"sum({world}_{name}_fen)::bigint" for name in rows)
        for world in ("baseline", "reform")
    }
    sql = f"""\
select payer, baseline_fen, reform_fen, reform_fen - baseline_fen as change_fen
from (
    select
        unnest([{names}]) as payer,
        unnest(baseline) as baseline_fen,
        unnest(reform) as reform_fen,
        unnest(range({len(rows)})) as place
    from (
        select
            [{sums["baseline"]}] as baseline,
            [{sums["reform"]}] as reform
        from {claims_of(reform)}
    )
)
order by place"""  # noqa: S608
    return FigureForm(
        "funds",
        Words("Who pays", "各方支付"),
        Words(
            "Every payer and cash add up to the cost. Fund total and person total are sums of "
            "them; payouts are paid beside the bill.",
            "各方支付与个人现金合计等于医疗费总额；基金合计、个人合计为其小计；账外支付不在费用之内。",
        ),
        sql,
        (
            Shown("payer", Words("Payer", "支付方"), Shows.TEXT, codes="payer"),
            Shown("baseline_fen", Words("Before", "现行"), Shows.FEN),
            Shown("reform_fen", Words("After", "改革"), Shows.FEN),
            Shown("change_fen", Words("Change", "变化"), Shows.CHANGE),
            Shown("growth", Words("Growth", "增幅"), Shows.GROWTH, ("change_fen", "baseline_fen")),
        ),
    )


def _policies(reform: str) -> FigureForm:
    sql = f"""\
select
    baseline_policy, reform_policy,
    count(*) as claims,
    sum(total_fen)::bigint as total_fen,
    sum(reform_fund_total_fen - baseline_fund_total_fen)::bigint as change_fen
from {claims_of(reform)}
group by all
order by all"""  # noqa: S608
    return FigureForm(
        "policies",
        Words("Which policies settled", "适用的政策"),
        _NO_NOTE,
        sql,
        (
            Shown("baseline_policy", Words("Policy, before", "政策（现行）"), Shows.TEXT),
            Shown("reform_policy", Words("Policy, after", "政策（改革）"), Shows.TEXT),
            CLAIMS,
            COST,
            Shown("change_fen", Words("Funds, change", "基金（变化）"), Shows.CHANGE),
        ),
    )


def _age_band() -> str:
    bands = [
        f"when age < {after} then '{first:02d}–{after - 1:02d}'"
        for first, after in itertools.pairwise(AGE_EDGES)
    ]
    return f"case {' '.join(bands)} else '{AGE_EDGES[-1]}+' end"


AGE_BAND: Final = _age_band()
"""The band of `age` in SQL; the texts stand in order of age."""

AGE_NOTE: Final = Words(
    "Full years at the first visit of the calendar year, so that each person-year is in one band.",
    "年龄为当年首次就诊时的周岁，每一人年只在一个年龄段。",
)
"""Every figure by age has the one rule, so that their person-years are the same."""


def _levels() -> dict[str, list[str]]:
    """Return the codes of each hospital level, by all of them as one text, in their order."""
    of_word: dict[tuple[str, str], list[str]] = {}
    for code, words in code_words.HOSPITAL_LEVEL_WORDS.items():
        of_word.setdefault(words, []).append(code)
    return {", ".join(own): own for own in of_word.values()}


LEVELS: Final = _levels()
"""Which code is which grade inside a level is of each area, so that the codes of one stand
together; one that no list knows stands alone."""


def _level() -> str:
    lists = [(", ".join(map(quoted, own)), quoted(text)) for text, own in LEVELS.items()]
    whens = [f"when institution_level in ({own}) then {text}" for own, text in lists]
    return f"case {' '.join(whens)} else institution_level end"


# Name, what is grouped by, its words, and the code list whose words are shown.
_GROUPS: Final = (
    ("by_area", "pooling_area", Words("By pooling area", "按统筹区"), "", _NO_NOTE),
    (
        "by_insurance",
        "insurance_type",
        Words("By insurance type", "按险种"),
        "insurance_type",
        _NO_NOTE,
    ),
    ("by_visit", "visit_type", Words("By visit type", "按医疗类别"), "visit_type", _NO_NOTE),
    (
        "by_level",
        _level(),
        Words("By hospital level", "按医院等级"),
        "institution_level",
        Words(
            "The codes of a level stand together: which of them is which grade is of each area.",
            "同一等级的代码合计；各代码对应的等次由各统筹区规定。",
        ),
    ),
    (
        "by_person_type",
        "person_type",
        Words("By person type", "按人员类别"),
        "person_type",
        _NO_NOTE,
    ),
    (
        "by_benefit_group",
        "unnest(case when len(benefit_groups) = 0 then ['-'] else benefit_groups end)",
        Words("By benefit group", "按人员身份"),
        "",
        Words(
            "Who has several groups is counted in each of them, so the rows add up to more.",
            "有多种身份者在各行分别计数，各行之和大于合计。",
        ),
    ),
    (
        "by_age",
        AGE_BAND,
        Words("By age", "按年龄"),
        "",
        AGE_NOTE,
    ),
    ("by_month", "month", Words("By month of service", "按结算月份"), "", _NO_NOTE),
)


def _group(
    reform: str, name: str, key: str, words: Words, code_list: str, note: Words
) -> FigureForm:
    # Within a month nobody counts twice.
    counted = PERSONS if key == "month" else PERSON_YEARS
    source = _aged_claims(reform) if key == AGE_BAND else claims_of(reform)
    sql = f"""\
select
    {key} as grouped,
    count(*) as claims,
    count(distinct person) as {counted.name},
    sum(total_fen)::bigint as total_fen,
{_sums()}
from {source}
group by grouped
order by grouped"""  # noqa: S608
    head = words.en.removeprefix("By ").capitalize()
    return FigureForm(
        name,
        words,
        note,
        sql,
        (
            Shown("grouped", Words(head, words.zh.removeprefix("按")), Shows.TEXT, codes=code_list),
            *_group_columns(counted),
        ),
    )


def _aged_claims(reform: str) -> str:
    """Return claims of which each has the age of its person-year in place of its own."""
    return f"""\
(select * exclude (age) from {claims_of(reform)})
join (select person, age from {persons_of(reform)}) using (person)"""  # noqa: S608


def _sums() -> str:
    return ",\n".join(
        f"    sum(baseline_{name}_fen)::bigint as baseline_{name}_fen,\n"
        f"    sum(reform_{name}_fen)::bigint as reform_{name}_fen,\n"
        f"    sum(reform_{name}_fen - baseline_{name}_fen)::bigint as {name}_change_fen"
        for name in ("fund_total", "person_total")
    )


def _group_columns(counted: Shown = PERSON_YEARS) -> tuple[Shown, ...]:
    return (
        CLAIMS,
        counted,
        COST,
        *_worlds("fund_total", Words("Funds", "基金")),
        Shown(
            "growth",
            Words("Funds, growth", "基金（增幅）"),
            Shows.GROWTH,
            ("fund_total_change_fen", "baseline_fund_total_fen"),
        ),
        *_worlds("person_total", Words("Persons' part", "个人负担"), on_page=False),
    )


def _deciles(reform: str) -> FigureForm:
    sql = f"""\
select
    decile as grouped,
    sum(claims)::bigint as claims,
    count(*) as person_years,
    sum(total_fen)::bigint as total_fen,
{_sums()}
from {ranked_persons(reform)}
group by decile
order by decile"""  # noqa: S608
    return FigureForm(
        "by_decile",
        Words("By decile of cost", "按费用十分位"),
        Words(
            "Person-years in order of their cost, the first tenth having the least.",
            "按人年的年度费用由低到高分为十组。",
        ),
        sql,
        (
            Shown("grouped", Words("Decile", "十分位"), Shows.COUNT),
            *_group_columns(),
        ),
    )


def ranked_persons(reform: str) -> str:
    """Return person-years: what they gain, their rank by cost from 1, their number, and decile."""
    return f"""\
(
    select
        *,
        baseline_person_total_fen - reform_person_total_fen as gain_fen,
        row_number() over (order by total_fen, person) as rank,
        count(*) over () as n,
        ntile(10) over (order by total_fen, person) as decile
    from {persons_of(reform)}
)"""  # noqa: S608


def response_cells(reform: str, since: str) -> str:
    """Return the query of what patients face alike, for claims from a day on."""
    sums = ",\n".join(
        f"    sum({name}_fen)::bigint as {name}_fen"
        for name in (
            "total",
            "baseline_person_total",
            "reform_person_total",
            "reform_fund_total",
            *(f"reform_{name}" for name in codes.PAYER_NAMES),
        )
    )
    return f"""\
select
    pooling_area, insurance_type, visit_type, institution_level,
{sums}
from {claims_of(reform)}
where service_date >= date '{since}'
group by all
order by all"""  # noqa: S608
