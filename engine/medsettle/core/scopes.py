"""How the lines of a claim were split at the place of care (就医地), as the engine there says it.

The engine of the place of insurance (参保地) goes on from such a split without that area's
catalogue. Whether a ceiling or a ratio was right it cannot know. What it can know is asked here:
that the split is one of these very lines, fen for fen, and one that a catalogue could have made.

A negative line is split as what it takes away from the line it belongs to (`settle.refunds`), and
beside a ceiling a part of it may be positive. What no split makes is a part of which less than
nothing is left, so that is what is asked of negative lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes
from medsettle.core.claim_faults import code_fault
from medsettle.core.money import FenArray, plain_yuan
from medsettle.core.tables import ColumnRows
from medsettle.errors import Fault, InvalidRequest

Row: TypeAlias = Mapping[str, object]

PART_COLUMNS: Final = tuple(f"{name}_fen" for name in codes.POT_NAMES)
_IN_SCOPE: Final = PART_COLUMNS[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """n lines as they are split for one insurance type.

    - `parts` (4, n): int64 fen, in the order of `POT_NAMES`, adding up to the line's amount;
    - `item_class` (n,): int8, 1 to 3 for class A to C;
    - `outside` (n,): whether the catalogue leaves the line wholly to the person.
    """

    parts: FenArray
    item_class: NDArray[np.int8]
    outside: NDArray[np.bool_]

    def chosen(self, places: Sequence[int]) -> "Scope":
        """Return the split of some of the lines."""
        at = np.array(places, dtype=np.int64)
        return Scope(self.parts[:, at], self.item_class[at], self.outside[at])


@dataclass(frozen=True, slots=True)
class CareScope:
    """The lines of one claim as the catalogue of its place of care splits them.

    `charge_types` has the 收费类别 of each line by that catalogue, empty for an item it does not
    list. `by_type` has the split for each insurance type that was asked for.
    """

    care_area: str
    catalogue_digest: str
    charge_types: tuple[str, ...]
    by_type: Mapping[str, Scope]

    def chosen(self, places: Sequence[int]) -> "CareScope":
        """Return the split of some lines of a visit, such as those of one scheme."""
        return replace(
            self,
            charge_types=tuple(self.charge_types[at] for at in places),
            by_type={name: each.chosen(places) for name, each in self.by_type.items()},
        )


def scope_of(
    insurance_type: str,
    parts: Sequence[Sequence[int]],
    item_class: Sequence[int],
    outside: Sequence[bool],
) -> Scope:
    """Return the split that lists say, as they come from elsewhere.

    Args:
        insurance_type: Whose it is, for the paths of faults.
        parts: Four lists of fen, in the order of `POT_NAMES`, each within 64 bits.
        item_class: The class of each line.
        outside: Whether each line is left wholly to the person.

    Raises:
        InvalidRequest: The lists are not of one length; carries all that are not as the first.
    """
    lists = dict(
        zip((*PART_COLUMNS, "item_class", "outside"), (*parts, item_class, outside), strict=True)
    )
    count = len(parts[0])
    faults = [
        Fault(
            f"scopes[{insurance_type}].{name}",
            f"{len(values)} values, but {PART_COLUMNS[0]} has {count}; send one for each line",
        )
        for name, values in lists.items()
        if len(values) != count
    ]
    if faults:
        raise InvalidRequest(faults)
    # No class is zero, so what does not fit is told with its place like any other.
    classes = [number if number in _CLASSES else 0 for number in item_class]
    return Scope(
        np.array(parts, dtype=np.int64),
        np.array(classes, dtype=np.int8),
        np.array(outside, dtype=np.bool_),
    )


def scope_faults(claim: Row, scope: CareScope) -> list[Fault]:
    """Return why a split cannot be one of the lines of a claim; empty if it can.

    Where there are more faults than a claim is told of, the remaining splits are not looked at.

    Args:
        claim: A claim as checked row, without faults.
        scope: Its split.
    """
    lines: Sequence[Row] = claim["lines"]  # type: ignore[assignment]
    stated = _Stated(lines)
    faults = [*_care_faults(claim, scope), *_charge_type_faults(scope, len(lines))]
    most = limits.SCOPES_PER_CLAIM_MAX
    if not 1 <= len(scope.by_type) <= most:
        faults.append(Fault("scopes", f"{len(scope.by_type)} splits; expected 1 to {most}"))
        return faults
    for insurance_type, each in scope.by_type.items():
        if len(faults) > limits.FAULTS_PER_CLAIM_MAX:
            break
        path = f"scopes[{insurance_type}]"
        if insurance_type not in codes.INSURANCE_TYPES:
            known = ", ".join(codes.INSURANCE_TYPES)
            faults.append(Fault(path, f"no such insurance type; known are {known}"))
        elif wrong := _count_fault(each, len(lines)):
            faults.append(Fault(path, wrong))
        else:
            faults += _line_faults(each, stated, path)
    return faults


_CLASSES: Final = range(1, len(codes.ITEM_CLASSES) + 1)


class _Stated:
    """What a claim states of its lines: amounts, and where each negative one belongs."""

    def __init__(self, lines: Sequence[Row]) -> None:
        self.amounts: FenArray = np.array(_column(lines, "amount_fen"), dtype=np.int64)
        names = _column(lines, "original_line")
        # Of an amount of nothing, a line that takes something back has the sign of its quantity.
        self.original: dict[int, int] = {}
        if any(names):
            places = {line_id: at for at, line_id in enumerate(_column(lines, "line_id"))}
            self.original = {at: places[name] for at, name in enumerate(names) if name}
        self.negative = np.zeros(len(lines), dtype=np.bool_)
        self.negative[[*self.original]] = True


def _column(lines: Sequence[Row], name: str) -> Sequence[object]:
    if isinstance(lines, ColumnRows):
        return lines.column(name)
    return [line[name] for line in lines]


def _care_faults(claim: Row, scope: CareScope) -> Iterator[Fault]:
    """Yield what is wrong with whose split it is, and with its filing as care elsewhere."""
    if scope.care_area == claim["pooling_area"]:
        yield Fault(
            "care_area",
            f"{scope.care_area} is where the person is insured, and its own catalogue splits the "
            "lines; send the claim without a split",
        )
    elif scope.care_area != claim["care_area"]:
        yield Fault(
            "care_area",
            f"the lines were split by {scope.care_area}, but the claim states "
            f"{claim['care_area'] or 'none'}; send the area that split them",
        )
    filed, settled = claim["filing_date"], claim["service_date"]
    if isinstance(filed, date) and isinstance(settled, date) and filed > settled:
        yield Fault(
            "filing_date",
            f"{filed} is after service_date {settled}; a filing counts for a settlement elsewhere "
            "when it is made by that day. Send the claim without it, or let it be reimbursed by "
            "hand where the person is insured",
        )
    if wrong := code_fault(scope.catalogue_digest, 1, limits.CATALOGUE_DIGEST_CHARS_MAX):
        yield Fault("catalogue_digest", wrong)


def _charge_type_faults(scope: CareScope, lines: int) -> Iterator[Fault]:
    found = scope.charge_types
    if len(found) != lines:
        yield Fault(
            "charge_types",
            f"{len(found)} values for {lines} lines; send one for each line, empty for an item "
            "that is not listed",
        )
        return
    for text in {*found} - {""}:
        if wrong := code_fault(text, 1, limits.CODE_CHARS_MAX):
            yield Fault(f"charge_types[{found.index(text)}]", wrong)


def _count_fault(scope: Scope, lines: int) -> str:
    """Return what is wrong with the number of lines of a split; nothing where it is right."""
    shapes = (scope.parts.shape, scope.item_class.shape, scope.outside.shape)
    if shapes == ((len(PART_COLUMNS), lines), (lines,), (lines,)):
        return ""
    found = ", ".join(str(shape[-1]) for shape in shapes)
    return f"parts, classes and outside of {found} lines; the claim has {lines}"


def _line_faults(scope: Scope, stated: _Stated, path: str) -> list[Fault]:
    """Return what is wrong with the lines of a split of the right length."""
    parts, most = scope.parts, limits.LINE_AMOUNT_FEN_MAX
    large = (parts > most) | (parts < -most)
    below = (parts < 0) & ~large & ~stated.negative
    faults = [
        Fault(
            f"{path}.{PART_COLUMNS[part]}[{at}]",
            f"{plain_yuan(int(parts[part, at]))} yuan; no part of a line is more than "
            f"{plain_yuan(most)} either way",
        )
        for part, at in np.argwhere(large).tolist()
    ]
    faults += [
        Fault(
            f"{path}.{PART_COLUMNS[part]}[{at}]",
            f"{plain_yuan(int(parts[part, at]))} yuan; no part of a line of "
            f"{plain_yuan(int(stated.amounts[at]))} yuan is below zero",
        )
        for part, at in np.argwhere(below).tolist()
    ]
    # Of parts that are this large not even a sum is known.
    sums = np.where(large, 0, parts).sum(axis=0)
    apart = (sums != stated.amounts) & ~(large | below).any(axis=0)
    faults += [
        Fault(
            f"{path}.{_IN_SCOPE}[{at}]",
            f"the four parts make {plain_yuan(int(sums[at]))} yuan, but the line is "
            f"{plain_yuan(int(stated.amounts[at]))}; they add up to it, fen for fen",
        )
        for at in np.flatnonzero(apart).tolist()
    ]
    if stated.original and not faults:
        faults += _remainder_faults(parts, stated, path)
    wrong = (scope.item_class < _CLASSES[0]) | (scope.item_class > _CLASSES[-1])
    return faults + [
        Fault(
            f"{path}.item_class[{at}]",
            f"no item class; expected {_CLASSES[0]} to {_CLASSES[-1]} for class A to C",
        )
        for at in np.flatnonzero(wrong).tolist()
    ]


def _remainder_faults(parts: FenArray, stated: _Stated, path: str) -> Iterator[Fault]:
    """Yield the parts of negative lines that take back more than there is."""
    left = parts.copy()
    for at, original in stated.original.items():
        left[:, original] += parts[:, at]
        for part in np.flatnonzero(left[:, original] < 0).tolist():
            yield Fault(
                f"{path}.{PART_COLUMNS[part]}[{at}]",
                f"{plain_yuan(int(parts[part, at]))} yuan, which leaves "
                f"{plain_yuan(int(left[part, original]))} of lines[{original}]; a line takes back "
                "no more of a part than is there",
            )
