"""The keys of an `area.yaml`, as `medsettle.policy.keys` holds those of rule documents."""

from typing import Final

from medsettle.policy.key_types import Key, Shape

AREA_FILE: Final = "area.yaml"

_NOTE: Final = Key("note", "anything a reader should know", "给读者的说明")

AREA: Final = Shape(
    "area",
    (
        Key("format", "the version of the rule language, 1", "规则语言版本, 写 1"),
        Key("area", "six digits, as the folder", "统筹区六位代码, 与文件夹同名"),
        Key("name", "what the area is called", "地名"),
        Key("institution_levels", "the codes of each hospital level", "各级医院的等级代码"),
        Key("catalogue", "the file of its catalogue", "目录文件"),
        Key("unlisted_items", "what happens to an item it does not list", "目录外项目如何处理"),
        Key("pre_self_pay_on", "`capped_price` or `full_price`", "先行自付按限价内金额或全价计算"),
        Key("pre_self_pay_rounding", "`line` or `settlement`", "先行自付按明细或按结算取整"),
        Key("sources", "where its values come from", "数值的来源"),
    ),
    (
        Key("special_pots", "pots for lines with a rate of their own", "按单独比例支付的专项"),
        Key("dimensions", "what the rules of all its policies depend on", "各政策共用的维度"),
        Key(
            "pre_self_pay_as",
            "whose first-self-pay ratios a scheme uses",
            "借用哪个险种的先行自付比例",
        ),
        Key("populations", "persons with columns of their own", "目录中单列比例或限价的人群"),
        Key("class_pots", "the pot of each item class", "甲类、乙类各自归入的专项"),
        Key("earmarks", "marks of lines that another fund pays", "由其他基金支付的明细标记"),
        _NOTE,
    ),
)

POPULATION: Final = Shape(
    "population",
    (Key("when", "the classes of its persons", "人群条件"),),
    (Key("insurance_type", "the insurance types of its persons", "险种类型代码"), _NOTE),
)

EARMARK: Final = Shape(
    "earmark",
    (
        Key(
            "pot",
            "the special pot of the in-scope part, or `own_expense`",
            "归入的专项, 或全额自费",
        ),
    ),
    (
        Key("pre_self_pay_as", "whose first-self-pay ratios it uses", "借用哪个险种的先行自付比例"),
        _NOTE,
    ),
)

PRE_SELF_PAY_ON: Final = ("capped_price", "full_price")
"""What first-self-pay is a part of: the amount below the ceilings, or the whole (shape L3)."""
PRE_SELF_PAY_ROUNDING: Final = ("line", "settlement")
"""Where first-self-pay is rounded (shape O3)."""
