"""The words of a report: codes, payers and headings in two languages, one of which stands first."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from medsettle.core import code_words, codes
from medsettle.replay.compare_queries import LEVELS
from medsettle.replay.concentration_queries import CONCENTRATED
from medsettle.replay.figure_forms import Shown, Words, shown_text


class Language(StrEnum):
    """Which language stands first; the other stands beside names of figures and columns."""

    EN = "en"
    ZH = "zh"


ASSUMPTIONS: Final = Words("Assumptions", "假设与口径")
VERSIONS: Final = Words("Versions and digests", "版本与摘要")
WHAT_IT_CHANGES: Final = Words("What it changes", "改革内容")
SAME: Final = Words("The policies say the same.", "政策无差异。")
NOT_TOLD: Final = Words(
    "Not told: name the rules and the reforms with --rules and --reform to have it in words.",
    "未提供：以 --rules 与 --reform 指明规则与改革文件即可显示文字说明。",
)


def first(words: Words, language: Language) -> str:
    """Return words in the language that stands first."""
    return words.zh if language is Language.ZH else words.en


def second(words: Words, language: Language) -> str:
    """Return words in the other language."""
    return words.en if language is Language.ZH else words.zh


def both(words: Words, language: Language) -> str:
    """Return words in both languages."""
    return f"{first(words, language)} {second(words, language)}"


def cell_words(
    column: Shown, row: Mapping[str, object], language: Language
) -> tuple[str, Words | None]:
    """Return a cell as people read it: a code and its words, or its text alone."""
    text = shown_text(column, row)
    if column.titled_by and (title := row[column.titled_by]):
        # A document has its titles in one language.
        return text, Words(str(title), "")
    known = _CODE_LISTS.get(column.codes)
    found = known.get(text) if known is not None else None
    if found is None and column.codes == "person_type" and known is not None:
        found = known.get(text[:2])
    if found is None:
        return text, None
    if column.codes in _NAMES:
        return first(found, language), Words("", second(found, language))
    return text, found


def payer_words(name: str) -> Words:
    """Return the words of a payer, or of a sum of payers."""
    return _PAYERS[name]


_SUMS: Final = {
    "cash": Words("Cash", "个人现金"),
    "fund_total": Words("Fund total", "基金合计"),
    "person_total": Words("Person total", "个人负担合计"),
    "payouts": Words("Payouts beside the bill", "账外支付"),
    "total": Words("Cost", "医疗费总额"),
}
_PAYERS: Final = {
    **{
        payer.name: Words(payer.name.replace("_", " ").capitalize(), payer.chinese)
        for payer in codes.PAYERS
    },
    **_SUMS,
}
_CODE_LISTS: Final[Mapping[str, Mapping[str, Words]]] = {
    "payer": _PAYERS,
    "side": {
        "gains": Words("Gains", "受益"),
        "loses": Words("Loses", "受损"),
        "same": Words("Stays the same", "不变"),
    },
    "crossed": {
        "deductible": Words("Deductible", "起付线"),
        "cap": Words("Cap", "封顶线"),
    },
    "measured": {
        "cost": Words("A share of cost", "占费用比例"),
        "amount": Words("An amount", "金额"),
        **dict(CONCENTRATED),
    },
    "insurance_type": {
        code: Words(codes.INSURANCE_TYPES[code], chinese)
        for code, chinese in code_words.INSURANCE_TYPE_WORDS.items()
    },
    "visit_type": {
        code: Words(codes.VISIT_TYPES[code], chinese)
        for code, chinese in code_words.VISIT_TYPE_WORDS.items()
    },
    "institution_level": {
        text: Words(*code_words.HOSPITAL_LEVEL_WORDS[own[0]]) for text, own in LEVELS.items()
    },
    "person_type": {code: Words(*pair) for code, pair in code_words.PERSON_TYPE_WORDS.items()},
}
# Lists whose codes are names of our own, so that the words stand in their place.
_NAMES: Final = {"payer", "side", "crossed", "measured"}
