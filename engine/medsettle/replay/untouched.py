"""Why a reform decides no claim: what its documents are of, beside what the claims are of.

A reform that touches nothing comes out as one that costs nothing, and reads like it. So each of its
documents is held against the claims: the first of area, insurance type, visit types and days that
no claim has is the reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from medsettle.core import code_words, codes
from medsettle.replay.figure_forms import Figure, Words
from medsettle.replay.history_contents import Contents
from medsettle.replay.layout import BASELINE


@dataclass(frozen=True, slots=True)
class ClaimsAre:
    """What claims are of: codes, and days of service; None where there is no claim."""

    areas: tuple[str, ...]
    insurance_types: tuple[str, ...]
    visit_types: tuple[str, ...]
    first_day: date | None
    last_day: date | None

    @classmethod
    def of_history(cls, has: Contents) -> Self:
        """Return what all claims of a history are of."""
        areas, insurances, visits = map(tuple, (has.areas, has.insurance_types, has.visit_types))
        return cls(areas, insurances, visits, has.first_day, has.last_day)

    @classmethod
    def compared(cls, figures: Mapping[str, Figure]) -> Self:
        """Return what the claims of a comparison are of."""
        areas, insurances, visits = (
            tuple(str(row["grouped"]) for row in figures[name].rows())
            for name in ("by_area", "by_insurance", "by_visit")
        )
        (overview,) = figures["overview"].rows()
        first, last = overview["first_day"], overview["last_day"]
        assert first is None or isinstance(first, date)
        assert last is None or isinstance(last, date)
        return cls(areas, insurances, visits, first, last)


def own_documents(worlds: Mapping[str, Any], reform: str) -> dict[str, Mapping[str, Any]]:
    """Return the documents that a reform has and the baseline has not, by name.

    Args:
        worlds: What is told of each world (`World.told`); nothing in results of an older program.
        reform: Its name.
    """
    held, own = (worlds.get(world, {}).get("policies", {}) for world in (BASELINE, reform))
    return {name: told for name, told in own.items() if name not in held}


def untouched_words(documents: Mapping[str, Mapping[str, Any]], claims: ClaimsAre) -> Words:
    """Return why documents decide no claim, and what a replay leaves as it was.

    Args:
        documents: Those of a reform (`own_documents`).
        claims: What the claims are of.
    """
    told = [_reason(name, document, claims) for name, document in documents.items()]
    return Words(
        " ".join(f"{each.en}." for each in (*told, _AS_RECORDED)),
        "".join(f"{each.zh}。" for each in (*told, _AS_RECORDED)),
    )


_AS_RECORDED = Words(
    "A replay settles claims: credits of accounts and what is paid by the year are as they were "
    "recorded",
    "重算只结算费用，个人账户划入与年度支付均按原记录",
)


def _reason(name: str, told: Mapping[str, Any], claims: ClaimsAre) -> Words:
    return next(_reasons(name, told, claims))


def _reasons(name: str, told: Mapping[str, Any], claims: ClaimsAre) -> Iterator[Words]:
    """Yield why a document decides no claim, the plainest reason first; always at least one."""
    # Results of an older program say less of a document.
    areas, insurances = ([str(told[key])] if key in told else [] for key in _ALONE)
    for own, had, words, chinese, listed in (
        (areas, claims.areas, "the area", "统筹区", {}),
        (insurances, claims.insurance_types, *_INSURANCE),
        ([str(each) for each in told.get("visit_types", ())], claims.visit_types, *_VISITS),
    ):
        if own and not set(own) & set(had):
            yield Words(
                f"{name} is of {words} {_coded(own, listed, 0)}, and the claims are of "
                f"{_coded(had, listed, 0) or 'none'}",
                f"{name} 适用于{chinese} {_coded(own, listed, 1)}，而结算属于 "
                f"{_coded(had, listed, 1) or '无'}",
            )
    since, until = str(told.get("from", "")), str(told.get("until", ""))
    if claims.last_day is not None and since > claims.last_day.isoformat():
        yield Words(
            f"{name} is in force from {since}, and the last claim is of {claims.last_day}",
            f"{name} 自 {since} 起施行，而最后一次结算为 {claims.last_day}",
        )
    if claims.first_day is not None and until and until <= claims.first_day.isoformat():
        yield Words(
            f"{name} is in force before {until}, and the first claim is of {claims.first_day}",
            f"{name} 施行至 {until} 之前，而第一次结算为 {claims.first_day}",
        )
    yield Words(
        f"No claim has the area, insurance type, visit types and days of {name} together",
        f"没有结算同时符合 {name} 的统筹区、险种、医疗类别与日期",
    )


_ALONE = ("area", "insurance_type")


def _coded(found: Iterable[str], listed: Mapping[str, Words], at: int) -> str:
    """Return codes with their words, in order; at 0 English, at 1 Chinese."""
    return ", ".join(
        f"{code} ({(listed[code].en, listed[code].zh)[at]})" if code in listed else str(code)
        for code in sorted(found)
    )


def _words_of(english: Mapping[str, str], chinese: Mapping[str, str]) -> dict[str, Words]:
    return {code: Words(english[code], words) for code, words in chinese.items()}


_INSURANCE = (
    "the insurance type",
    "险种",
    _words_of(codes.INSURANCE_TYPES, code_words.INSURANCE_TYPE_WORDS),
)
_VISITS = (
    "the visit types",
    "医疗类别",
    _words_of(codes.VISIT_TYPES, code_words.VISIT_TYPE_WORDS),
)
