"""A walk through a policy as one JSON object for programs; amounts are fen."""

from dataclasses import asdict

from medsettle.settle.walk import Walk
from medsettle.settle.walk_stages import StageStory


def walk_json(walk: Walk) -> dict[str, object]:
    """Return a walk as a JSON object, its parts in the order of the page."""
    return {
        "name": walk.name,
        "visit": walk.number,
        "visits": walk.count,
        "place": f"{walk.visit.place.file}:{walk.visit.place.line}",
        "unsettled": list(walk.unsettled),
        "policies": [
            {
                "policy": each.policy.policy.name,
                "title": each.policy.policy.title,
                "file": each.policy.policy.file,
                "digest": each.policy.digest,
                "confidence": each.policy.confidence,
                "chosen": each.chosen,
                **_phrase("why", each.why),
            }
            for each in walk.candidates
        ],
        "facts": [_fact(each) for each in walk.facts],
        "quantities": [_fact(each) for each in walk.quantities],
        "counters": [asdict(each) for each in walk.counters],
        "lines": [
            asdict(each) | {"reasons": [_phrase("text", reason) for reason in each.reasons]}
            for each in walk.lines
        ],
        "stages": [_stage(each) for each in walk.stages],
        "payouts": [_stage(each) for each in walk.payouts],
        "settlement": walk.settlement.columns,
        "payers": list(walk.settlement.payers),
        "cash": asdict(walk.cash),
        "gaps": list(walk.settlement.notices),
        "expected": walk.visit.expect,
        "differences": [
            {"amount": each.amount, "expected": each.expected, "found": each.found}
            for each in walk.differences
        ],
    }


def _phrase(name: str, phrase: tuple[str, str]) -> dict[str, str]:
    english, chinese = phrase
    return {f"{name}_en": english, f"{name}_zh": chinese}


def _fact(fact: object) -> dict[str, object]:
    found = asdict(fact)  # type: ignore[call-overload]
    return {name: value for name, value in found.items() if name != "why"} | _phrase(
        "why", found["why"]
    )


def _stage(story: StageStory) -> dict[str, object]:
    return {
        "stage": story.stage.name,
        "payer": story.stage.payer,
        "payee": story.sentence.payee,
        "title": story.stage.title,
        "place": f"{story.stage.place.file}:{story.stage.place.line}",
        "note": story.stage.note,
        "skipped": story.skipped,
        "conditions": [asdict(each) | {"met": each.met} for each in story.conditions],
        "base": [
            {"amount": name, "sign": sign, "fen_e4": value} for sign, name, value in story.terms
        ],
        "text_en": story.sentence.text_en,
        "text_zh": story.sentence.text_zh,
        "clause": story.sentence.clause,
        "paid_fen": story.sentence.amount_fen,
        "questions": [asdict(each) for each in story.questions],
        "left_fen_e4": story.left,
        "remaining_fen": story.remaining_fen,
    }
