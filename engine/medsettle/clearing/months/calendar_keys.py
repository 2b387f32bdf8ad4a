"""The keys of documents of clearing, as `medsettle.policy.keys` holds those of rule documents."""

from typing import Final

from medsettle.policy.key_types import Key, Shape

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_FORMAT: Final = Key("format", "the version of the rule language, 1", "规则语言版本, 写 1")
_SOURCES: Final = Key("sources", "where its values come from", "数值的来源")

CALENDARS: Final = Shape(
    "calendar document",
    (_FORMAT, _SOURCES, Key("calendars", "one for each scheme, by name", "各险种的日历")),
    (_NOTE,),
)
CALENDAR: Final = Shape(
    "calendar",
    (
        Key("title", "what is cleared by it", "所清算的险种"),
        Key("versions", "its steps, each from a date on", "各版本的步骤"),
    ),
    (_NOTE,),
)
VERSION: Final = Shape(
    "version of a calendar",
    (
        Key("from", "the first month it is for, by its first day", "首个适用月份的首日"),
        Key("day_off", "`stay`, `next` or `previous`: where it is no working day", "遇非工作日"),
        Key("steps", "what is due when", "各步骤的期限"),
    ),
    (_NOTE,),
)
STEP: Final = Shape(
    "step",
    (
        Key("due", "such as M+1 day 3, or 5 working days after confirmed", "期限"),
        Key("source", "the source that states it", "出自来源表中的哪一条"),
        Key("confidence", "how far it can be trusted", "可信程度"),
    ),
    (_NOTE,),
)
HOLIDAYS: Final = Shape(
    "holiday document",
    (_FORMAT, _SOURCES, Key("working_years", "the holidays of each year", "各年放假与调休安排")),
    (_NOTE,),
)
PREPAYMENT: Final = Shape(
    "prepayment document",
    (_FORMAT, _SOURCES, Key("versions", "its terms, each from a date on", "各版本的规定")),
    (_NOTE,),
)
PREPAYMENT_TERMS: Final = Shape(
    "version of prepayment terms",
    (
        Key("from", "the first day", "首日"),
        Key("multiple", "how many average months are prepaid, such as 2", "预付月数"),
        Key("average_of", "the months of the year before, such as [10, 11, 12]", "取平均的月份"),
        Key("rounding", "`half_up`, `down` or `up`, once, to a whole fen", "取整方式"),
        Key("yellow", "the usage from which on it is watched", "黄色预警线"),
        Key("red", "the usage from which on an increase may be asked for", "红色预警线"),
        Key("increase_paid_within", "working days after the adjustment notice", "追加拨付工作日"),
        Key("source", "the source that states them", "出自来源表中的哪一条"),
        Key("confidence", "how far they can be trusted", "可信程度"),
    ),
    (_NOTE,),
)
