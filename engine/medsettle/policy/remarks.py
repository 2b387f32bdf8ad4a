"""What an author should know of a document that is no fault: claims and values it leaves out.

A notice that says nothing of some hospitals, a pot that nobody pays, a source that no value cites:
each may be meant, so a document with remarks is loaded and settles. `policy check` shows them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from medsettle.core.money import yuan_from_fen
from medsettle.errors import Violation
from medsettle.policy.compiled import CompiledPolicy, class_of
from medsettle.policy.coverage import asked
from medsettle.policy.difference_classes import facts_of
from medsettle.policy.keys import PRICE_LEVELS, TOTAL_NAMES
from medsettle.policy.model import BEFORE, CapOn, Counter, Policy, Stage
from medsettle.policy.stage_leaves import texts_of
from medsettle.policy.tree import Place
from medsettle.policy.vocabulary import nearest, quoted


def remarks(policies: Sequence[CompiledPolicy]) -> list[Violation]:
    """Return the remarks on some documents and on what they leave out together, each once.

    Args:
        policies: All of a folder, or one for itself; then what others might do with its counters
            and pots is not asked.
    """
    found = [remark for compiled in policies for remark in _of_document(compiled)]
    if len(policies) > 1:
        schemes = defaultdict(list)
        for compiled in policies:
            policy = compiled.policy
            schemes[policy.pooling_area, policy.insurance_type].append(compiled)
        for own in schemes.values():
            found += [*_unread_counters(own), *_unpaid_pots(own), *_days_between(own)]
    order = sorted(dict.fromkeys(found), key=lambda found: (found.file, found.line, found.column))
    return list(order)


# --- one document -------------------------------------------------------------------------------


def _of_document(compiled: CompiledPolicy) -> Iterator[Violation]:
    yield from _uncovered_levels(compiled)
    yield from _half_classed(compiled)
    yield from _uncited_sources(compiled.policy)
    stages = compiled.policy.all_stages
    for number, stage in enumerate(stages):
        yield from _unmoved_counters(compiled.policy, stage)
        yield from _counted_beside_bands(compiled.policy, stage)
        yield from _closed_bands(compiled.policy, stage, stages[number + 1 :])


def _place(compiled: CompiledPolicy, dimension: str) -> Place:
    """Return where a dimension stands, in the document or its area, which is told once for all."""
    own = compiled.policy.places.get(f"dimensions.{dimension}")
    return own or compiled.area.places["dimensions"]


def _uncovered_levels(compiled: CompiledPolicy) -> Iterator[Violation]:
    policy, area = compiled.policy, compiled.area
    for name in sorted(asked(policy)):
        dimension = policy.dimensions[name]
        if dimension.column != "institution_level":
            continue
        left = [
            (level, [code for code in codes if class_of(dimension, code) < 0])
            for level, codes in zip(PRICE_LEVELS, area.price_levels, strict=True)
        ]
        told = [f"{', '.join(codes)} ({level})" for level, codes in left if codes]
        if told:
            yield _place(compiled, name).violation(
                f"institution level {' and '.join(told)} has no class in {quoted(name)}, so its "
                "claims are refused; add it to a class, unless nothing is stated for it"
            )


def _half_classed(compiled: CompiledPolicy) -> Iterator[Violation]:
    """Yield codes that one dimension has a class for and another of the same column has not."""
    policy, names = compiled.policy, asked(compiled.policy)
    for fact in facts_of(policy, policy):
        for point in fact.points:
            own = [(name, number) for name, number in point.new if name in names]
            without = [name for name, number in own if number < 0]
            if without and len(without) < len(own):
                has = next(name for name, number in own if number >= 0)
                yield _place(compiled, without[0]).violation(
                    f"{fact.column} {quoted(str(point.sample))} has a class in {quoted(has)} and "
                    f"none in {quoted(without[0])}, so its claims are refused; add it, unless "
                    "nothing is stated for it"
                )


def _uncited_sources(policy: Policy) -> Iterator[Violation]:
    cited = {stage.source for stage in policy.all_stages}
    cited |= {version.source for table in policy.tables.values() for version in table.versions}
    for key in policy.sources:
        if key not in cited:
            yield policy.places[f"sources.{key}"].violation(
                f"no value cites source {quoted(key)}; cite it where its values stand, or delete it"
            )


def _unmoved_counters(policy: Policy, stage: Stage) -> Iterator[Violation]:
    """Yield the counters that limit a stage and are not moved by what it looks at or pays."""
    limited: dict[str, str] = {}
    if stage.deductible is not None and stage.deductible.counter is not None:
        limited[stage.deductible.counter] = "deductible"
    for cap in stage.caps:
        if cap.counter is not None:
            limited[cap.counter] = "cap on payment" if cap.on is CapOn.PAYMENT else "cap on base"
    for name, what in limited.items():
        if not _moves(stage, policy.counters[name]):
            yield stage.place.violation(
                f"the {what} of {quoted(stage.name)} is counted in {quoted(name)}, which "
                "adds up nothing of this stage, so it never uses it up; name an amount of this "
                "stage in `sums`, or another counter"
            )


def _counted_beside_bands(policy: Policy, stage: Stage) -> Iterator[Violation]:
    """Yield a running total that counts the deductible where its bands do not, or the other way."""
    if stage.bands is None or stage.bands.counter is None or stage.deductible is None:
        return
    counter = policy.counters[stage.bands.counter]
    own = {name.partition(".")[2] for name in counter.sums if name.startswith(f"{stage.name}.")}
    with_deductible = bool(own & {"base", "deductible"})
    if not own or with_deductible is stage.bands.deductible_inside:
        return
    side, right = ("inside", "base") if stage.bands.deductible_inside else ("outside", "net")
    yield stage.place.violation(
        f"the bands of {quoted(stage.name)} have the deductible {side}, and their running total "
        f"{quoted(counter.name)} counts {'it' if with_deductible else 'without it'}: the next "
        f"claim begins elsewhere than this one ended; let it sum {stage.name}.{right}"
    )


def _closed_bands(policy: Policy, stage: Stage, later: Sequence[Stage]) -> Iterator[Violation]:
    """Yield a last band that ends where nobody pays what lies above and no cap says that it ends.

    The personal account may pay of anything that is left and says nothing of the bands.
    """
    if stage.rate is None or stage.caps:
        return
    over = f"{stage.name}.over_cap"
    named = {name for each in later if not each.account_limited for name in texts_of(each)}
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


def _moves(stage: Stage, counter: Counter) -> bool:
    return any(
        name.startswith(f"{stage.name}.") or name in stage.base.plus for name in counter.sums
    )


# --- documents together -------------------------------------------------------------------------


def _unread_counters(own: Sequence[CompiledPolicy]) -> Iterator[Violation]:
    """Yield counters that no document of a scheme looks at."""
    read = {name for compiled in own for name in _read(compiled.policy)}
    for compiled in own:
        for name, counter in compiled.policy.counters.items():
            if name not in read:
                near = nearest(name, read)
                meant = f"; did you mean {quoted(near)}? If not, " if near is not None else "; "
                yield counter.place.violation(
                    f"nothing looks at counter {quoted(name)}, here or in another document of the "
                    f"scheme{meant}use it or delete it"
                )


def _read(policy: Policy) -> Iterator[str]:
    """Yield the counters that a document looks at."""
    yield from (each.column for each in policy.dimensions.values() if each.kind == "counter")
    named = set(texts_of(policy.all_stages))
    yield from (name for name in policy.counters if f"{name}.{BEFORE}" in named)
    for stage in policy.all_stages:
        found = [cap.counter for cap in stage.caps]
        found += [stage.bands.counter] if stage.bands else []
        if stage.deductible is not None:
            found.append(stage.deductible.counter)
            found += [stage.deductible.at_most.counter] if stage.deductible.at_most else []
        yield from filter(None, found)


def _unpaid_pots(own: Sequence[CompiledPolicy]) -> Iterator[Violation]:
    """Yield special pots of an area that no stage of a scheme looks at."""
    first = own[0]
    named = {name for compiled in own for name in texts_of(compiled.policy.all_stages)}
    if named & {*TOTAL_NAMES}:
        return
    left = [pot for pot in first.area.special_pots if pot not in named]
    if left:
        pots = f"pot{'s' if len(left) > 1 else ''} {', '.join(map(quoted, left))}"
        yield first.area.places["special_pots"].violation(
            f"no stage of scheme {first.policy.insurance_type} looks at {pots}, so its persons pay "
            "what falls there; name it in a base, unless that is meant"
        )


def _days_between(own: Iterable[CompiledPolicy]) -> Iterator[Violation]:
    """Yield the days on which no document decides visits that one before and one after do."""
    spans = defaultdict(list)
    for compiled in own:
        for visit_type in compiled.policy.visit_types:
            spans[visit_type].append(compiled.policy)
    left: dict[tuple[str, str], list[str]] = defaultdict(list)
    policies = {compiled.policy.name: compiled.policy for compiled in own}
    for visit_type, found in spans.items():
        found.sort(key=lambda policy: policy.in_force_from)
        for earlier, later in pairwise(found):
            if earlier.in_force_until is not None and earlier.in_force_until < later.in_force_from:
                left[earlier.name, later.name].append(visit_type)
    for (first, second), visit_types in left.items():
        earlier, later = policies[first], policies[second]
        several = "s" if len(visit_types) > 1 else ""
        yield later.places["in_force"].violation(
            f"visit type{several} {', '.join(visit_types)} from {earlier.in_force_until} until "
            f"{later.in_force_from}: no document decides them, for {earlier.file} has ended; begin "
            "earlier, or let it end later"
        )
