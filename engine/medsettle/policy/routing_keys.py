"""The keys of a `routing.yaml`, as `medsettle.policy.keys` holds those of rule documents."""

from typing import Final

from medsettle.policy.key_types import Key, Shape
from medsettle.policy.routing import Outside, SharedTo, Unconfirmed

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_SOURCE: Final = Key("source", "the source that states it", "出自来源表中的哪一条")

ROUTING: Final = Shape(
    "routing",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("sources", "where its rules come from", "规则的来源"),
        Key("registrations", "the kinds that its schemes ask for", "各险种要求的认定、登记或备案"),
        Key("versions", "its schemes, each list from a date on", "各版本的险种顺序"),
    ),
    (_NOTE,),
)

KIND: Final = Shape(
    "kind of registration",
    (Key("title", "what it is called", "名称"), _SOURCE),
    (Key("continues", "the kind it goes on from", "延续自哪一种登记"), _NOTE),
)

VERSION: Final = Shape(
    "version of a routing",
    (
        Key("from", "the first day", "首日"),
        Key("schemes", "who takes which lines, in order", "各险种及其明细, 按先后顺序"),
    ),
    (Key("shared", "lines that all of them share", "各险种共用的明细"), _NOTE),
)

SCHEME: Final = Shape(
    "scheme",
    (
        Key("scheme", "its name in this document", "在本文件中的名称"),
        Key("title", "what people call it", "通称"),
        Key("lines", "which lines it takes, or `rest`", "归入哪些明细, 或其余全部"),
        _SOURCE,
    ),
    (
        Key("insurance_type", "that of its part; else the visit's own", "该部分的险种类型代码"),
        Key("visit_types", "the part's visit type for the visit's", "就诊的医疗类别对应的类别"),
        Key("needs", "kinds of which one must hold", "须有其中一种有效登记"),
        Key(
            "outside_catalogue",
            "`stays`, or `next_scheme` for what its catalogue does not cover",
            "目录外明细留在本险种或转入下一险种",
        ),
        Key("confirmed", "lines that need a confirmation", "须经确认的明细"),
        Key("window", "days that its fund does not owe", "基金不承担的期间"),
        _NOTE,
    ),
)

LINES: Final = Shape(
    "lines of a scheme",
    (),
    (
        Key("diagnoses", "codes, or `registered` for those registered", "诊断代码, 或以登记的为准"),
        Key("items", "catalogue codes", "目录代码"),
        Key("charge_types", "charge types of the catalogue", "目录中的收费类别"),
        _NOTE,
    ),
)

CONFIRMED: Final = Shape(
    "confirmation",
    (
        Key("charge_types", "charge types of the catalogue", "目录中的收费类别"),
        Key("kind", "the kind that lists the item", "列明该项目的登记种类"),
        Key("otherwise", "`next_scheme` or `refused`", "未经确认时转入下一险种或拒绝"),
        _SOURCE,
    ),
    (_NOTE,),
)

WINDOW: Final = Shape(
    "window",
    (
        Key("from", "the date of the registration it begins on", "自登记中的哪个日期起"),
        Key("until", "the date that ends it, no longer in it", "至登记中的哪个日期前一日止"),
        Key("when", "`late` or `timely`", "申请逾期或按时"),
        Key("earmark", "the mark its lines carry", "明细的标记"),
        _SOURCE,
    ),
    (_NOTE,),
)

SHARED: Final = Shape(
    "shared lines",
    (
        Key(
            "goes_to",
            "`main_diagnosis`, `largest`, or the name of a scheme",
            "随主要诊断、随金额最大者, 或某一险种",
        ),
        _SOURCE,
    ),
    (
        Key("charge_types", "charge types of the catalogue", "目录中的收费类别"),
        Key("items", "catalogue codes", "目录代码"),
        _NOTE,
    ),
)

SHAPES: Final = (ROUTING, KIND, VERSION, SCHEME, LINES, CONFIRMED, WINDOW, SHARED)

REST: Final = "rest"
REGISTERED: Final = "registered"
OUTSIDE: Final = tuple(each.value for each in Outside)
UNCONFIRMED: Final = tuple(each.value for each in Unconfirmed)
SHARED_TO: Final = tuple(each.value for each in SharedTo)
DATES: Final = ("valid_from", "event_date", "accepted_date")
"""Dates of a registration that a window may run between."""
TIMELINESS: Final = ("late", "timely")
CODE_PATTERN: Final = r"[0-9A-Za-z.\-]{1,50}"
"""How diagnoses, items and charge types are written."""
