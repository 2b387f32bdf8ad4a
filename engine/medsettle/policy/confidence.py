"""What the labels of confidence mean, for readers of documents and for editors."""

from typing import Final

from medsettle.policy.keys import CONFIDENCES

CONFIDENCE_MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "SO": ("an official text, read", "官方文件原文, 已查阅"),
    "SW": ("another web page, read; its year is often missing", "其他网页, 已查阅, 常缺年份"),
    "SR": ("amounts of a real settlement, identifiers dropped", "真实结算单据的数额, 已脱敏"),
    "S3": ("a data set of others: good for shapes, bad for figures", "第三方数据, 数值不可靠"),
    "KH": ("known from memory, and sure", "凭记忆, 把握大"),
    "KM": ("known from memory, and not quite sure", "凭记忆, 把握一般"),
    "uncertain": ("rests on an assumption that its note tells", "基于假定, 见说明"),
    "invented": ("made up, for an example", "虚构, 仅作示例"),
}
"""Labels in English and Chinese, from the surest to the least sure."""

assert tuple(CONFIDENCE_MEANINGS) == CONFIDENCES
