"""What a report says in sentences: the summary of a reform, and what all its figures assume."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from medsettle.core.money import half_away, yuan_from_fen
from medsettle.replay.compare import Comparison
from medsettle.replay.compare_options import CompareOptions
from medsettle.replay.figure_forms import (
    Figure,
    Shows,
    Words,
    percent_text,
    share_of,
    shown_text,
)
from medsettle.replay.history import INVENTED_POPULATION
from medsettle.replay.untouched import ClaimsAre, own_documents, untouched_words


def summary(reform: str, figures: Mapping[str, Figure]) -> Words:
    """Return what a reform would have meant, in a few plain sentences."""
    overview = figures["overview"].rows()[0]
    fund, growth = _change(figures["funds"], "fund_total", Shows.GROWTH)
    person, _ = _change(figures["funds"], "person_total", Shows.GROWTH)
    payouts, signed = _change(figures["funds"], "payouts", Shows.CHANGE)
    more = Words("more" if fund >= 0 else "less", "多" if fund >= 0 else "少")
    less = Words("more" if person >= 0 else "less", "多" if person >= 0 else "少")
    claims, persons, years = (overview[each] for each in ("claims", "persons", "person_years"))
    persons_told = _persons(figures["winners"], years, once=persons == years)
    beside = Words("", "")
    if payouts:
        beside = Words(
            f" What is paid beside the bill changes by {signed} yuan.",
            f"账外支付变化 {signed} 元。",
        )
    told = Words(
        f"With {reform}, funds would have paid {yuan_from_fen(abs(fund))} yuan {more.en} "
        f"({growth}), and persons {yuan_from_fen(abs(person))} yuan {less.en}, over {claims:,} "
        f"claims of {persons:,} persons from {overview['first_day']} to {overview['last_day']}. "
        f"{persons_told.en}{beside.en}",
        f"若实施 {reform}，基金将{more.zh}支付 {yuan_from_fen(abs(fund))} 元（{growth}），"
        f"个人{less.zh}负担 {yuan_from_fen(abs(person))} 元；涉及 {overview['first_day']} 至 "
        f"{overview['last_day']} {persons:,} 人的 {claims:,} 次结算。{persons_told.zh}{beside.zh}",
    )
    if overview["claims_changed"]:
        return told
    return Words(f"{_NO_EFFECT.en} {told.en}", f"{_NO_EFFECT.zh}{told.zh}")


def invented(source: Mapping[str, object]) -> list[Words]:
    """Return that nobody of a history exists, where it was drawn and not recorded.

    Args:
        source: What the history says it was made of. Of those that were drawn, it knows how many.
    """
    if source.get("made") != INVENTED_POPULATION:
        return []
    drawn = source.get("persons")
    if not isinstance(drawn, int):
        return [_INVENTED]
    return [
        Words(
            f"{_INVENTED.en} {drawn:,} persons were drawn; those without a claim are in no share.",
            f"{_INVENTED.zh}共虚构 {drawn:,} 人，其中没有结算者不计入任何占比。",
        )
    ]


_INVENTED = Words(
    "The persons and their claims are invented: nobody in them exists, and no figure here is one "
    "of a real province.",
    "参保人及其结算均为虚构，并无其人；本报告任何数字都不代表真实地区。",
)


_NO_EFFECT = Words(
    "No claim comes out otherwise, so this says nothing of what the reform costs.",
    "没有任何结算发生变化，因此本报告不说明该改革的费用影响。",
)


def warnings(comparison: Comparison) -> dict[str, Words]:
    """Return of each reform by which no claim comes out otherwise, why none does, by its name."""
    worlds = comparison.results.manifest.get("worlds", {})
    return {
        each.reform: _warning(each.reform, each.figures, worlds)
        for each in comparison.reforms
        if not each.figures["overview"].number("claims_changed")
    }


def _warning(reform: str, figures: Mapping[str, Figure], worlds: Mapping[str, Any]) -> Words:
    documents = own_documents(worlds, reform)
    rows = figures["policies"].rows()
    decided = sum(row["claims"] for row in rows if row["reform_policy"] in documents)
    if decided or not documents:
        return Words(
            f"{reform} changes nothing: none of the claims compared comes out otherwise, and its "
            f"documents decide {decided:,} of them.",
            f"{reform} 未改变任何结果：参与比较的结算结果均与现行相同，"
            f"其中 {decided:,} 次适用其文件。",
        )
    why = untouched_words(documents, ClaimsAre.compared(figures))
    return Words(
        f"{reform} decides none of the claims compared, so nothing could differ, and no figure "
        f"below is an effect of it. {why.en}",
        f"{reform} 不适用于任何参与比较的结算，因此不可能有差异，以下数字均非其效果。{why.zh}",
    )


def _change(funds: Figure, payer: str, shows: Shows) -> tuple[int, str]:
    """Return the change of a payer in fen, and what a column of the figure shows of it."""
    (row,) = [row for row in funds.rows() if row["payer"] == payer]
    (column,) = [column for column in funds.form.shown if column.shows is shows]
    change = row["change_fen"]
    assert isinstance(change, int)
    return change, shown_text(column, row)


def _persons(winners: Figure, years: int, *, once: bool) -> Words:
    """Return which shares of person-years gain and lose, and how much each on average.

    Where nobody counts twice, person-years are persons.
    """
    # Whoever had no claim is in no share: few histories know how many these are.
    years_word = Words("person-years with claims", "有结算的人年的")
    of = Words("persons with claims", "有结算的参保人的") if once else years_word
    english = {"gains": "Nobody would have gained", "loses": "nobody would have lost"}
    chinese = {"gains": "无人受益", "loses": "无人受损"}
    for row in winners.rows():
        side, persons, gain = str(row["side"]), row["person_years"], row["gain_fen"]
        share = share_of(row, ("person_years", "all_person_years"))
        assert isinstance(persons, int)
        assert isinstance(gain, int)
        if side not in english or share is None:
            continue
        each = yuan_from_fen(half_away(Fraction(abs(gain), persons)))
        verb, word = _SIDES[side]
        told = percent_text(share)
        english[side] = f"{told} of {of.en} would have {verb}, {each} yuan each on average"
        chinese[side] = f"{word}者占{of.zh} {told}，{word}者人均 {each} 元"
    counted = Words("", "")
    if not once:
        counted = Words(
            f" Of {years:,} person-years, a person counting once in each calendar year.",
            f"共 {years:,} 人年，同一人每个自然年计一次。",
        )
    return Words(
        f"{english['gains']}; {english['loses']}.{counted.en}",
        f"{chinese['gains']}；{chinese['loses']}。{counted.zh}",
    )


_SIDES = {"gains": ("gained", "受益"), "loses": ("lost", "受损")}


def assumptions(options: CompareOptions, source: Mapping[str, object]) -> list[Words]:
    """Return what the figures of every reform assume and leave out.

    Args:
        options: Of the comparison.
        source: What the history says it was made of.
    """
    return [
        *invented(source),
        _STATIC if options.response is None else _RESPONDING,
        Words(
            "Claims are settled in the order in which they were, with every counter and account "
            "carried on within each world.",
            "按原有顺序结算，各政策下的累计与个人账户分别延续。",
        ),
        Words(
            "Claims that were taken back, or that a world does not settle, are in no figure but "
            "the one that counts them.",
            "已撤销或未结算的记录只计入专门一表，不计入其他各表。",
        ),
        Words(
            "Person-years count a person once in each calendar year of service; persons are told "
            "by numbers. Shares are of persons or person-years with claims that are compared: who "
            "had none is in no count.",
            "人年指同一人每个自然年计一次；参保人以编号表示。"
            "占比以有结算且纳入比较的人数或人年为分母，没有结算的参保人不计入。",
        ),
        Words(
            "A person's part is account, relatives' money and cash of the bill. What is paid "
            "beside the bill, and premiums, are not in it.",
            "个人负担指账单内个人账户、共济与现金；账外支付与保费不在其内。",
        ),
        Words(
            "Amounts are whole fen. Shares are exact fractions of two columns, rounded half away "
            "from zero where they are shown.",
            "金额为整分；比例为两列的精确分数，仅显示时四舍五入。",
        ),
    ]


_STATIC = Words(
    "Visits, items and prices are those recorded: nobody comes more or less often, and no hospital "
    "bills otherwise. No response of utilisation is assumed.",
    "就诊、项目与价格均按记录：不考虑就诊次数与医院收费行为的变化，未假设使用量对价格的反应。",
)
_RESPONDING = Words(
    "Visits, items and prices are those recorded in every figure but one: “Budget effect with a "
    "response” assumes that people use more of what costs them less, and says how far. No hospital "
    "bills otherwise in any.",
    "除“考虑需求反应的预算影响”一表外，就诊、项目与价格均按记录；"
    "该表假设自付价格下降则使用增加，并说明程度。各表均不考虑医院收费行为的变化。",
)
