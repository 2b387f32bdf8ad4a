"""What each state and each reason of a list means to a holder, and what they can do."""

from typing import Final, NamedTuple

from medsettle.core.cards import CardState, InvalidReason


class Remedy(NamedTuple):
    """What to do, in English and for the screen of a Chinese counter."""

    english: str
    chinese: str


STATE_REMEDIES: Final[dict[CardState, Remedy]] = {
    CardState.SEALED: Remedy(
        "activate the card by changing its first password",
        "社保卡尚未启用，请修改初始密码启用后再使用。",
    ),
    CardState.ACTIVE: Remedy("", ""),
    CardState.LOCKED: Remedy(
        "let the holder unlock the card in person, or settle without the personal account where "
        "the area allows that",
        "社保卡已锁定，请持卡人本人办理解锁。",
    ),
    CardState.TEMPORARILY_LOST: Remedy(
        "resume the card if it was found, wait for the lapse, or present another credential",
        "社保卡已临时挂失，找回后请解挂，或使用其他凭证。",
    ),
    CardState.FORMALLY_LOST: Remedy(
        "resume the card where the area allows it, apply for a replacement, or present another "
        "credential",
        "社保卡已正式挂失，请解挂或补卡，或使用其他凭证。",
    ),
    CardState.EXPIRED: Remedy(
        "apply for a replacement, or present another credential",
        "社保卡已过有效期，请换卡，或使用其他凭证。",
    ),
    CardState.REPLACED: Remedy(
        "present the card that replaced this one, or another credential",
        "社保卡已补换，请使用新卡或其他凭证。",
    ),
    CardState.CANCELLED: Remedy(
        "present another credential, or apply for a new card",
        "社保卡已注销，请使用其他凭证或申领新卡。",
    ),
}

LIST_REMEDY: Final = {
    InvalidReason.LOST: STATE_REMEDIES[CardState.FORMALLY_LOST],
    InvalidReason.REPLACED: STATE_REMEDIES[CardState.REPLACED],
    InvalidReason.EXPIRED: STATE_REMEDIES[CardState.EXPIRED],
    InvalidReason.DAMAGED: Remedy(
        "apply for a replacement, or present another credential",
        "社保卡已损坏停用，请换卡，或使用其他凭证。",
    ),
    InvalidReason.CANCELLED: STATE_REMEDIES[CardState.CANCELLED],
    InvalidReason.OTHER: Remedy(
        "ask the keeper of the list, or present another credential",
        "社保卡已列入失效名单，请向经办机构查询，或使用其他凭证。",
    ),
}

UNKNOWN_REMEDY: Final = Remedy(
    "check the card identification code; the card may belong to another area",
    "未查到该卡，请核对卡识别码和参保地。",
)

OUTSIDE_REMEDY: Final = Remedy(
    "present another credential, or collect the physical card first",
    "临时卡不可异地使用，请使用其他凭证，或先领取正式社保卡。",
)
