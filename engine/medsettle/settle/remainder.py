"""The sentence of the patient's cash, with the steps that add up to it.

The amounts that nobody looks at, and what the first payers leave, less what later payers take of
that. A first payer is one whose base is pots of the bill; all others look at what was left.
"""

from collections.abc import Iterator

from medsettle.core import codes
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Sentence, Step
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import Stage

_POT_WORDS = {
    "own_expense": ("of the bill, outside the catalogue", "目录外全自费"),
    "over_limit": ("of the bill, above a ceiling price", "超限价自费"),
    "pre_self_pay": ("of the bill, first-self-pay", "乙类先行自付"),
}
_LEFT_WORDS = {
    "kept_back": ("kept back", "先行扣除"),
    "deductible": ("deductible", "起付线"),
    "own_share": ("own share", "按比例自付"),
    "over_cap": ("above bands and caps", "超过分段与封顶线"),
}
# Rounding moves at most a fen for each side of each band; anything more has another cause.
_ROUNDING_FEN_MAX = 20


def cash_sentence(
    policy: CompiledPolicy, inputs: dict[str, int], trace: dict[str, int]
) -> Sentence:
    """Return why the patient pays the rest; all steps but the last add up to the last."""
    others = sum(trace[f"payer:{payer}"] for payer in codes.PAYER_NAMES)
    fen = trace["cash"]
    total, paid = yuan_from_fen(inputs["total"]), yuan_from_fen(others)
    cash = yuan_from_fen(fen)
    steps = [step for step in _parts(policy, inputs, trace) if step.amount_fen]
    return Sentence(
        payer="cash",
        stage="cash",
        text_en=f"The patient pays {cash} yuan: the bill of {total} yuan less {paid} yuan that "
        "all others pay.",
        text_zh=f"个人现金支付 {cash} 元，即医疗费总额 {total} 元减去各方支付 {paid} 元。",
        amount_fen=fen,
        clause="the remainder, never computed by a rate",
        steps=(*steps, Step("total less all payers", fen, f"{total} - {paid}")),
    )


def _parts(policy: CompiledPolicy, inputs: dict[str, int], trace: dict[str, int]) -> Iterator[Step]:
    """Yield what was left of the bill, then what later payers took of it."""
    special = policy.area.special_pots
    pots = {pot: inputs.get(f"pot:{pot}", 0) for pot in (*codes.POT_NAMES, *special)}
    firsts, later = [], []
    for stage in policy.policy.stages:
        covered = _covered(stage, special)
        base = trace[f"stage:{stage.name}.base"]
        if base and covered <= set(pots) and base == sum(pots[pot] for pot in covered):
            pots = {pot: fen for pot, fen in pots.items() if pot not in covered}
            firsts.append(stage)
        else:
            later.append(stage)
    for pot, fen in pots.items():
        yield Step(*_pot_words(pot, fen))
    for stage in firsts:
        yield from _left_by(stage, trace)
    for stage in later:
        paid = trace[f"stage:{stage.name}.paid"]
        yield Step("less what a later payer takes", -paid, stage.title)


def _covered(stage: Stage, special: tuple[str, ...]) -> set[str]:
    """Return the pots a stage looks at; a name that is no pot where it looks at anything else."""
    names = {*stage.base.plus, *(f"less {name}" for name in stage.base.minus)}
    if "in_scope_total" in names:
        names = names - {"in_scope_total"} | {"in_scope", *special}
    return names


def _pot_words(pot: str, fen: int) -> tuple[str, int, str]:
    english, chinese = _POT_WORDS.get(pot, ("of the bill, in scope of no payer", pot))
    return english, fen, chinese


def _left_by(stage: Stage, trace: dict[str, int]) -> Iterator[Step]:
    """Yield the parts of its base that a first payer does not pay."""
    rest = trace[f"stage:{stage.name}.base"] - trace[f"stage:{stage.name}.paid"]
    for part, (english, chinese) in _LEFT_WORDS.items():
        left = trace[f"stage:{stage.name}.{part}"]
        rest -= left
        yield Step(english, left, f"{stage.title}, {chinese}")
    words = ("rounding", "取整尾差") if abs(rest) <= _ROUNDING_FEN_MAX else ("not paid", "未支付")
    yield Step(words[0], rest, f"{stage.title}, {words[1]}")
