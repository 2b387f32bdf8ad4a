"""The keys and figures of a document of marginals, as `medsettle.policy.keys` has others."""

from types import MappingProxyType
from typing import Final, NamedTuple

from medsettle.core.dates import MONTHS_PER_YEAR
from medsettle.policy.key_types import Key, Shape
from medsettle.policy.keys import PRICE_LEVELS

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")

KINDS: Final = ("outpatient", "special", "inpatient", "pharmacy")
"""What visits are made: ordinary ones, those for special diseases (门慢特), stays and purchases."""

LISTS: Final = ("drugs", "services", "consumables")
SEXES: Final = ("male", "female")
OTHER: Final = "other"
"""The row for benefit groups that have none of their own."""

MARGINALS: Final = Shape(
    "marginals document",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("sources", "where its figures come from", "数值的来源"),
        Key("insurances", "insurance types that persons have", "险种"),
        Key("groups", "groups of persons and their person types", "人群及人员类别"),
        Key("visits", "kinds of visits and their visit types", "就诊种类及医疗类别"),
        Key("diseases", "chronic diseases and their codes", "慢性病及其代码"),
        Key("figures", "the figures, each with its source", "各项数值, 注明来源"),
    ),
    (_NOTE,),
)
INSURANCE: Final = Shape(
    "insurance",
    (
        Key("insurance_type", "险种类型 of its persons", "险种类型代码"),
        Key("account", "`yes`: its persons have personal accounts", "`yes`: 有个人账户"),
    ),
)
GROUP: Final = Shape(
    "group",
    (
        Key("insurance", "the insurance of its persons", "所属险种"),
        Key("person_type", "人员类别 of its persons", "人员类别代码"),
    ),
)
VISIT: Final = Shape(
    "kind of visit",
    (Key("visit_types", "visit types, the usual one first", "医疗类别代码, 常用者在前"),),
)
DISEASE: Final = Shape(
    "disease",
    (
        Key("disease", "病种编码 of its approval", "病种编码"),
        Key("diagnosis", "诊断代码 of its visits", "诊断代码"),
    ),
)
FIGURE: Final = Shape(
    "figure",
    (),
    (
        Key("source", "the source that states it", "出自来源表中的哪一条"),
        Key("invented", "why it was chosen, where no source states it", "无来源时, 为何这样取值"),
        Key("value", "the number, where it is one", "数值"),
        Key("rows", "a number for each row", "各行的数值"),
        Key("ages", "a number from each age on", "自某年龄起的数值"),
        _NOTE,
    ),
)


class Form(NamedTuple):
    """What a figure is: its unit, and along what its numbers stand, outermost first."""

    unit: str
    by: tuple[str, ...] = ()


SHARE, NUMBER, FROM_ONE = "share", "number", "number from 1 on"
"""Units: a percentage of 0 to 100 %, and a decimal or percentage above 0, or of 1 and more."""

AGE: Final = "age"
FIXED_AXES: Final = MappingProxyType(
    {
        "kind": KINDS,
        "visited": ("outpatient", "inpatient", "pharmacy"),
        "level": PRICE_LEVELS,
        "place": (*PRICE_LEVELS, "pharmacy"),
        "list": LISTS,
        "sex": SEXES,
        "month": tuple(str(month) for month in range(1, MONTHS_PER_YEAR + 1)),
        "weekday": tuple(str(day) for day in range(1, 8)),
        "bound": ("least", "most"),
    }
)
"""Rows that every document has; those of insurances, groups and diseases are its own."""

FREE_AXES: Final = ("benefit group", "holder")
"""Rows that a document names as it likes: entitlements, and groups whose persons have accounts."""

FIGURES: Final = MappingProxyType(
    {
        "insured": Form(NUMBER, ("insurance",)),
        "group_share": Form(SHARE, ("group",)),
        "male_share": Form(SHARE),
        "ages": Form(SHARE, ("group", AGE)),
        "age_limit": Form(NUMBER, ("group",)),
        "chronic_share": Form(SHARE, (AGE,)),
        "chronic_by_sex": Form(SHARE, ("sex",)),
        "disease_weight": Form(NUMBER, ("disease",)),
        "approved_share": Form(SHARE),
        "second_disease_share": Form(SHARE),
        "second_disease_visits": Form(SHARE),
        "approval_years": Form(NUMBER),
        "visits_a_year": Form(NUMBER, ("insurance", "visited")),
        "special_visits_a_year": Form(NUMBER),
        "visits_by_age": Form(NUMBER, ("visited", AGE)),
        "chronic_factor": Form(NUMBER, ("visited",)),
        "frailty_shape": Form(NUMBER),
        "frailty_on_cost": Form(NUMBER),
        "level_share": Form(SHARE, ("kind", "level")),
        "bill_by_level": Form(NUMBER, ("kind", "level")),
        "mean_bill": Form(NUMBER, ("insurance", "kind")),
        "bill_sigma": Form(NUMBER, ("kind",)),
        "stay_days": Form(NUMBER),
        "lines_a_claim": Form(FROM_ONE, ("kind",)),
        "amount_by_list": Form(SHARE, ("kind", "list")),
        "lines_by_list": Form(SHARE, ("kind", "list")),
        "item_order_sigma": Form(NUMBER),
        "item_exponent": Form(NUMBER),
        "item_price": Form(NUMBER, ("list",)),
        "item_price_sigma": Form(NUMBER),
        "price_by_level": Form(NUMBER, ("level",)),
        "above_ceiling_share": Form(SHARE),
        "above_ceiling_part": Form(NUMBER, ("bound",)),
        "restricted_approved_share": Form(SHARE),
        "month_weight": Form(NUMBER, ("month",)),
        "weekday_weight": Form(NUMBER, ("weekday",)),
        "main_institution_share": Form(SHARE),
        "institutions_a_million": Form(NUMBER, ("place",)),
        "benefit_group_share": Form(SHARE, ("benefit group",)),
        "other_class_share": Form(SHARE),
        "account_used_share": Form(SHARE),
        "account_opening": Form(NUMBER, ("holder",)),
        "account_opening_shape": Form(NUMBER),
        "wage_base": Form(NUMBER),
        "wage_sigma": Form(NUMBER),
        "wage_bounds": Form(NUMBER, ("bound",)),
        "cancelled_share": Form(SHARE),
        "cancelled_after_days": Form(NUMBER),
        "cost_per_head": Form(NUMBER, ("holder",)),
        "stay_cost_per_head": Form(NUMBER, (AGE,)),
        "top_tenth_share": Form(SHARE),
    }
)
"""Every figure of a document; what each says stands in the document that comes with medsettle."""

WHOLES: Final = ("ages", "level_share", "amount_by_list", "lines_by_list")
"""Figures whose innermost shares add up to the whole."""
