"""The keys of rule documents: which may stand where, which must, and what each says.

The checker refuses what is not listed here, and the JSON Schema for editors is made from the same
lists, so that the two never say different things. The English sentence is part of the checker's
messages; both sentences are what an editor shows beside the key.
"""

from typing import Final

from medsettle.core.codes import POT_NAMES
from medsettle.policy.amount_keys import (
    AMOUNT,
    AMOUNT_OF,
    AMOUNT_ROUNDING,
    BOUND,
    TABLE_OF_AMOUNTS,
    TIMES,
    WITHIN,
)
from medsettle.policy.area_keys import AREA, EARMARK, POPULATION
from medsettle.policy.key_types import Key, Shape

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")
_SOURCE: Final = Key("source", "the source that states it", "出自来源表中的哪一条")
_CONFIDENCE: Final = Key("confidence", "how far it can be trusted", "可信程度")

DOCUMENT: Final = Shape(
    "document",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("policy", "the name of this policy, used once", "本政策的唯一标识"),
        Key("title", "what the policy is called", "政策名称"),
        Key("pooling_area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("insurance_type", "the insurance type it decides", "险种类型代码"),
        Key("visit_types", "the visit types it decides", "适用的医疗类别代码"),
        Key("in_force", "from which day, and until which", "施行起止日期"),
        Key("rule_date", "which date of a claim picks the version", "按哪个日期选用版本"),
        Key("benefit_year", "when its year of benefits starts", "待遇年度的起始日"),
        Key("sources", "where its values come from", "数值的来源"),
        Key("stages", "who pays, in the order of payment", "各支付方, 按支付顺序"),
    ),
    (
        Key("dimensions", "what the rules depend on", "规则所依据的维度"),
        Key("quantities", "days, persons or years that rules look at", "规则所依据的数量"),
        Key("counters", "what is carried between settlements", "跨结算累计的数额或次数"),
        Key("tables", "the dated values", "分版本的数值表"),
        Key("payouts", "what funds pay beside the bill", "账单之外由基金拨付的待遇"),
        Key("gaps", "amounts that this document cannot decide", "本文件尚不能裁定的金额"),
        _NOTE,
    ),
)

IN_FORCE: Final = Shape(
    "in_force",
    (Key("from", "the first day", "首日"),),
    (Key("until", "the first day no longer in force", "失效日, 该日起不再适用"),),
)

BENEFIT_YEAR: Final = Shape(
    "benefit_year",
    (Key("starts", "its first day, such as 01-01", "年度首日, 如 01-01"),),
)

SOURCE: Final = Shape(
    "source",
    (
        Key("title", "what the text is called", "文件或资料名称"),
        Key("where", "where it can be read", "出处"),
        _CONFIDENCE,
    ),
    (_NOTE,),
)

DIMENSION: Final = Shape(
    "dimension",
    (),
    (
        Key("column", "the column of the claim it looks at", "所依据的结算字段"),
        Key("codes", "which codes make each class", "各类别包含的代码"),
        Key("ages", "the age at which each class begins", "各年龄段的起始年龄"),
        Key("date", "the date of the claim it looks at", "所依据的日期字段"),
        Key("dates", "the day on which each class begins", "各类别的起始日期"),
        Key("quantity", "the quantity it looks at", "所依据的数量"),
        Key("group", "the benefit group whose members are `yes`", "享受待遇的身份"),
        Key("counter", "the counter it looks at", "所依据的累计项"),
        Key("counted", "the count at which each class begins", "各次数段的起始次数"),
        _NOTE,
    ),
)

