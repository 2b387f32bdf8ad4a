"""The figures of a comparison that look at persons: who gains, who loses, who bears how much."""

import itertools
from collections.abc import Sequence
from typing import Final

from medsettle import limits
from medsettle.core.money import FEN_PER_YUAN
from medsettle.replay.compare_options import CompareOptions
from medsettle.replay.compare_queries import (
    AGE_BAND,
    AGE_NOTE,
    OF_WHOM,
    PERSON_YEARS,
    persons_of,
    ranked_persons,
)
from medsettle.replay.concentration_queries import concentration_figures
from medsettle.replay.figure_forms import FigureForm, Shown, Shows, Words

QUANTILES: Final = (1, 5, 10, 25, 50, 75, 90, 95, 99)

_EDGES_YUAN: Final = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
"""Edges of the histogram, the same on both sides of nothing; invented, and fixed so that reforms
compare."""

_GAIN = Words(
    "A gain is what a person bears less in a year (account, relatives' money and cash); a loss is "
    f"more. {OF_WHOM.en}",
    f"受益指年度个人负担（个人账户、共济、现金）减少，受损指增加。{OF_WHOM.zh}",
)


def person_figures(reform: str, options: CompareOptions) -> list[FigureForm]:
    """Return the figures of a reform that look at persons.

    Args:
        reform: The world beside the baseline.
        options: Thresholds.
    """
    return [
        _winners(reform),
        _split(reform, "winners_by_decile", "decile", Words("Decile", "十分位"), "按费用十分位"),
        _split(reform, "winners_by_age", AGE_BAND, Words("Age", "年龄"), "按年龄"),
        _quantiles(reform),
        _histogram(reform),
        _changes(reform, options.change_fen),
        _burden(reform, options),
        *concentration_figures(reform),
    ]


def _winners(reform: str) -> FigureForm:
    sql = f"""\
select
    case when gain_fen > 0 then 'gains' when gain_fen < 0 then 'loses' else 'same' end as side,
    count(*) as person_years,
    any_value(n) as all_person_years,
    sum(gain_fen)::bigint as gain_fen
from {ranked_persons(reform)}
group by side
order by side"""  # noqa: S608 - a file of our own, quoted; so are all below
    return FigureForm(
        "winners",
        Words("Who gains and who loses", "受益与受损"),
        _GAIN,
        sql,
        (
            Shown("side", Words("Person-year", "人年"), Shows.TEXT, codes="side"),
            PERSON_YEARS,
            _share_of_all("person_years"),
            Shown("gain_fen", Words("Gain in all", "受益合计"), Shows.CHANGE),
            Shown(
                "mean",
                Words("Gain, per gainer or loser", "受益者或受损者人均受益"),
                Shows.MEAN,
                ("gain_fen", "person_years"),
            ),
        ),
    )


def _share_of_all(name: str, words: Words | None = None) -> Shown:
    head = words or Words("Share of person-years", "人年占比")
    return Shown(f"{name}_share", head, Shows.SHARE, (name, "all_person_years"))


def _split(reform: str, name: str, key: str, words: Words, zh: str) -> FigureForm:
    sql = f"""\
select
    {key} as grouped,
    count(*) as all_person_years,
    count(*) filter (gain_fen > 0) as winners,
    count(*) filter (gain_fen < 0) as losers,
    coalesce(sum(gain_fen) filter (gain_fen > 0), 0)::bigint as gain_fen,
    coalesce(sum(gain_fen) filter (gain_fen < 0), 0)::bigint as loss_fen,
    sum(gain_fen)::bigint as net_fen
from {ranked_persons(reform)}
group by grouped
order by grouped"""  # noqa: S608
    shows = Shows.COUNT if key == "decile" else Shows.TEXT
    by, note = "decile of cost", _GAIN
    if key != "decile":
        by = "age"
        note = Words(f"{_GAIN.en} {AGE_NOTE.en}", f"{_GAIN.zh}{AGE_NOTE.zh}")
    return FigureForm(
        name,
        Words(f"Who gains and loses, by {by}", f"受益与受损，{zh}"),
        note,
        sql,
        (
            Shown("grouped", words, shows),
            Shown("all_person_years", PERSON_YEARS.words, Shows.COUNT),
            Shown("winners", Words("Gain", "受益人年"), Shows.COUNT),
            _share_of_all("winners", Words("Share gaining", "受益占比")),
            Shown("losers", Words("Lose", "受损人年"), Shows.COUNT),
            _share_of_all("losers", Words("Share losing", "受损占比")),
            Shown("gain_fen", Words("Gains", "受益额"), Shows.CHANGE),
            Shown("loss_fen", Words("Losses", "受损额"), Shows.CHANGE),
            Shown(
                "mean",
                Words("Net gain, per person-year of the row", "该组全体人均净受益"),
                Shows.MEAN,
                ("net_fen", "all_person_years"),
            ),
        ),
    )


