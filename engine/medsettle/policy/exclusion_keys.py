"""The keys of an `exclusions.yaml`, as `medsettle.policy.keys` holds those of rule documents."""

from typing import Final

from medsettle.policy.exclusions import (
    IN_LEDGER,
    IN_REGISTRATIONS,
    Action,
    Finds,
    HeldOn,
    Institutions,
    Span,
    TransferDay,
)
from medsettle.policy.key_types import Key, Shape
from medsettle.policy.registration_kinds import About

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_SOURCE: Final = Key("source", "the source that states it", "出自来源表中的哪一条")

EXCLUSIONS: Final = Shape(
    "exclusions",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("sources", "where its rules come from", "规则的来源"),
        Key("versions", "its checks, each list from a date on", "各版本的核查项"),
    ),
    (Key("registrations", "the kinds that its checks ask for", "核查所依据的登记"), _NOTE),
)

KIND: Final = Shape(
    "kind of registration of exclusions",
    (
        Key("title", "what it is called", "名称"),
        Key("about", "`person` or `institution`: whom it is about", "登记的是参保人还是医药机构"),
        _SOURCE,
    ),
    (Key("continues", "the kind it goes on from", "延续自哪一种登记"), _NOTE),
)

VERSION: Final = Shape(
    "version of exclusions",
    (
        Key("from", "the first day", "首日"),
        Key("checks", "what is looked for before payment", "支付前的核查项"),
    ),
    (Key("liability", "the codes that give each answer", "每种答复对应的责任方代码"), _NOTE),
)

CHECK: Final = Shape(
    "check",
    (
        Key("check", "its name in this document", "在本文件中的名称"),
        Key("finds", "what it looks for", "查出的情形"),
        Key("action", "`refuse` or `warn`", "查出后拒绝或提示"),
        Key("remedy", "what the institution is to do", "医药机构应如何处理"),
        _SOURCE,
    ),
    (
        Key("visit_types", "the visit types it looks at", "核查的医疗类别代码"),
        Key("insurance_types", "the insurance types it looks at", "核查的险种类型代码"),
        Key("answers", "the answers by which somebody else is liable", "表明他人负责的答复"),
        Key("registration", "the kind of registration it asks for", "所依据的登记种类"),
        Key("held_on", "the day on which it has to hold", "登记须在哪一日有效"),
        Key("institutions", "`any`, or `others` for other institutions", "任何机构或其他机构"),
        Key("beside", "the visit types of what it compares with", "相比较的结算的医疗类别"),
        Key("transfer_day", "`allowed` or `overlaps`: a day they share", "转院当日是否计为重叠"),
        Key("period", "the period with one insurance", "只应有一种参保的期间"),
        Key("items", "how the codes begin that it looks at", "核查的目录代码, 按开头匹配"),
        Key("except_items", "how codes begin that it does not", "不核查的目录代码, 按开头匹配"),
        Key("at_most", "how many a day are in order", "每日不超过的数量"),
        _NOTE,
    ),
)

REMEDY: Final = Shape(
    "remedy",
    (
        Key("english", "in English", "英文"),
        Key("chinese", "in Chinese, for the cashier's screen", "中文, 供收费窗口显示"),
    ),
)

SHAPES: Final = (EXCLUSIONS, KIND, VERSION, CHECK, REMEDY)

ABOUT: Final = tuple(each.value for each in About)
FINDS: Final = tuple(each.value for each in Finds)
ACTIONS: Final = tuple(each.value for each in Action)
HELD_ON: Final = tuple(each.value for each in HeldOn)
INSTITUTIONS: Final = tuple(each.value for each in Institutions)
TRANSFER_DAYS: Final = tuple(each.value for each in TransferDay)
SPANS: Final = tuple(each.value for each in Span)

COMMON: Final = frozenset(key.name for key in CHECK.required) | {
    *("visit_types", "insurance_types", "note")
}
"""The keys of every check, whatever it looks for."""

NEEDED: Final[dict[Finds, tuple[str, ...]]] = {
    Finds.LIABILITY_UNANSWERED: ("visit_types",),
    Finds.OTHER_LIABLE: ("answers",),
    **dict.fromkeys(IN_REGISTRATIONS, ("registration", "held_on")),
    Finds.OVERLAPPING_STAY: ("visit_types", "institutions", "transfer_day"),
    Finds.DOUBLE_INSURANCE: ("insurance_types", "period"),
    Finds.DUPLICATE_ITEM: ("institutions",),
    Finds.REPEATED_ITEM: ("at_most",),
}
"""The keys that a check needs for what it looks for; none has a default."""

ALLOWED: Final[dict[Finds, frozenset[str]]] = {
    finds: COMMON
    | frozenset(NEEDED[finds])
    | (frozenset({"beside"}) if finds in IN_LEDGER else frozenset())
    | (
        frozenset({"items", "except_items"})
        if finds in {Finds.DUPLICATE_ITEM, Finds.REPEATED_ITEM}
        else frozenset()
    )
    for finds in Finds
}
"""The keys that mean something for what a check looks for."""