QUANTITY: Final = Shape(
    "quantity",
    (),
    (
        Key("number", "the number of the claim", "所依据的数量字段"),
        Key("years_since", "full years since a date", "自某日期起的整年数"),
        Key("months_since", "calendar months since a date", "自某日期起的月数"),
        Key("days_since", "days since a date", "自某日期起的天数"),
        Key("month_of", "`benefit_year`: its month, from 1", "`benefit_year`: 年度内第几个月"),
        Key("count", "the list of codes it counts", "所计数的代码列表"),
        Key("less", "what is taken off", "扣除的数量"),
        Key("at_most", "the most it is", "最大数量"),
        Key("every", "how many make one, begun ones too", "每若干计为一, 不足按一计"),
        _NOTE,
    ),
)

COUNTER: Final = Shape(
    "counter",
    (Key("period", "when it starts again from zero", "清零周期"),),
    (
        Key("sums", "the named amounts it adds up", "累加的金额"),
        Key("counts", "`settlements`: it counts them", "`settlements`: 按结算次数计"),
        Key("when", "the classes for which it counts at all", "计入累计的条件"),
        Key("split_by", "what it counts apart", "分别累计的依据"),
        Key("dated_by", "the date that picks its period", "按哪个日期归入周期"),
        Key("since", "the date on which a treatment year begins", "治疗年度的起始日期字段"),
        Key("lasts", "how many years a treatment year lasts", "治疗年度的年数"),
        _NOTE,
    ),
)

TABLE: Final = Shape(
    "table",
    (
        Key("unit", "whether its cells are amounts, rates or points", "金额、比例或百分点"),
        Key("versions", "its values, each from a date on", "各版本的数值"),
    ),
    (
        Key("title", "what the table is called", "表名"),
        Key("by", "the dimensions that pick a row", "按哪些维度取值"),
        Key("bands", "`yes`: a row holds one rate for each band", "`yes`: 每行按分段各一个比例"),
        _NOTE,
    ),
)

VERSION: Final = Shape(
    "version",
    (Key("from", "the first day of these values", "施行首日"), _SOURCE),
    (
        Key("value", "the value, where the table is by nothing", "不分维度时的数值"),
        Key("rows", "one row for each class", "各类别的数值"),
        Key("limits", "the upper limit of each band", "各分段的上限"),
        Key("until", "the first day they are no longer known to hold", "不再确定适用的首日"),
        Key("issued", "the day it was published, if later", "公布日期, 晚于首日时填写"),
        _CONFIDENCE,
        _NOTE,
    ),
)

_BASE: Final = Key("base", "the named amounts it looks at", "支付基数")
_ADVANCE: Final = Key(
    "advance_for", "`third_party` or `employer`: who owes it back", "先行支付, 向谁追偿"
)
_QUESTIONS: Final = (
    Key("keep_back", "the rate kept back before anything else", "先行扣除的比例"),
    Key("deductible", "what must be used up first", "起付线"),
    Key("bands", "along what the bands of the rate run", "分段的依据"),
    Key("rate", "at which rate it pays", "支付比例"),
    Key("caps", "where it stops", "封顶线"),
    Key("rounding", "where, on which side and how it rounds", "取整的位置、方和方式"),
)
"""What every payer is asked after its base, of the bill or beside it."""

STAGE: Final = Shape(
    "stage",
    (
        Key("stage", "the name of this stage", "环节标识"),
        Key("payer", "who pays", "支付方"),
        _SOURCE,
        _BASE,
    ),
    (
        Key("title", "what the stage is called", "环节名称"),
        Key("when", "the classes for which it pays at all", "适用条件"),
        *_QUESTIONS,
        Key("limit", "`account_balance`, `relatives_limits`: what they hold", "余额或授权额度为限"),
        _ADVANCE,
        _NOTE,
    ),
)

PAYOUT: Final = Shape(
    "payout",
    (
        Key("payout", "the name of this payout", "拨付项标识"),
        Key("payer", "the fund that pays", "支付的基金"),
        Key("payee", "`person`, `employer`, `institution` or `account`", "收款方"),
        _SOURCE,
    ),
    (
        Key("title", "what the payout is called", "拨付项名称"),
        Key("when", "the classes for which it is paid at all", "适用条件"),
        Key("amount", "the amount it is, whatever the bill", "拨付的金额"),
        _BASE,
        *_QUESTIONS,
        Key("instead_of", "shares of the bill in whose place it is paid", "所替代的支付额"),
        _ADVANCE,
        _NOTE,
    ),
)

