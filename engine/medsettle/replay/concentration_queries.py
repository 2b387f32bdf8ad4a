"""The figures of a comparison that look at how cost lies on few persons."""

from typing import Final

from medsettle.replay.compare_queries import PERSON_YEARS, persons_of, ranked_persons
from medsettle.replay.figure_forms import FigureForm, Shown, Shows, Words

TOP_PERCENT: Final = (1, 5, 10)
CURVE_STEPS: Final = 20
"""The concentration curve has a point each 5 % of persons."""

CONCENTRATED: Final = (
    ("total_fen", Words("Cost", "医疗费")),
    ("baseline_fund_total_fen", Words("Funds, before", "基金（现行）")),
    ("reform_fund_total_fen", Words("Funds, after", "基金（改革）")),
    ("baseline_person_total_fen", Words("Persons' part, before", "个人负担（现行）")),
    ("reform_person_total_fen", Words("Persons' part, after", "个人负担（改革）")),
)


def concentration_figures(reform: str) -> list[FigureForm]:
    """Return the figures of a reform that look at how cost lies on few persons."""
    return [_tops(reform), _curve(reform), _inequality(reform)]


def _tops(reform: str) -> FigureForm:
    sums = ",\n".join(
        f"    sum({name}) filter (n - rank < (percent * n + 99) // 100)::bigint as {name},\n"
        f"    sum({name})::bigint as all_{name}"
        for name, _ in CONCENTRATED
    )
    percents = ", ".join(map(str, TOP_PERCENT))
    sql = f"""\
select
    percent,
    count(*) filter (n - rank < (percent * n + 99) // 100) as person_years,
{sums}
from {ranked_persons(reform)}, (select unnest([{percents}]) as percent)
group by percent
order by percent"""  # noqa: S608
    return FigureForm(
        "top_shares",
        Words("What the costliest take", "高费用人群占比"),
        Words(
            "Of the person-years with claims, in order of their cost, the last so many percent, "
            "counted up to a whole one.",
            "有结算的人年按年度费用排序，最高的若干百分比，向上取整。",
        ),
        sql,
        (
            Shown("percent", Words("The costliest", "最高"), Shows.PERCENT),
            PERSON_YEARS,
            *(
                Shown(f"{name}_share", words, Shows.SHARE, (name, f"all_{name}"))
                for name, words in CONCENTRATED
            ),
        ),
    )


def _curve(reform: str) -> FigureForm:
    by_step = ",\n".join(f"    sum({name})::bigint as {name}" for name, _ in CONCENTRATED)
    running = ",\n".join(
        f"    coalesce(sum({name}) over (order by step), 0)::bigint as {name},\n"
        f"    coalesce(sum({name}) over (), 0)::bigint as all_{name}"
        for name, _ in CONCENTRATED
    )
    sql = f"""\
with steps as (
    select (rank * {CURVE_STEPS} + n - 1) // n as step, count(*) as person_years,
{by_step}
    from {ranked_persons(reform)}
    group by step
)
select
    step * {100 // CURVE_STEPS} as percent,
    coalesce(sum(person_years) over (order by step), 0)::bigint as person_years,
{running}
from (select unnest(range({CURVE_STEPS + 1})) as step) left join steps using (step)
order by step"""  # noqa: S608
    return FigureForm(
        "concentration",
        Words("Concentration curve", "集中曲线"),
        Words(
            "Person-years with claims, in order of their cost, and what the first so many percent "
            "of them take.",
            "有结算的人年按年度费用由低到高排序，累计占比。",
        ),
        sql,
        (
            Shown("percent", Words("Person-years up to", "累计人年"), Shows.PERCENT),
            *(
                Shown(f"{name}_share", words, Shows.SHARE, (name, f"all_{name}"))
                for name, words in CONCENTRATED
            ),
        ),
    )


def _inequality(reform: str) -> FigureForm:
    selects = [
        f"""\
select
    '{name}' as measured, {place} as place,
    count(*) as n,
    sum({name})::varchar as sum,
    sum(place_of * {name}::hugeint)::varchar as weighted
from (
    select {name}, row_number() over (order by {name}, person) as place_of
    from {persons_of(reform)}
)"""  # noqa: S608
        for place, (name, _) in enumerate(CONCENTRATED)
    ]
    return FigureForm(
        "inequality",
        Words("Gini coefficients", "基尼系数"),
        Words(
            "With n person-years in order of x, S the sum of x and W that of place times x, the "
            "Gini coefficient is (2 W − (n + 1) S) / (n S): an exact fraction, rounded here.",
            "n 人年按 x 排序，S 为 x 之和，W 为序号乘 x 之和，基尼系数为 "
            "(2W − (n+1)S) / (nS)，为精确分数，此处四舍五入。",
        ),
        "\nunion all\n".join(selects) + "\norder by place",
        (
            Shown("measured", Words("Of", "项目"), Shows.TEXT, codes="measured"),
            Shown("n", PERSON_YEARS.words, Shows.COUNT),
            Shown("gini", Words("Gini", "基尼系数"), Shows.GINI),
        ),
    )