def _quantiles(reform: str) -> FigureForm:
    percents = ", ".join(map(str, QUANTILES))
    sql = f"""\
with counted as (
    select gain_fen, count(*) as person_years from {ranked_persons(reform)} group by gain_fen
),
reached as (
    select
        gain_fen,
        sum(person_years) over (order by gain_fen) as below,
        sum(person_years) over () as n
    from counted
),
reached_changed as (
    select
        gain_fen,
        sum(person_years) over (order by gain_fen) as below,
        sum(person_years) over () as n
    from counted
    where gain_fen <> 0
),
percents as (select unnest([{percents}]) as percent)
select
    percent,
    (select min(gain_fen) from reached where 100 * below >= percent * n) as gain_fen,
    (
        select min(gain_fen) from reached_changed where 100 * below >= percent * n
    ) as changed_gain_fen
from percents
order by percent"""  # noqa: S608
    return FigureForm(
        "quantiles",
        Words("Distribution of gains", "受益分布（分位数）"),
        Words(
            "That many percent of person-years gain this amount or less; a negative amount is a "
            "loss.",
            "该比例的人年受益不超过此金额；负数为受损。",
        ),
        sql,
        (
            Shown("percent", Words("Quantile", "分位"), Shows.PERCENT),
            Shown("gain_fen", Words("Of all person-years", "全部人年"), Shows.CHANGE),
            Shown(
                "changed_gain_fen",
                Words("Of those who gain or lose", "受益或受损者"),
                Shows.CHANGE,
            ),
        ),
    )


def histogram_bins() -> list[tuple[int, int]]:
    """Return the bins of the histogram: the least and the most fen of each, both within it.

    The first begins and the last ends where no sum of a person can be.
    """
    most = limits.INT64_MAX
    edges = [0, *(yuan * FEN_PER_YUAN for yuan in _EDGES_YUAN), most]
    above = [(low + 1, high) for low, high in itertools.pairwise(edges)]
    return [*((-high, -low) for low, high in reversed(above)), (0, 0), *above]


def _histogram(reform: str) -> FigureForm:
    found = histogram_bins()
    bins = ", ".join(f"({at}, {low}, {high})" for at, (low, high) in enumerate(found))
    last = len(found) - 1
    sql = f"""\
with bins(bin, low_fen, high_fen) as (values {bins}),
gains as (select gain_fen, n from {ranked_persons(reform)})
select
    bin,
    any_value(low_fen) filter (bin > 0)::bigint as low_fen,
    any_value(high_fen) filter (bin < {last})::bigint as high_fen,
    count(gain_fen) as person_years,
    (select count(*) from gains) as all_person_years,
    coalesce(sum(gain_fen), 0)::bigint as gain_fen
from bins left join gains on gain_fen between low_fen and high_fen
group by bin
order by bin"""  # noqa: S608
    return FigureForm(
        "histogram",
        Words("Person-years by gain", "按受益额分布"),
        Words(
            "Losses below, gains above nothing; the edges are fixed. The first and the last row "
            f"have no end. {OF_WHOM.en}",
            f"负为受损，正为受益；组距固定，首末两行不封口。{OF_WHOM.zh}",
        ),
        sql,
        (
            Shown("low_fen", Words("From", "自"), Shows.CHANGE),
            Shown("high_fen", Words("To", "至"), Shows.CHANGE),
            PERSON_YEARS,
            _share_of_all("person_years"),
            Shown("gain_fen", Words("Gain in all", "受益合计"), Shows.CHANGE),
        ),
    )


