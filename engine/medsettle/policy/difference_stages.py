"""Compare the stages of two policies: who pays, in which order, on which terms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from medsettle.policy.difference import (
    Change,
    Moment,
    Places,
    Topic,
    joined,
    moments,
    policy_changes,
)
from medsettle.policy.difference_classes import Fact, Point, facts_of, grouped, narrowed
from medsettle.policy.difference_values import Held, evidence_changes, value_changes
from medsettle.policy.model import Condition, Counter, Policy, Stage
from medsettle.policy.quantity import Quantity
from medsettle.policy.stage_leaves import Leaf, stage_leaves

_PAYS, _PAYS_NOT = "pays", "does not pay"


def differences(
    old: Policy, new: Policy, stretches: Sequence[Moment] | None = None
) -> list[Change]:
    """Return what two policies say differently, in the order of `Topic`.

    Args:
        old: The policy as it was.
        new: The policy as it is to be.
        stretches: The days to compare; all that `moments` finds where absent.
    """
    chosen = moments(old, new) if stretches is None else stretches
    return joined((moment, _changes(old, new, moment)) for moment in chosen)


def _changes(old: Policy, new: Policy, moment: Moment) -> Iterator[Change]:
    yield from policy_changes(old, new)
    pair = _Pair(old, new, moment, facts_of(old, new))
    yield from pair.stages()
    yield from _named_changes(old, new)
    yield from _class_changes(old, new, pair.facts)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two policies, each on its day."""

    old: Policy
    new: Policy
    moment: Moment
    facts: tuple[Fact, ...]

    def stages(self) -> Iterator[Change]:
        matched = _matched(self.old, self.new)
        yield from self._order(matched)
        for before, after in matched:
            if after is None or before is None:
                yield self._presence(before, after)
            yield from self._stage(before, after)

    def _order(self, matched: Sequence[tuple[Stage | None, Stage | None]]) -> Iterator[Change]:
        both = [(old, new) for old, new in matched if old is not None and new is not None]
        was = [stage.name for stage in self.old.all_stages]
        orders = [
            ", ".join(new.name for _, new in pairs)
            for pairs in (sorted(both, key=lambda pair: was.index(pair[0].name)), both)
        ]
        if orders[0] != orders[1]:
            yield Change(Topic.STAGE, "", "order of payment", orders[0], orders[1])

    def _presence(self, before: Stage | None, after: Stage | None) -> Change:
        was, now = _presence(self.old, before), _presence(self.new, after)
        name = (after or before or self.new.all_stages[0]).name
        return Change(Topic.STAGE, name, "stage", was, now, places=_at(before, after))

    def _stage(self, before: Stage | None, after: Stage | None) -> Iterator[Change]:
        stage = after or before
        assert stage is not None
        old = stage_leaves(self.old, before) if before is not None else {}
        new = stage_leaves(self.new, after) if after is not None else {}
        heads = [{leaf.head for leaf in leaves.values()} for leaves in (old, new)]
        both = heads[0] & heads[1]
        for role in dict.fromkeys([*new, *old]):
            was, now = old.get(role), new.get(role)
            sides = (
                Held(self.old, was, self.moment.old_day),
                Held(self.new, now, self.moment.new_day),
            )
            if any(side.table is not None for side in sides):
                yield from value_changes(stage.name, role, *sides, self.facts)
                yield from evidence_changes(stage.name, role, *sides)
        if before is None or after is None:
            return
        yield from _switches(old, new, both, stage.name, _at(before, after))
        yield from self._condition(before, after)

    def _condition(self, before: Stage, after: Stage) -> Iterator[Change]:
        names = [[name for name, _ in stage.when] for stage in (before, after)]
        facts = narrowed(self.facts, (self.old, names[0]), (self.new, names[1]))

        def pays(points: tuple[Point, ...]) -> tuple[str, str]:
            was = _meets(self.old, before.when, [held for point in points for held in point.old])
            now = _meets(self.new, after.when, [held for point in points for held in point.new])
            return (_PAYS if was else _PAYS_NOT), (_PAYS if now else _PAYS_NOT)

        for classes, (was, now) in grouped(facts, pays):
            if was != now:
                yield Change(
                    Topic.CONDITION, after.name, "when", was, now, classes=classes,
                    places=_at(before, after),
                )  # fmt: skip


