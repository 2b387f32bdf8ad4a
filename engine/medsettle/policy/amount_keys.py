"""The keys of amounts, wherever a rule document states one (`medsettle.policy.amount_of`)."""

from typing import Final

from medsettle.policy.key_types import Key, Shape

AMOUNT_OF: Final = (
    Key("of", "the named amounts it is made of", "构成金额的各项"),
    Key("within", "the least and the most these are", "各项合计的下限与上限"),
    Key("times", "the quantity, or tables of counts, it is taken times", "乘以的数量或数目表"),
    Key("factor", "the table of factors on it", "金额的系数表"),
    Key("plus", "tables added to it, some times a quantity", "另加的金额表, 可乘以数量"),
    Key("rounding", "where, to what and how the factor's product is rounded", "系数乘积的取整"),
)
"""What changes an amount, wherever one is stated; `at_most` limits it."""

TABLE_OF_AMOUNTS: Final = Key("table", "the table of amounts", "金额表")

AMOUNT: Final = Shape(
    "amount",
    (),
    (
        TABLE_OF_AMOUNTS,
        *AMOUNT_OF,
        Key("at_most", "the table of the most it is in all", "合计的最高额表"),
        Key("note", "anything a reader should know", "给读者的说明"),
    ),
)

WITHIN: Final = Shape(
    "within",
    (),
    (
        Key("least", "the table of the least, and a factor on it", "下限"),
        Key("most", "the table of the most, and a factor on it", "上限"),
    ),
)

BOUND: Final = Shape(
    "bound", (TABLE_OF_AMOUNTS,), (Key("factor", "the table of factors on it", "金额的系数表"),)
)

AMOUNT_ROUNDING: Final = Shape(
    "amount_rounding",
    (
        Key("at", "`each`: before it is taken times anything, or `once`", "逐个取整或合并取整"),
        Key("to", "`fen` or `yuan`", "取整到分或元"),
        Key("mode", "`half_up`, `down` or `up`", "四舍五入、舍去或进位"),
    ),
)

TIMES: Final = Shape(
    "times",
    (
        Key("table", "the table of amounts", "金额表"),
        Key("times", "the quantity it is taken times", "乘以的数量"),
    ),
)
