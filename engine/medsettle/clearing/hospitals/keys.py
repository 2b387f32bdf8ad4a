"""The keys of a document of terms by which hospitals are paid (`read_hospital_terms`)."""

from typing import Final

from medsettle.policy.key_types import Key, Shape

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_CITED: Final = (
    Key("source", "the source that states it", "出自来源表中的哪一条"),
    Key("confidence", "how far it can be trusted", "可信程度"),
)

TERMS: Final = Shape(
    "terms of hospital payment",
    (
        Key("format", "the version of the language, 1", "语言版本, 写 1"),
        Key("area", "six digits of the area that pays", "付款统筹区六位代码"),
        Key("sources", "where its values come from", "数值的来源"),
        Key("versions", "its terms, each from a date on", "各版本的规定"),
    ),
    (_NOTE,),
)

VERSION: Final = Shape(
    "version of the terms",
    (
        Key("from", "the first day", "首日"),
        Key("rounding", "half_up, down or up, of every rate here", "取整方式"),
    ),
    (
        Key("instant", "what is paid at once; none without", "即时结算"),
        Key("reserve", "what is withheld of a month; none without", "质量保证金"),
        Key("advance", "what a fund may advance; nothing without", "基金预付"),
        _NOTE,
    ),
)

INSTANT: Final = Shape(
    "instant",
    (
        Key("insurance_types", "310, 390 and so on", "险种类型"),
        Key("clearing_classes", "11, 21, 41 and so on", "清算类别"),
        Key("payers", "the funds, such as pooled_fund", "基金"),
        Key("rate", "what part is paid at once, like 60%", "即时拨付比例"),
        Key("days_after", "days of the calendar, 1 is the next day", "结算后第几日"),
        *_CITED,
    ),
    (
        Key("grades", "of the institution; any without", "机构考核等级"),
        Key("months", "1 to 12, of the day of settlement; all without", "适用月份"),
        Key("elsewhere", "yes where persons insured elsewhere count too", "是否含异地"),
        _NOTE,
    ),
)

RESERVE: Final = Shape(
    "reserve",
    (
        Key("rate", "what part of the month is withheld, like 5%", "预留比例"),
        Key("released", "what part each grade gets back", "各考核等级返还比例"),
        *_CITED,
    ),
    (_NOTE,),
)

ADVANCE: Final = Shape(
    "advance",
    (Key("months", "of average spending, at most", "预付月数上限"), *_CITED),
    (_NOTE,),
)
