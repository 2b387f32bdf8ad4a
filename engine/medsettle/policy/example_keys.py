"""The keys of files of worked examples, as `medsettle.policy.keys` holds those of documents."""

from typing import Final

from medsettle.core import schema
from medsettle.policy.key_types import Key, Shape

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")

KINDS: Final = ("published", "derived")
"""Whether a source printed the amounts, or somebody worked them out from it."""

FACTS: Final = {column.name.removesuffix("_fen"): column for column in schema.VISIT_FACTS}
"""Facts of a visit as examples write them: the unit stands in the value and not in the name."""

EXAMPLES: Final = Shape(
    "examples",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("policy", "the policy they are of", "所属政策"),
        Key("pooling_area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("examples", "the worked examples", "各个示例"),
    ),
    (_NOTE,),
)

EXAMPLE: Final = Shape(
    "example",
    (
        Key("example", "the name of this example, used once in the file", "本示例的名称"),
        Key("kind", "`published` by its source, or `derived` from it", "`公开` 数值或 `推算` 数值"),
        Key("source", "where its amounts come from", "数值的来源"),
        Key("confidence", "how far it can be trusted", "可信程度"),
        Key("visits", "the visits of one person, in order", "同一人的各次就诊, 按先后顺序"),
    ),
    (
        Key("title", "what it is called", "名称"),
        Key("shapes", "the rule shapes it proves", "所证明的规则形态"),
        Key("cases", "the published cases it is", "所对应的公开案例"),
        Key("known_on", "the day as on which it is settled", "按该日已公布的规则结算"),
        _NOTE,
    ),
)

_FACT_WORDS: Final = {
    "encounter": ("one stay or visit at one institution", "同一次就诊"),
    "episode": ("stays that count as one, such as around a transfer", "视为一次的连续住院"),
    "institution_kind": ("the kind of institution, as the document names it", "机构类型"),
    "diagnosis": ("the code of the main diagnosis", "主要诊断代码"),
    "disease": ("the chronic or special disease of this visit", "本次就诊的病种"),
    "approved_diseases": ("the approved diseases of the person", "已认定的病种"),
    "approval_date": ("the day from which disease, drug or device is approved", "待遇认定日期"),
    "care_area": ("whose catalogue splits the lines, where not the own", "就医地统筹区"),
    "referral": ("how the visit came about, such as referred", "就医途径, 如转诊"),
    "filing": ("how care elsewhere was filed for", "异地就医备案类型"),
    "filing_date": ("the day of the filing", "异地就医备案日期"),
    "stay_days": ("days of the stay, like 12天", "住院天数, 如 12天"),
    "sessions": ("sessions of a treatment, like 12次", "治疗次数, 如 12次"),
    "children": ("children born, like 2人", "胎儿数, 如 2人"),
    "gestation_weeks": ("weeks of gestation, like 39周", "孕周数, 如 39周"),
    "delivery": ("the kind of delivery", "生育类别"),
    "enrolment_years": ("full years of enrolment, like 5年", "连续参保整年数, 如 5年"),
    "claim_free_years": ("full years without a claim, like 2年", "零报销整年数, 如 2年"),
    "benefit_start_date": ("the day on which benefits begin", "待遇享受开始日期"),
    "retirement_date": ("the day of retirement", "退休日期"),
    "wage_base": ("the monthly base of contributions, like 8000元", "月缴费基数, 如 8000元"),
    "liability": ("who else is liable, by the answer given", "其他责任方"),
}

VISIT: Final = Shape(
    "visit",
    (
        Key("service_date", "the day of the visit or discharge", "就诊或出院日期"),
        Key("visit_type", "the code of the kind of visit", "医疗类别代码"),
        Key("insurance_type", "the code of the scheme", "险种类型代码"),
        Key("person_type", "the code of the person's kind", "人员类别代码"),
        Key("institution_level", "the code of the hospital's level", "医院等级代码"),
        Key("birth_date", "the day of birth, which decides the age", "出生日期"),
        Key("expect", "amounts that come out, by name", "应得的金额"),
    ),
    (
        Key("lines", "the lines of the bill, where there is one", "费用明细"),
        Key("before", "what counters and account hold already", "累计项和账户已有的数额"),
        Key("admission_date", "the day of admission", "入院日期"),
        Key("benefit_groups", "the groups the person belongs to", "享受待遇的身份"),
        Key("account_used", "`no`: the account does not pay", "`否`: 不使用个人账户"),
        Key("institution", "the code of the institution", "医药机构代码"),
        Key("preview", "`yes`: shown and not recorded", "`是`: 预结算, 不记账"),
        *(Key(name, *_FACT_WORDS[name]) for name in FACTS),
        _NOTE,
    ),
)

STATED_VISIT: Final = Shape(
    VISIT.name, tuple(key for key in VISIT.required if key.name != "expect"), VISIT.optional
)
"""A visit whose amounts are stated elsewhere."""

CANCEL: Final = Shape(
    "cancel",
    (
        Key("cancels", "the number of the visit it takes back, from 1", "所撤销就诊的序号, 从1起"),
        Key("expect", "negative amounts that come out, by name", "应得的负数金额"),
    ),
    (_NOTE,),
)
"""What stands in the place of a visit and takes back an earlier one."""

LINE: Final = Shape(
    "line",
    (
        Key("item", "the code in the catalogue", "目录项目代码"),
        Key("amount", "its amount, like 100元", "金额, 如 100元"),
    ),
    (
        Key("quantity", "how many units, like 3支", "数量, 如 3支"),
        Key("price", "the price of one unit", "单价"),
        Key("day", "the day of the charge, if not of the admission", "费用发生日期"),
        Key("approval", "the code of the approval of a restricted item", "审批标志"),
        Key("original_line", "the number of the line it takes back", "所冲减的明细序号"),
        Key("earmark", "a mark of the area: another fund pays", "由其他基金支付的标记"),
        _NOTE,
    ),
)

SHAPES: Final = (EXAMPLES, EXAMPLE, VISIT, CANCEL, LINE)
"""Every kind of block that a file of examples may hold."""