BASE: Final = Shape(
    "base",
    (Key("plus", "the named amounts added up", "相加的金额"),),
    (Key("minus", "the named amounts taken off", "减去的金额"),),
)

DEDUCTIBLE: Final = Shape(
    "deductible",
    (Key("per", "`settlement`, or the counter it is used up in", "按次, 或在哪个累计项内使用"),),
    (
        TABLE_OF_AMOUNTS,
        *AMOUNT_OF,
        Key("share_of", "the part of amounts it is where that is more", "按金额的比例计, 取高者"),
        Key("at_most", "the most that is borne in all", "起付线合计的最高额"),
        _NOTE,
    ),
)

SHARE_OF: Final = Shape(
    "share_of",
    (
        Key("base", "the named amounts it is a part of", "计算比例的金额"),
        Key("rate", "the table of the part", "比例表"),
    ),
)

CEILING: Final = Shape(
    "at_most",
    (
        Key("table", "the table of amounts", "金额表"),
        Key("per", "`settlement`, or the counter it is used up in", "按次, 或在哪个累计项内使用"),
    ),
)

BANDS: Final = Shape(
    "bands",
    (
        Key("along", "`settlement` or `running_total`", "按本次结算或按累计额"),
        Key("apply", "`marginal` or `whole`: what a rate is for", "逐段计算, 或全额按所在段"),
    ),
    (
        Key("counter", "the counter of the running total", "累计额所用的累计项"),
        Key("deductible", "`inside` or `outside` the first band", "起付线是否计入首段"),
        _NOTE,
    ),
)

RATE: Final = Shape(
    "rate",
    (),
    (
        Key("own", "the table of the person's rates", "个人自付比例表"),
        Key("pays", "the table of the payer's rates", "支付比例表"),
        Key("target", "the table of the rates to reach with others", "合计应达到的比例表"),
        Key("own_factor", "the table of factors on the person's share", "自付比例的系数表"),
        Key("points", "tables of percentage points on the payer's rate", "支付比例增减的百分点表"),
        Key("pays_factor", "the table of factors on the payer's rate", "支付比例的系数表"),
        Key("at_most", "the table of the highest rates it pays", "支付比例的上限表"),
        Key("floor", "the part of amounts it pays at least", "保底支付"),
        Key("counting", "what counts towards a target", "计入合计的已支付金额"),
        _NOTE,
    ),
)

FLOOR: Final = Shape(
    "floor",
    (
        Key("rate", "the table of the part", "比例表"),
        Key("of", "the named amounts it is a part of", "计算比例的金额"),
    ),
)

CAP: Final = Shape(
    "cap",
    (
        Key("on", "`payment` or `base`: what it limits", "限制支付额或基数"),
        Key("per", "`settlement`, or the counter it is used up in", "按次, 或在哪个累计项内使用"),
    ),
    (
        TABLE_OF_AMOUNTS,
        Key("excess", "what becomes of a payment above it", "超出支付额的部分如何处理"),
        *AMOUNT_OF,
        Key("at_most", "the table of the most it is in all", "合计的最高额表"),
        _NOTE,
    ),
)

ROUNDING: Final = Shape(
    "rounding",
    (
        Key("at", "`band` or `stage`: where it rounds", "在每段或整个环节取整"),
        Key("side", "`own` or `payer`: which side is rounded", "取整个人一方或支付一方"),
        Key("mode", "`half_up`, `down` or `up`", "四舍五入、舍去或进位"),
    ),
)

