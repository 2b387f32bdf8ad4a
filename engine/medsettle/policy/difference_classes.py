"""Whom two documents tell apart, on common ground.

Two documents may class the same code, age or count otherwise and under other names. A `Fact` is
what dimensions look at; its points are the kinds of claim that any dimension of either document
tells apart, each with its class in both. So values compare where the classes differ.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from medsettle.policy.compiled import band_of, class_of, list_class
from medsettle.policy.model import Dimension, Policy

T = TypeVar("T")

Classes: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""What a dimension is called, and the classes meant; empty for everybody."""

_NOT_COVERED = -1


@dataclass(frozen=True, slots=True)
class Point:
    """One kind of claim: its class number by dimension in both documents, -1 for none.

    `sample` is the code, age, count or day that stands for it.
    """

    sample: str | int
    old: tuple[tuple[str, int], ...]
    new: tuple[tuple[str, int], ...]
    words: str = ""

    def covered(self) -> bool:
        """Return whether each document has a class for it."""
        return all(number != _NOT_COVERED for _, number in (*self.old, *self.new))


@dataclass(frozen=True, slots=True)
class Fact:
    """What dimensions look at, with the kinds of claim they tell apart."""

    kind: str
    column: str
    name: str
    points: tuple[Point, ...]


def facts_of(old: Policy, new: Policy) -> tuple[Fact, ...]:
    """Return every fact that a dimension of either document looks at, those of the new first."""
    keys = dict.fromkeys(
        _key(dimension)
        for policy in (new, old)
        for dimension in policy.dimensions.values()
        if dimension.values
    )
    return tuple(_fact(key, old, new) for key in keys)


def _key(dimension: Dimension) -> tuple[str, str]:
    if dimension.kind == "group":
        return "group", dimension.codes[1][0]
    return dimension.kind, dimension.column


def _fact(key: tuple[str, str], old: Policy, new: Policy) -> Fact:
    own = [
        [each for each in policy.dimensions.values() if each.values and _key(each) == key]
        for policy in (old, new)
    ]
    name = [*own[1], *own[0]][0].name
    points = [
        Point(
            sample,
            tuple((each.name, _class(each, sample)) for each in own[0]),
            tuple((each.name, _class(each, sample)) for each in own[1]),
        )
        for sample in _samples([*own[0], *own[1]])
    ]
    return Fact(*key, name, tuple(points))


def _samples(dimensions: Sequence[Dimension]) -> list[str | int]:
    """Return one value for each kind of claim that any of the dimensions tells apart."""
    kind = dimensions[0].kind
    if kind == "group":
        return ["", dimensions[0].codes[1][0]]
    if kind in {"code", "codes"}:
        found = {code for each in dimensions for codes in each.codes for code in codes}
        # A code that another continues stands for what the longer ones leave; where some document
        # has no class for that, the longer ones say all there is.
        return [
            code
            for code in sorted(found)
            if all(_class(each, code) != _NOT_COVERED for each in dimensions)
            or not any(other != code and other.startswith(code) for other in found)
        ]
    return [*sorted({number for each in dimensions for number in each.thresholds})]


def _class(dimension: Dimension, sample: str | int) -> int:
    if isinstance(sample, int):
        return int(band_of(dimension, np.array([sample]))[0])
    if dimension.kind == "group":
        return int(bool(sample))
    if dimension.kind == "codes":
        return list_class(dimension, [sample])
    return class_of(dimension, sample)


def narrowed(
    facts: Iterable[Fact], old: tuple[Policy, Iterable[str]], new: tuple[Policy, Iterable[str]]
) -> tuple[Fact, ...]:
    """Return the facts that some dimensions look at, and of them what these tell apart.

    Args:
        facts: Facts of both documents.
        old: The old document and names of dimensions in it.
        new: The new document and names of dimensions in it.
    """
    of_old, of_new = set(old[1]), set(new[1])
    found = []
    for fact in facts:
        points: dict[tuple[object, ...], Point] = {}
        for point in fact.points:
            before = tuple(held for held in point.old if held[0] in of_old)
            after = tuple(held for held in point.new if held[0] in of_new)
            words = [_words(new[0], held) for held in after]
            words += [_words(old[0], held) for held in before]
            text = " / ".join(dict.fromkeys(word for word in words if word))
            points.setdefault((before, after), Point(point.sample, before, after, text))
        named = next(iter(points.values()), None)
        if named is not None and (named.old or named.new):
            name = (*named.new, *named.old)[0][0]
            found.append(replace(fact, name=name, points=_told_apart(points.values())))
    return tuple(found)


def _words(policy: Policy, held: tuple[str, int]) -> str:
    name, number = held
    return policy.dimensions[name].values[number] if number != _NOT_COVERED else ""


def _told_apart(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return points whose words differ; where classes of one name differ, the code is added."""
    held = list(points)
    words = [point.words for point in held]
    return tuple(
        replace(point, words=f"{point.words or 'no class'} ({point.sample})")
        if words.count(point.words) > 1 or not point.words
        else point
        for point in held
    )


def grouped(
    facts: Sequence[Fact], answer: Callable[[tuple[Point, ...]], T]
) -> Iterator[tuple[Classes, T]]:
    """Yield what holds for whom, in as few groups as the order of the facts allows.

    Args:
        facts: What claims are told apart by.
        answer: What holds for one kind of claim, given a point of each fact.
    """
    yield from _tree(tuple(facts), (), answer)


def _tree(
    facts: tuple[Fact, ...], chosen: tuple[Point, ...], answer: Callable[[tuple[Point, ...]], T]
) -> tuple[tuple[Classes, T], ...]:
    if not facts:
        return (((), answer(chosen)),)
    first, rest = facts[0], facts[1:]
    branches = [(point.words, _tree(rest, (*chosen, point), answer)) for point in first.points]
    if all(branch == branches[0][1] for _, branch in branches):
        return branches[0][1]
    joined: list[tuple[tuple[str, ...], tuple[tuple[Classes, T], ...]]] = []
    for words, branch in branches:
        same = next((index for index, held in enumerate(joined) if held[1] == branch), None)
        if same is None:
            joined.append(((words,), branch))
        else:
            joined[same] = ((*joined[same][0], words), branch)
    return tuple(
        (((first.name, words), *classes), held)
        for words, branch in joined
        for classes, held in branch
    )
