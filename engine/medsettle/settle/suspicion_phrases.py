"""What was found before payment, as a sentence in English and Chinese.

No sentence names a person; a settlement, a registration, an item and a day are enough to act on.
"""

from medsettle.core.visits import Registration
from medsettle.policy.exclusions import Check, Finds
from medsettle.settle.care import Care, Ground

_E4 = 10_000
_REGISTERED = {
    Finds.SUSPENDED_PERSON: ("the person's settlements are suspended", "参保人结算已暂停"),
    Finds.SUSPENDED_INSTITUTION: (
        "the institution's settlements are suspended",
        "医药机构结算已暂停",
    ),
    Finds.PAID_BY_HAND: ("the bill has been paid by hand", "费用已手工报销"),
}


def reason(check: Check, ground: Ground) -> tuple[str, str]:
    """Return what was found, in English and in Chinese."""
    if ground.registration is not None:
        return _registered(check, ground.registration)
    if ground.care is not None:
        return _by_care(check, ground, ground.care)
    if ground.item:
        most = check.most_e4 // _E4
        return (
            f"item {ground.item} stands in the claim more than {most} time(s) on {ground.day}",
            f"项目 {ground.item} 在 {ground.day} 超过 {most} 次",
        )
    if ground.answer is not None:
        return (
            f"liability is {ground.liability!r}, which means {ground.answer}",
            f"责任方代码为“{ground.liability}”（{ground.answer}）",
        )
    if ground.liability is None:
        return "liability is not stated for an accident", "未填写责任方"
    return (
        f"liability {ground.liability!r} is no answer of the area",
        f"责任方代码“{ground.liability}”无效",
    )


def _registered(check: Check, held: Registration) -> tuple[str, str]:
    english, chinese = _REGISTERED[check.finds]
    until_en = f" to before {held.valid_until}" if held.valid_until else " on"
    until_zh = f"至 {held.valid_until} 前" if held.valid_until else "起"
    return (
        f"{english} from {held.valid_from}{until_en} by {held.subject}",
        f"{chinese}（{held.subject}，{held.valid_from} {until_zh}）",
    )


def _by_care(check: Check, ground: Ground, other: Care) -> tuple[str, str]:
    which_en, which_zh = f"settlement {other.settlement}", f"结算 {other.settlement}"
    days = f"{other.first} to {other.last}"
    days_zh = f"{other.first} 至 {other.last}"
    if check.finds is Finds.OVERLAPPING_STAY:
        return (
            f"the stay overlaps {which_en} at {other.institution}, {days}",
            f"与{which_zh}（{other.institution}，{days_zh}）住院时间重叠",
        )
    if check.finds is Finds.DOUBLE_INSURANCE:
        return (
            f"{which_en} of {other.last} is under insurance type {other.insurance_type}, and a "
            f"person has one in a {check.period}",
            f"{which_zh}（{other.last}）按险种 {other.insurance_type} 结算，同期只应有一种参保",
        )
    return (
        f"item {ground.item} of {ground.day} is in {which_en} at {other.institution}, {days}",
        f"项目 {ground.item}（{ground.day}）已在{which_zh}（{other.institution}，{days_zh}）中",
    )
