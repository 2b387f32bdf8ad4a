"""Negative lines: a part of another line of the same claim that is taken back (shape L10).

A hospital that returns drugs or corrects a count before the bill is settled sends a line with
negative quantity and amount, which names the line it takes back. What a settled claim billed is not
taken back by lines: the settlement is cancelled, and the claim settled again.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medsettle.errors import Fault

_Line = Mapping[str, object]
# What a line and the line that takes it back have in common.
_SAME = ("item_code", "unit_price_e6")


def negative_line_faults(lines: Sequence[_Line]) -> list[Fault]:
    """Return the faults of the signs of a claim's lines, and of what they take back.

    Args:
        lines: The lines of one claim, each well formed for itself.
    """
    by_id = {line["line_id"]: line for line in lines}
    taken: dict[object, list[int]] = defaultdict(lambda: [0, 0])
    faults: list[Fault] = []
    for index, line in enumerate(lines):
        found = list(_line_faults(line, by_id, f"lines[{index}]"))
        faults += found
        if not found and line["original_line"]:
            quantity, amount = _measures(line)
            back = taken[line["original_line"]]
            back[0] -= quantity
            back[1] -= amount
            faults += _excess_faults(by_id[line["original_line"]], back, f"lines[{index}]")
    return faults


def _measures(line: _Line) -> tuple[int, int]:
    """Return units in 1/10,000 and fen of a line."""
    return int(str(line["quantity_e4"])), int(str(line["amount_fen"]))


def _line_faults(line: _Line, by_id: Mapping[object, _Line], path: str) -> Iterator[Fault]:
    """Yield what is wrong with a line beside the line that it takes back."""
    quantity, amount = _measures(line)
    name = line["original_line"]
    if quantity == 0:
        yield Fault(f"{path}.quantity_e4", "0 units; leave the line out or correct the quantity")
    elif amount * quantity < 0:
        yield Fault(f"{path}.amount_fen", f"{amount} fen for {quantity} units; both have one sign")
    elif quantity > 0 and name:
        yield Fault(
            f"{path}.original_line",
            f"names {name!r}, but takes nothing back; make quantity and amount negative or leave "
            "it out",
        )
    if quantity >= 0:
        return
    original = by_id.get(name)
    if not name:
        yield Fault(
            f"{path}.original_line",
            "missing; a negative line names the line of this claim that it takes back. What was "
            "settled before is cancelled and settled again",
        )
    elif original is None or _measures(original)[0] < 0:
        yield Fault(f"{path}.original_line", f"no line {name!r} with a positive quantity")
    else:
        for column in _SAME:
            if line[column] != original[column]:
                yield Fault(
                    f"{path}.{column}",
                    f"{line[column]!r}, but the line {name!r} that it takes back has "
                    f"{original[column]!r}; send the same",
                )


def _excess_faults(original: _Line, back: Sequence[int], path: str) -> Iterator[Fault]:
    """Yield what is wrong when so much of a line is taken back in all."""
    quantity, amount = _measures(original)
    name = original["line_id"]
    if back[0] > quantity:
        yield Fault(
            f"{path}.quantity_e4",
            f"{back[0]} of line {name!r} taken back, more than its {quantity}; correct one",
        )
    elif back[1] > amount:
        yield Fault(
            f"{path}.amount_fen",
            f"{back[1]} fen of line {name!r} taken back, more than its {amount}; correct one",
        )
    elif back[0] == quantity and back[1] != amount:
        yield Fault(
            f"{path}.amount_fen",
            f"line {name!r} is taken back whole, but {amount - back[1]} fen of it are left; take "
            "back its amount",
        )


def original_lines(
    ids: Sequence[object], originals: Sequence[object], claims: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the position of the line that each line takes back, -1 where it takes back none.

    Args:
        ids: The id of each line of a batch, without faults.
        originals: The id of the line that each one takes back, if it does.
        claims: The claim of each line, rising.
    """
    found = np.full(len(ids), -1, dtype=np.int64)
    for at in [at for at, name in enumerate(originals) if name]:
        claim = claims[at]
        first, end = np.searchsorted(claims, [claim, claim + 1]).tolist()
        found[at] = first + list(ids[first:end]).index(originals[at])
    return found