def _matched(old: Policy, new: Policy) -> list[tuple[Stage | None, Stage | None]]:
    """Return the stages of two policies in pairs, in the order of the new one, then what is gone.

    Stages of one name are one; so are the only ones left of a payer.
    """
    was = {stage.name: stage for stage in old.all_stages}
    found: list[tuple[Stage | None, Stage | None]] = []
    kept = {stage.name for stage in new.all_stages}
    left = [stage for stage in old.all_stages if stage.name not in kept]
    fresh = [stage for stage in new.all_stages if stage.name not in was]
    for stage in new.all_stages:
        same = was.get(stage.name)
        own = [each for each in left if each.payer == stage.payer]
        alone = len([each for each in fresh if each.payer == stage.payer]) == 1
        if same is None and alone and len(own) == 1:
            same = own[0]
            left.remove(same)
        found.append((same, stage))
    return [*found, *((stage, None) for stage in left)]


def _presence(policy: Policy, stage: Stage | None) -> str | None:
    """Return what a stage is called and where it stands in the order of payment."""
    if stage is None:
        return None
    number = policy.all_stages.index(stage)
    where = f"after {policy.all_stages[number - 1].name}" if number else "first"
    payee = "" if stage.payee is None else f" to {stage.payee}"
    return f"{stage.title} ({stage.payer}{payee}), {where}"


def _meets(policy: Policy, when: Condition, held: Sequence[tuple[str, int]]) -> bool:
    classes = dict(held)
    return all(
        classes[name] >= 0 and policy.dimensions[name].values[classes[name]] in chosen
        for name, chosen in when
    )


def _at(before: object, after: object) -> Places:
    return getattr(before, "place", None), getattr(after, "place", None)


def _switches(
    old: dict[str, Leaf],
    new: dict[str, Leaf],
    both: set[str],
    stage: str,
    places: Places,
) -> Iterator[Change]:
    """Yield switches that changed; those of a part that is new or gone are told in one."""
    told: set[str] = set()
    for role in dict.fromkeys([*new, *old]):
        was, now = old.get(role), new.get(role)
        leaf = now or was
        assert leaf is not None
        if leaf.head in both:
            words = (was.words if was else None), (now.words if now else None)
        elif leaf.head in told or any(
            each.table is not None
            for each in (*old.values(), *new.values())
            if each.head == leaf.head
        ):
            continue
        else:
            told.add(leaf.head)
            words = _together(old, leaf.head), _together(new, leaf.head)
        if words[0] != words[1]:
            what = role if leaf.head in both else leaf.head
            yield Change(Topic.SWITCH, stage, what, words[0], words[1], places=places)


def _together(leaves: dict[str, Leaf], head: str) -> str | None:
    """Return the words of all switches of one part; None where there are none."""
    found = [
        f"{leaf.role.rpartition('.')[2]} {leaf.words}" if leaf.role != head else str(leaf.words)
        for leaf in leaves.values()
        if leaf.head == head and leaf.words is not None
    ]
    return ", ".join(found) or None


def _named_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Yield counters and quantities that differ; what carries another name carries no past."""
    pairs: list[tuple[dict[str, Counter | Quantity], dict[str, Counter | Quantity]]] = [
        ({**old.counters}, {**new.counters}),
        ({**old.quantities}, {**new.quantities}),
    ]
    for was, now in pairs:
        for name in dict.fromkeys([*now, *was]):
            before, after = was.get(name), now.get(name)
            places = _at(before, after)
            if before is None or after is None:
                told = _definition(before), _definition(after)
                yield Change(Topic.COUNTER, "", name, *told, places=places)
                continue
            for field in fields(before):
                said = _words(getattr(before, field.name)), _words(getattr(after, field.name))
                if said[0] != said[1] and field.name != "place":
                    what = f"{name}.{field.name}"
                    yield Change(Topic.COUNTER, "", what, *said, places=places)


def _words(value: object) -> str | None:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or None
    return None if value is None else str(value)


def _definition(held: Counter | Quantity | None) -> str | None:
    """Return the fields of a counter or a quantity that say something, in a line."""
    if held is None:
        return None
    found = []
    for field in fields(held):
        value = getattr(held, field.name)
        if field.name not in {"name", "place"} and _words(value) and value != field.default:
            found.append(f"{field.name} {_words(value)}")
    return ", ".join(found)


def _class_changes(old: Policy, new: Policy, facts: Sequence[Fact]) -> Iterator[Change]:
    """Yield what moved from one class to another in a dimension of one name."""
    for name in new.dimensions:
        if name not in old.dimensions:
            continue
        for fact in narrowed(facts, (old, [name]), (new, [name])):
            for point in fact.points:
                was = _class_word(old, name, point.old)
                now = _class_word(new, name, point.new)
                if was != now and point.old and point.new:
                    what = f"{name} of {fact.column} {point.sample}"
                    yield Change(Topic.CLASS, "", what, was, now)


def _class_word(policy: Policy, name: str, held: Sequence[tuple[str, int]]) -> str | None:
    number = dict(held).get(name, -1)
    return policy.dimensions[name].values[number] if number >= 0 else None