def _changes(reform: str, thresholds: Sequence[int]) -> FigureForm:
    sql = f"""\
select
    threshold_fen::bigint as threshold_fen,
    count(*) as all_person_years,
    count(*) filter (gain_fen >= threshold_fen) as winners,
    count(*) filter (-gain_fen >= threshold_fen) as losers
from {ranked_persons(reform)}, (select unnest([{", ".join(map(str, thresholds))}]) as threshold_fen)
group by threshold_fen
order by threshold_fen"""  # noqa: S608
    return FigureForm(
        "large_changes",
        Words("Large gains and losses", "较大的受益与受损"),
        Words(
            f"The thresholds are an option of this report. {OF_WHOM.en}",
            f"门槛为本报告的选项。{OF_WHOM.zh}",
        ),
        sql,
        (
            Shown("threshold_fen", Words("At least", "不低于"), Shows.FEN),
            Shown("winners", Words("Gain", "受益人年"), Shows.COUNT),
            _share_of_all("winners", Words("Share gaining", "受益占比")),
            Shown("losers", Words("Lose", "受损人年"), Shows.COUNT),
            _share_of_all("losers", Words("Share losing", "受损占比")),
        ),
    )


def _burden(reform: str, options: CompareOptions) -> FigureForm:
    of_cost = ", ".join(map(str, options.burden_percent))
    of_yuan = ", ".join(map(str, options.burden_fen))
    sql = f"""\
select
    'cost' as measured, percent, null::bigint as threshold_fen,
    count(*) as all_person_years,
    count(*) filter (100 * baseline_person_total_fen::hugeint > percent * total_fen) as before,
    count(*) filter (100 * reform_person_total_fen::hugeint > percent * total_fen) as after
from {persons_of(reform)}, (select unnest([{of_cost}]) as percent)
group by percent
union all
select
    'amount' as measured, null as percent, threshold_fen::bigint as threshold_fen,
    count(*) as all_person_years,
    count(*) filter (baseline_person_total_fen > threshold_fen) as before,
    count(*) filter (reform_person_total_fen > threshold_fen) as after
from {persons_of(reform)}, (select unnest([{of_yuan}]) as threshold_fen)
group by threshold_fen
order by measured desc, percent, threshold_fen"""  # noqa: S608
    return FigureForm(
        "burden",
        Words("Heavy burdens", "个人负担较重者"),
        Words(
            "Person-years in which a person's part is above a share of their cost, or an amount. "
            "10 and 25 % are those of SDG indicator 3.8.2 and 40 % that of the WHO, both of what "
            "a household spends or can pay, which claims do not tell; the amounts are an option. "
            f"{OF_WHOM.en}",
            "年度个人负担超过其年度费用的一定比例或一定金额的人年。10%、25% 为可持续发展目标指标 "
            "3.8.2 的门槛，40% 为世界卫生组织的门槛，二者以家庭支出或支付能力为分母，"
            "结算数据不含，故此处以费用为分母；金额门槛为选项。"
            f"{OF_WHOM.zh}",
        ),
        sql,
        (
            Shown("measured", Words("Above", "超过"), Shows.TEXT, codes="measured"),
            Shown("percent", Words("Share", "比例"), Shows.PERCENT),
            Shown("threshold_fen", Words("Amount", "金额"), Shows.FEN),
            Shown("before", Words("Person-years, before", "人年（现行）"), Shows.COUNT),
            _share_of_all("before", Words("Share, before", "占比（现行）")),
            Shown("after", Words("Person-years, after", "人年（改革）"), Shows.COUNT),
            _share_of_all("after", Words("Share, after", "占比（改革）")),
        ),
    )
