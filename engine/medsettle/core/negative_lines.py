"""Negative lines: a part of another line of the same claim that is taken back (shape L10).

A hospital that returns drugs or corrects a count before the bill is settled sends a line with
negative quantity and amount, which names the line it takes back. What a settled claim billed is not
taken back by lines: the settlement is cancelled, and the claim settled again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.core.money import decimal, plain_yuan
from medsettle.errors import Fault

_Line = Mapping[str, object]


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


def _yuan(fen: int) -> str:
    return f"{plain_yuan(fen)} yuan"


def _units(quantity_e4: int) -> str:
    return f"{decimal(quantity_e4, 4)} units"


def _line_faults(line: _Line, by_id: Mapping[object, _Line], path: str) -> Iterator[Fault]:
    """Yield what is wrong with a line beside the line that it takes back."""
    quantity, amount = _measures(line)
    name = line["original_line"]
    if quantity == 0:
        yield Fault(f"{path}.quantity_e4", "0 units; leave the line out or correct the quantity")
    elif amount * quantity < 0:
        yield Fault(
            f"{path}.amount_fen", f"{_yuan(amount)} for {_units(quantity)}; both have one sign"
        )
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
            "missing; a negative line names the line of its claim that it takes back; cancel a "
            "settlement to take back what is settled",
        )
    elif original is None or _measures(original)[0] < 0:
        yield Fault(f"{path}.original_line", f"no line {name!r} with a positive quantity")
    else:
        for column, shown in _SAME.items():
            if line[column] != original[column]:
                yield Fault(
                    f"{path}.{column}",
                    f"{shown(line[column])}, but the line {name!r} that it takes back has "
                    f"{shown(original[column])}; send the same",
                )


def _excess_faults(original: _Line, back: Sequence[int], path: str) -> Iterator[Fault]:
    """Yield what is wrong when so much of a line is taken back in all."""
    quantity, amount = _measures(original)
    name = original["line_id"]
    if back[0] > quantity:
        yield Fault(
            f"{path}.quantity_e4",
            f"{_units(back[0])} of line {name!r} taken back, more than its {_units(quantity)}; "
            "take back less",
        )
    elif back[1] > amount:
        yield Fault(
            f"{path}.amount_fen",
            f"{_yuan(back[1])} of line {name!r} taken back, more than its {_yuan(amount)}; "
            "take back less",
        )
    elif back[0] == quantity and back[1] != amount:
        yield Fault(
            f"{path}.amount_fen",
            f"line {name!r} is taken back whole, but {_yuan(amount - back[1])} of it are left; "
            f"take back {_yuan(amount)} in all",
        )


def _price(price_e6: object) -> str:
    return f"{decimal(int(str(price_e6)), 6)} yuan a unit"


# What a line and the line that takes it back have in common, and how it is told.
_SAME: Final[Mapping[str, Callable[[object], str]]] = {"item_code": repr, "unit_price_e6": _price}


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
    places: dict[object, int] = {}
    seen = -1
    for at in [at for at, name in enumerate(originals) if name]:
        claim = int(claims[at])
        if claim != seen:
            # Once a claim: a long stay takes back thousands of its lines.
            first, end = np.searchsorted(claims, [claim, claim + 1]).tolist()
            places = {name: first + place for place, name in enumerate(ids[first:end])}
            seen = claim
        found[at] = places[originals[at]]
    return found
