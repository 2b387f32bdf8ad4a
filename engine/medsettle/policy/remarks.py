"""What is no fault of a document and yet looks like a slip: told by `policy check`, never refused.

A remark is proved from the documents and may still be meant: a level of hospital that no class has
is how a document says that it does not decide there, and nothing above the last band may be just
what a notice says.
"""

from collections.abc import Iterable, Iterator

from medsettle.core.money import yuan_from_fen
from medsettle.errors import Violation
from medsettle.policy.area import Area
from medsettle.policy.compiled import CompiledPolicy, class_of
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.policy.model import Dimension, Policy, Stage
from medsettle.policy.vocabulary import quoted, suggestion

_LEVEL = "institution_level"
_COUNTER = "counter:"


def policy_remarks(compiled: CompiledPolicy) -> Iterator[Violation]:
    """Yield what is to be said of one document."""
    policy, area = compiled.policy, compiled.area
    stages = policy.all_stages
    for number, stage in enumerate(stages):
        yield from _closed_bands(policy, stage, stages[number + 1 :])
    for name, dimension in policy.dimensions.items():
        if name not in area.dimensions and (left := _levels_left_out(area, dimension)):
            yield policy.places["policy"].violation(_left_out(dimension, left))


def area_remarks(area: Area) -> Iterator[Violation]:
    """Yield what is to be said of the dimensions that an area's policies share."""
    for dimension in area.dimensions.values():
        if left := _levels_left_out(area, dimension):
            yield area.places["institution_levels"].violation(_left_out(dimension, left))


def counter_remarks(policies: Iterable[CompiledPolicy]) -> Iterator[Violation]:
    """Yield the counters that no document of their scheme reads; documents may share one."""
    schemes: dict[tuple[str, str], list[CompiledPolicy]] = {}
    for each in policies:
        schemes.setdefault((each.policy.pooling_area, each.policy.insurance_type), []).append(each)
    for own in schemes.values():
        inputs = {name for each in own for name in each.program.inputs}
        read = {name.removeprefix(_COUNTER) for name in inputs if name.startswith(_COUNTER)}
        for each in own:
            for name, counter in each.policy.counters.items():
                if name not in read:
                    hint = f"; {suggestion(name, read)}" if read else ""
                    yield counter.place.violation(
                        f"counter {quoted(name)} is read by nothing, so it decides nothing{hint}"
                    )


def _closed_bands(policy: Policy, stage: Stage, later: tuple[Stage, ...]) -> Iterator[Violation]:
    """Yield a last band that ends where nobody pays what lies above and no cap says that it ends.

    The personal account may pay of anything that is left and says nothing of the bands.
    """
    if stage.rate is None or stage.caps:
        return
    over = f"{stage.name}.over_cap"
    named = {name for each in later for name in _looked_at(each)}
    if {over, "remaining"} & named or over in {gap.amount for gap in policy.gaps}:
        return
    for version in policy.tables[stage.rate.table].versions:
        last = version.limits_fen[-1]
        if last is not None:
            yield version.place.violation(
                f"above {yuan_from_fen(last)}元, where the last band ends, stage "
                f"{quoted(stage.name)} pays nothing, and no cap, later stage or gap speaks of "
                f"{over}; write `open` as the last limit if the last value is for all above"
            )


def _looked_at(stage: Stage) -> Iterator[str]:
    """Yield the amounts that a stage of a fund looks at."""
    if not stage.account_limited:
        yield from (*stage.base.plus, *stage.base.minus)


def _levels_left_out(area: Area, dimension: Dimension) -> dict[str, list[str]]:
    """Return by level the codes of the area's hospitals that have no class of a dimension."""
    if dimension.column != _LEVEL:
        return {}
    left = {
        level: [code for code in codes if class_of(dimension, code) < 0]
        for level, codes in zip(PRICE_LEVELS, area.price_levels, strict=True)
    }
    return {level: codes for level, codes in left.items() if codes}


def _left_out(dimension: Dimension, left: dict[str, list[str]]) -> str:
    codes = " and ".join(f"{', '.join(codes)} of {level}" for level, codes in left.items())
    return (
        f"codes {codes} have no class in dimension {quoted(dimension.name)}: a claim from such a "
        "hospital is refused; add them to a class unless that is meant"
    )
