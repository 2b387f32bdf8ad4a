"""The charts of a report: what people who plan budgets look at first.

Each is drawn from a figure of the page, which has the same numbers in a table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from xml.etree import ElementTree

from medsettle.replay.concentration_queries import CONCENTRATED
from medsettle.replay.figure_forms import Figure, Words, share_of
from medsettle.replay.report_drawing import (
    AFTER,
    BEFORE,
    GAIN,
    INK,
    LOSS,
    OTHER,
    Unit,
    drawn,
    scaled,
)
from medsettle.replay.report_words import Language, cell_words, first, payer_words

_BAR: Final = 0.38
_OF_YEARS: Final = Words("% of person-years with claims", "占有结算的人年 %")
_SUMS: Final = {"fund_total", "person_total", "payouts"}
_AMOUNTS: Final = ("funds", "by_age", "by_level", "by_month")
"""Figures whose charts are of amounts of all persons together."""

_CHANGES: Final = (
    ("fund_total_change_fen", AFTER, Words("Funds", "基金")),
    ("person_total_change_fen", OTHER, Words("Persons", "个人")),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: the figure it is of, its heading, what it shows in a sentence, and its SVG."""

    figure: str
    words: Words
    says: Words
    svg: ElementTree.Element


def unit_of(reforms: Sequence[Mapping[str, Figure]]) -> Unit:
    """Return the unit of all amounts that charts draw of some reforms."""
    every = (
        fen for figures in reforms for figure in _AMOUNTS for fen in _drawn_fen(figures[figure])
    )
    return scaled([*every])


def _drawn_fen(figure: Figure) -> Iterator[int]:
    columns = ("change_fen",) if figure.form.name == "funds" else [name for name, _, _ in _CHANGES]
    for row in _payers(figure) if figure.form.name == "funds" else figure.rows():
        yield from (_fen(row, name) for name in columns)


def charts(name: str, figures: Mapping[str, Figure], language: Language, unit: Unit) -> list[Chart]:
    """Return the charts of a reform.

    Args:
        name: Unlike that of any other reform of the page.
        figures: By name.
        language: Of the words within the charts.
        unit: Of the amounts within them (`unit_of`).

    Raises:
        Precondition: matplotlib is not installed.
    """
    return [
        Chart(
            figure,
            words,
            says,
            drawn(
                f"{name}-{figure}",
                partial(
                    draw,
                    figure=figures[figure],
                    language=language,
                    **({"scale": unit} if figure in _AMOUNTS else {}),
                ),
            ),
        )
        for figure, words, says, draw in _CHARTS
    ]


def _payers(figure: Figure) -> list[dict[str, Any]]:
    return [
        row
        for row in figure.rows()
        if row["payer"] not in _SUMS and (row["baseline_fen"] or row["reform_fen"])
    ]


def _funds(axes: Any, figure: Figure, language: Language, scale: Unit) -> None:  # noqa: ANN401
    rows = _payers(figure)
    unit, english, chinese = scale
    changes = [_fen(row, "change_fen") / unit for row in rows]
    places = range(len(rows))
    colours = [AFTER if change >= 0 else BEFORE for change in changes]
    axes.barh(places, changes, color=colours, height=0.6)
    names = [first(payer_words(str(row["payer"])), language) for row in rows]
    axes.set_yticks(places, [_padded(name, language) for name in names])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(_unit("pays more", "支付增加", english, chinese, language))


def _padded(name: str, language: Language) -> str:
    """Return a name with room: Chinese is measured in a font that has narrower boxes for it."""
    return "  " * len(name) + name if language is Language.ZH else name


def _change_by(axes: Any, figure: Figure, language: Language, scale: Unit) -> None:  # noqa: ANN401
    rows = figure.rows()
    unit, english, chinese = scale
    for at, (name, colour, words) in enumerate(_CHANGES):
        axes.bar(
            [place + (at - 0.5) * _BAR for place in range(len(rows))],
            [_fen(row, name) / unit for row in rows],
            width=_BAR,
            color=colour,
            label=first(words, language),
        )
    _groups(axes, figure, language)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_ylabel(_unit("pay more", "支付增加", english, chinese, language))
    axes.legend(loc="best")


def _groups(axes: Any, figure: Figure, language: Language) -> None:  # noqa: ANN401
    texts = []
    for row in figure.rows():
        text, words = cell_words(figure.form.shown[0], row, language)
        texts.append(text if words is None else f"{text}\n{first(words, language)}")
    # Every label has the width of the widest, for the bars stand evenly.
    widest = max((len(line) for text in texts for line in text.split("\n")), default=0)
    long = widest * len(texts) > _CHARACTERS_ABREAST
    axes.set_xticks(range(len(texts)), texts, rotation=90 if long else 0)
    axes.grid(visible=False, axis="x")


_CHARACTERS_ABREAST: Final = 60


def _winners(axes: Any, figure: Figure, language: Language) -> None:  # noqa: ANN401
    rows = figure.rows()
    for name, colour, sign, words in (
        ("winners", GAIN, 1, Words("Gain", "受益")),
        ("losers", LOSS, -1, Words("Lose", "受损")),
    ):
        axes.bar(
            range(len(rows)),
            [sign * _percent(row, name, "all_person_years") for row in rows],
            color=colour,
            label=first(words, language),
        )
    _groups(axes, figure, language)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_ylabel(first(_OF_YEARS, language))
    axes.set_xlabel(first(Words("decile of cost", "费用十分位"), language))
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.legend(loc="best")