GAP: Final = Shape(
    "gap",
    (
        Key("amount", "the named amount it cannot decide", "不能裁定的金额"),
        Key("says", "why, and what is needed", "原因和所缺内容"),
    ),
)

OVERLAY: Final = Shape(
    "overlay",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("overlay", "the name of this reform, used once", "本调整的唯一标识"),
        Key("changes", "the policy it changes", "所调整的政策"),
        Key("from", "the first day", "首日"),
        Key("title", "what the reformed policy is called", "调整后的政策名称"),
    ),
    (
        Key("set", "the blocks that change, as they are to be", "调整后的内容"),
        Key("without", "what falls away, by its keys", "取消的内容"),
        _NOTE,
    ),
)

SHAPES: Final = (
    *(DOCUMENT, IN_FORCE, BENEFIT_YEAR, SOURCE, DIMENSION, COUNTER, TABLE, VERSION, STAGE),
    *(BASE, DEDUCTIBLE, SHARE_OF, CEILING, BANDS, RATE, FLOOR, CAP, ROUNDING, GAP, AREA),
    POPULATION,
    EARMARK,
    QUANTITY,
    TIMES,
    OVERLAY,
    *(PAYOUT, AMOUNT, WITHIN, BOUND, AMOUNT_ROUNDING),
)
"""Every kind of block a document may hold."""

# --- choices -----------------------------------------------------------------------------------

FORMAT: Final = "1"
RULE_DATES: Final = ("service_date", "admission_date")
CONFIDENCES: Final = ("SO", "SW", "SR", "S3", "KH", "KM", "uncertain", "invented")
"""Labels of a source, from an official text that was read down to a figure of our own making."""

SUMS_UNREAD: Final = ("sums",)
"""What a counter of amounts adds up before the stages are known."""

YES: Final = "yes"
NONE: Final = "none"
"""The code of a claim that states none."""
OPEN: Final = "open"
EACH: Final = "each"
ONCE: Final = "once"
FEN: Final = "fen"
YUAN: Final = "yuan"
SETTLEMENT: Final = "settlement"
SETTLEMENTS: Final = "settlements"
BALANCE_LIMITS: Final = {"account": "account_balance", "mutual_aid": "relatives_limits"}
"""What payers whose money belongs to persons pay from, by payer."""
DEDUCTIBLE_SIDES: Final = ("inside", "outside")
PRICE_LEVELS: Final = ("level_1", "level_2", "level_3")
"""The hospital levels that catalogues state ceiling prices for."""

UNLISTED: Final = ("refuse", "own_expense")
"""What to do with an item the catalogue does not hold."""

# --- names -------------------------------------------------------------------------------------

TOTAL_NAMES: Final = ("total", "remaining", "in_scope_total")
"""Named amounts besides pots and stage amounts: the bill, what nobody has paid yet, and the
in-scope sum with the special pots."""

RESERVED_NAMES: Final = (*TOTAL_NAMES, *POT_NAMES)
"""Names that stages, tables, counters and dimensions may not take."""

CODE_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""A word that institutions send as a code."""

STATED_PATTERN: Final = "[!-~]+"
"""A code as a claim may state it."""

AREA_PATTERN: Final = r"[0-9]{6}"

NAME_PATTERN: Final = r"[^\s0-9!-,./:-@\[-^`{-~\u3000-\u303f\uff00-\uffef-]" + (
    r"[^\s!-,./:-@\[-^`{-~\u3000-\u303f\uff00-\uffef]{0,49}"
)
"""A name: letters of any script, digits, `_` and `-`, not beginning with a digit or `-`. Read the
same by Python and by the editors' JavaScript; its length is `limits.CODE_CHARS_MAX`."""

CLASS_PATTERN: Final = r"[^\s!-,./:-@\[-^`{-~\u3000-\u303f\uff00-\uffef]{1,50}"
"""The name of a class: as a name, but it may begin with a digit, like `70岁以上`."""
