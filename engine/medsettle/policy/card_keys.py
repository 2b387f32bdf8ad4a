"""The keys of a `card.yaml`, as `medsettle.policy.keys` holds those of rule documents."""

from typing import Final

from medsettle.core.cards import CardAction, CardKind, CardState, CardUse
from medsettle.policy.key_types import Key, Shape

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_CITED: Final = (
    Key("source", "the source that states it", "出自来源表中的哪一条"),
    Key("confidence", "how far it can be trusted", "可信程度"),
)

CARD: Final = Shape(
    "card",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("sources", "where its values come from", "数值的来源"),
        Key("versions", "its terms, each from a date on", "各版本的规定"),
    ),
    (
        Key("working_years", "the holidays of each year", "各年放假与调休安排"),
        _NOTE,
    ),
)

TERMS: Final = Shape(
    "version of a card's terms",
    (
        Key("from", "the first day", "首日"),
        Key("credentials", "what a claim may be presented with", "结算可用的凭证"),
        Key("activation", "what activates the card", "卡如何启用"),
        Key("temporary_loss", "when it lapses by itself", "临时挂失何时自动失效"),
        Key("formal_loss", "whether it can be taken back", "正式挂失能否解除"),
        Key("electronic", "whether it needs a valid card", "电子凭证是否随实体卡"),
        Key("uses", "what each state allows", "各状态下可用于什么"),
    ),
    (Key("temporary_card", "how long one counts; none without", "临时卡有效期, 不写即不发"), _NOTE),
)

CREDENTIALS: Final = Shape(
    "credentials",
    (
        Key("required", "whether each claim states one", "每次结算是否必须注明凭证"),
        Key("types", "what each code of mdtrt_cert_type presents", "各凭证类型代码代表什么"),
        *_CITED,
    ),
    (_NOTE,),
)

ACTIVATION: Final = Shape(
    "activation",
    (
        Key("social_by", "`issue` or `first_password`", "发卡即启用, 或首次改密启用"),
        Key("in_person", "actions that need the holder's presence", "须本人到场办理的事项"),
        *_CITED,
    ),
    (_NOTE,),
)

TEMPORARY_LOSS: Final = Shape(
    "temporary_loss",
    (
        Key("lapses_after", "full days, like 7天, 7工作日 or never", "自动失效的天数, 如 7工作日"),
        Key("counted_from", "`report_day` or `next_day`", "自挂失当日或次日起算"),
        *_CITED,
    ),
    (_NOTE,),
)

FORMAL_LOSS: Final = Shape(
    "formal_loss",
    (Key("resume", "`until_replacement` or `never`", "补卡前可解挂, 或不可解挂"), *_CITED),
    (_NOTE,),
)

ELECTRONIC: Final = Shape(
    "electronic",
    (Key("follows_card", "whether it stops with its card", "实体卡停用时是否随之停用"), *_CITED),
    (_NOTE,),
)

TEMPORARY_CARD: Final = Shape(
    "temporary_card",
    (
        Key("valid_for", "how long one counts, like 60天 or 3个月", "有效期, 如 60天 或 3个月"),
        Key("at_most", "how long an issue may make it count", "最高有效期, 如 6个月"),
        *_CITED,
    ),
    (_NOTE,),
)

STATES: Final = tuple(
    state.value for state in CardState if state not in {CardState.REPLACED, CardState.CANCELLED}
)
"""The states whose uses an area states; a replaced or cancelled card has none anywhere."""

USES: Final = Shape(
    "uses",
    (*(Key(state, "what it allows, or `none`", "可用于什么, 或无") for state in STATES), *_CITED),
    (_NOTE,),
)

WORKING_YEAR: Final = Shape(
    "working_year",
    (
        Key("days_off", "weekdays that are holidays", "放假的工作日"),
        Key("days_worked", "weekend days that are worked", "调休上班的周末"),
        *_CITED,
    ),
    (_NOTE,),
)

SHAPES: Final = (
    *(CARD, TERMS, CREDENTIALS, ACTIVATION, TEMPORARY_LOSS, FORMAL_LOSS, ELECTRONIC, USES),
    *(TEMPORARY_CARD, WORKING_YEAR),
)

NOTHING: Final = "none"
NEVER: Final = "never"
ISSUE: Final = CardAction.ISSUE.value
FIRST_PASSWORD: Final = "first_password"  # noqa: S105 - a way to activate
NEXT_DAY: Final = "next_day"
REPORT_DAY: Final = "report_day"
UNTIL_REPLACEMENT: Final = "until_replacement"
YES_NO: Final = ("yes", "no")
KINDS: Final = (*(kind.value for kind in CardKind), NOTHING)
USE_NAMES: Final = tuple(use.value for use in CardUse)
ACTIONS: Final = tuple(action.value for action in CardAction)

SPAN_PATTERN: Final = "[0-9]{1,3} ?(?:天|工作日|days|working days)"
"""How the days of a lapse are written."""

VALIDITY_PATTERN: Final = "[0-9]{1,3} ?(?:天|月|个月|days|months)"
"""How long a temporary card counts, as it is written."""