def _histogram(axes: Any, figure: Figure, language: Language) -> None:  # noqa: ANN401
    rows = [row for row in figure.rows() if row["low_fen"] != 0]
    labels = [_edge(row) for row in rows]
    colours = [LOSS if _fen(row, "low_fen", -1) < 0 else GAIN for row in rows]
    axes.bar(
        range(len(rows)),
        [_percent(row, "person_years", "all_person_years") for row in rows],
        color=colours,
    )
    axes.set_xticks(range(len(rows)), labels, rotation=90)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(first(_OF_YEARS, language))
    axes.set_xlabel(
        first(
            Words(
                "gain in yuan, up to (losses: from); without those who stay the same",
                "受益额（元）上限（受损为下限）；不含不变者",
            ),
            language,
        )
    )


def _edge(row: Mapping[str, object]) -> str:
    """Return the outer edge of a bin in yuan; the open ones begin at their inner edge."""
    low, high = row["low_fen"], row["high_fen"]
    if high is None:
        return f">{(_fen(row, 'low_fen') - 1) // 100:,}"
    if low is None:
        return f"<−{-(_fen(row, 'high_fen') + 1) // 100:,}"
    outer = _fen(row, "low_fen") if _fen(row, "low_fen") < 0 else _fen(row, "high_fen")
    return f"{outer // 100:,}".replace("-", "−")


def _concentration(axes: Any, figure: Figure, language: Language) -> None:  # noqa: ANN401
    rows = figure.rows()
    percents = [_fen(row, "percent") for row in rows]
    styles = ((INK, "-"), (BEFORE, "-"), (AFTER, "--"), (OTHER, "-"), (LOSS, "--"))
    for (name, words), (colour, line) in zip(CONCENTRATED, styles, strict=True):
        shares = [_percent(row, name, f"all_{name}") for row in rows]
        axes.plot(percents, shares, line, color=colour, linewidth=1.6, label=first(words, language))
    axes.plot([0, 100], [0, 100], ":", color=INK, linewidth=0.8)
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_xlabel(
        first(
            Words("% of person-years with claims, by cost", "有结算的人年累计 %，按费用"), language
        )
    )
    axes.set_ylabel(first(Words("% of the amount", "金额累计 %"), language))
    axes.legend(loc="upper left")


def _burden(axes: Any, figure: Figure, language: Language) -> None:  # noqa: ANN401
    rows = figure.rows()
    for at, (name, colour, words) in enumerate(
        (("before", BEFORE, Words("Before", "现行")), ("after", AFTER, Words("After", "改革")))
    ):
        axes.bar(
            [place + (at - 0.5) * _BAR for place in range(len(rows))],
            [_percent(row, name, "all_person_years") for row in rows],
            width=_BAR,
            color=colour,
            label=first(words, language),
        )
    labels = [
        f">{row['percent']} %"
        if row["percent"] is not None
        else f">{_fen(row, 'threshold_fen') // 100:,}"
        for row in rows
    ]
    axes.set_xticks(range(len(rows)), labels, rotation=30 if len(rows) > _UPRIGHT else 0)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel(first(_OF_YEARS, language))
    words = Words("their part: of cost, or in yuan", "个人负担：占费用 %，或元")
    axes.set_xlabel(first(words, language))
    axes.legend(loc="best")


_UPRIGHT: Final = 6


def _fen(row: Mapping[str, object], name: str, absent: int = 0) -> int:
    value = row[name]
    assert value is None or isinstance(value, int)
    return absent if value is None else value


def _percent(row: Mapping[str, object], above: str, below: str) -> Any:  # noqa: ANN401
    share = share_of(row, (above, below))
    return 0 if share is None else share.numerator * 100 / share.denominator


def _unit(en: str, zh: str, english: str, chinese: str, language: Language) -> str:
    return f"{zh}（{chinese}）" if language is Language.ZH else f"{en}, {english}"


_Draw = Callable[..., None]
_CHARTS: Final[tuple[tuple[str, Words, Words, _Draw], ...]] = (
    (
        "funds",
        Words("Change by payer", "各方支付变化"),
        Words("Bars: what each payer pays more or less.", "各方支付的增减。"),
        _funds,
    ),
    (
        "winners_by_decile",
        Words("Gaining and losing, by decile of cost", "受益与受损，按费用十分位"),
        Words(
            "Bars: the share of person-years that gain, upward, and that lose, downward.",
            "向上为受益者占比，向下为受损者占比。",
        ),
        _winners,
    ),
    (
        "histogram",
        Words("Person-years by gain", "受益额分布"),
        Words("Bars: the share of person-years in each range of gain.", "各受益额区间人年占比。"),
        _histogram,
    ),
    (
        "by_age",
        Words("Change by age", "按年龄的变化"),
        Words("Bars: what funds and persons pay more or less.", "基金与个人支付的增减。"),
        _change_by,
    ),
    (
        "by_level",
        Words("Change by hospital level", "按医院等级的变化"),
        Words("Bars: what funds and persons pay more or less.", "基金与个人支付的增减。"),
        _change_by,
    ),
    (
        "by_month",
        Words("Change by month of service", "按月份的变化"),
        Words("Bars: what funds and persons pay more or less.", "基金与个人支付的增减。"),
        _change_by,
    ),
    (
        "concentration",
        Words("Concentration", "集中曲线"),
        Words(
            "Lines: what the first so many percent of person-years by cost take of each amount.",
            "有结算的人年按费用排序，累计占各金额的比例。",
        ),
        _concentration,
    ),
    (
        "burden",
        Words("Heavy burdens", "负担较重者"),
        Words("Bars: the share of person-years above each threshold.", "超过各门槛的人年占比。"),
        _burden,
    ),
)
