"""Line scope: what of each charge line the insurance looks at, before any payer is asked.

Each line falls into four parts that add up to its amount, fen for fen (identity L): own expense,
over limit, first-self-pay and, as the remainder, in scope. A bed of 150.00 yuan for 3 days under a
ceiling of 60.00 with 10 % first-self-pay is 450.00: 270.00 over limit, 18.00 first-self-pay,
162.00 in scope.

The stated line amount is authoritative: prices arrive rounded (12 tablets for 0.50 yuan are 0.0417
each), so price times quantity only ever measures the excess over a ceiling.

Lines, not claims, set the cost of a batch. They are taken in blocks whose temporaries stay in the
cache, as columns from beginning to end, by the loops of `medsettle.settle.line_loops`.
"""

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.money import FenArray
from medsettle.policy.catalogue import IN_SCOPE_POT, NO_LIMIT, PPM_ONE, TERM_FLAGS, Catalogue
from medsettle.settle import line_loops
from medsettle.settle.line_columns import LineColumns, LineSplits

_PRE = POT_NAMES.index("pre_self_pay")
_IN_SCOPE = POT_NAMES.index("in_scope")

assert line_loops.PPM_ONE == PPM_ONE
assert limits.PRICE_QUANTITY_PER_FEN == line_loops.PER_FEN
assert (line_loops.OWN_EXPENSE, line_loops.OWN_EXPENSE_ABOVE, line_loops.RESTRICTED) == TERM_FLAGS
assert limits.UNIT_PRICE_E6_MAX // line_loops.PER_FEN < line_loops.QUOTIENT_END
assert limits.QUANTITY_E4_MAX + 1 < line_loops.QUOTIENT_END
assert limits.LINE_AMOUNT_FEN_MAX + 1 < line_loops.QUOTIENT_END


def split_lines(
    lines: LineColumns, catalogue: Catalogue, parts: NDArray[np.int64] | None = None
) -> LineSplits:
    """Return the parts of each line, in the order of the lines.

    Args:
        lines: Lines whose rows belong to `catalogue`.
        catalogue: The catalogue of the place of treatment, with the terms of its area.
        parts: Takes the parts, shape (4, n), rows contiguous; new memory without it, which costs
            more than the arithmetic.

    Returns:
        n splits, their amounts the rows of `parts`.

    Source: national settlement interface, results of line uploads (2204, 2301): ceiling prices,
    first-self-pay ratios and the in-scope amount as the remainder; every line rounded half up.
    """
    if parts is None:
        parts = np.empty((len(POT_NAMES), len(lines)), dtype=np.int64)
    _split(lines, catalogue, parts, _NO_LINES, parts)
    if lines.before is not None:
        taken = np.flatnonzero(lines.before >= 0)
        parts[:, taken] -= parts[:, lines.before[taken]].copy()
    return LineSplits(parts, _pots_of(lines, catalogue))


def split_and_sum(
    lines: LineColumns,
    catalogue: Catalogue,
    claim: NDArray[np.int64],
    sums: FenArray,
    parts: NDArray[np.int64] | None = None,
) -> LineSplits:
    """Return the parts of each line, and add them to the pots of its claim.

    Args:
        lines: As for `split_lines`.
        catalogue: Likewise.
        claim: Shape (n,), position of each line's claim; the lines of one stand together.
        sums: Takes the pots, shape (4 + special pots, claims), rows contiguous; see `pots`.
        parts: As for `split_lines`.
    """
    if catalogue.terms.per_settlement or lines.marked_pot is not None:
        splits = split_lines(lines, catalogue, parts)
        sums += pots(splits, claim, sums.shape[1], len(sums) - len(POT_NAMES)).T
        return splits
    if parts is None:
        parts = np.empty((len(POT_NAMES), len(lines)), dtype=np.int64)
    national = sums[: len(POT_NAMES)]
    if lines.before is not None:
        splits = split_lines(lines, catalogue, parts)
        _add_up(_loops(len(lines)), claim, parts, national)
        _set_special_apart(splits, claim, sums)
        return splits
    _split(lines, catalogue, parts, claim, national)
    splits = LineSplits(parts, _pots_of(lines, catalogue))
    _set_special_apart(splits, claim, sums)
    return splits


def _split(
    lines: LineColumns,
    catalogue: Catalogue,
    parts: NDArray[np.int64],
    claim: NDArray[np.int64],
    sums: FenArray,
) -> None:
    """Write the parts of lines, and add them to the sums of their claims if these are told."""
    count, carries = len(lines), catalogue.terms.per_settlement
    loops = _loops(count)
    left = np.empty(count, dtype=np.int64) if carries else _NO_LINES
    if loops is not line_loops:
        # The machine code is told where the rows begin and takes them for contiguous.
        assert not count or parts.strides[1] == sums.strides[1] == parts.itemsize
        room = _room()
        told = loops.split_and_sum(
            (lines.row, lines.scheme, lines.price_level),
            catalogue.cells,
            catalogue.price_levels,
            _stated(lines),
            (_beyond(lines, catalogue), _limits(lines, catalogue)),
            _NO_MARKS if lines.unowed is None else lines.unowed.view(np.int8),
            (catalogue.terms.full_price, carries),
            parts,
            left,
            claim,
            sums,
            room,
        )
        _ROOMS.append(room)
        assert told != line_loops.OUTSIDE, "a line outside the catalogue"
        assert told >= 0, "a part of a line is below zero"
    else:
        _split_by_lists(lines, catalogue, parts, left)
        _add_up(loops, claim, parts, sums)
    if carries:
        carried = _carried(lines, left)
        parts[_PRE] += carried
        parts[_IN_SCOPE] -= carried
        assert parts[_IN_SCOPE].min(initial=0) >= 0, "a part of a line is below zero"


def _split_by_lists(
    lines: LineColumns, catalogue: Catalogue, parts: NDArray[np.int64], left: NDArray[np.int64]
) -> None:
    """Write the parts of lines without machine code, a block after another."""
    beyond, most = _beyond(lines, catalogue), _limits(lines, catalogue)
    rules = catalogue.terms.full_price, catalogue.terms.per_settlement
    for start in range(0, len(lines), limits.BLOCK_LINES):
        block = slice(start, min(start + limits.BLOCK_LINES, len(lines)))
        own = lines.block(block)
        stated = tuple(column.tolist() for column in _stated(own))
        limited = beyond[block].tolist(), most[block].tolist()
        into = tuple([0] * len(own) for _ in parts)
        after = [0] * len(own)
        signs = line_loops.split(_said(own, catalogue), stated, limited, rules, into, after)  # type: ignore[arg-type]
        assert signs >= 0, "a part of a line is below zero"
        for column, cells in zip(parts[:, block], into, strict=True):
            column[:] = cells
        if len(left):
            left[block] = after


def _pots_of(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.int8] | None:
    """Return where the in-scope part of each line goes; None where all go to the usual pot."""
    if not catalogue.terms.pots and lines.marked_pot is None:
        return None
    if catalogue.terms.pots:
        pot = catalogue.pot_of_line.take(lines.row)
    else:
        pot = np.full(len(lines), IN_SCOPE_POT, dtype=np.int8)
    if lines.marked_pot is not None:
        pot[:] = np.where(lines.marked_pot >= 0, lines.marked_pot, pot)
    return pot


def outside(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.bool_]:
    """Return whether each line is own expense as a whole, whatever its quantity."""
    found: NDArray[np.bool_] = ratios(lines, catalogue) == PPM_ONE
    return found


def ratios(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.int64]:
    """Return the first-self-pay ratio by which each line is split, in parts per million.

    It is one for a line that is own expense as a whole, whatever makes it so.
    """
    count, loops = len(lines), _loops(len(lines))
    price, _, amount, approval = _stated(lines)
    if loops is not line_loops:
        ceiling, terms, own = (np.empty(count, dtype=np.int64) for _ in range(3))
        place = lines.row, lines.scheme, lines.price_level
        told = loops.look_up(place, catalogue.cells, catalogue.price_levels, ceiling, terms)
        assert told != line_loops.OUTSIDE, "a line outside the catalogue"
        if lines.unowed is not None:
            terms[lines.unowed] |= line_loops.OWN_EXPENSE
        loops.set_apart(ceiling, terms, price, approval, amount, own)
        return terms
    said = _said(lines, catalogue)
    columns = price.tolist(), approval.tolist(), amount.tolist()
    line_loops.set_apart(*said, *columns, [0] * count)
    return np.asarray(said[1], dtype=np.int64)


def cells_of(
    row: NDArray[np.int32],
    scheme: NDArray[np.int8],
    price_level: NDArray[np.int8],
    ceilings: NDArray[np.int64],
    by_scheme: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ceiling of each line, and the cell of its scheme in a table by schemes."""
    assert ((scheme >= 0) & (price_level > 0)).all(), "a line outside the catalogue"
    row = np.maximum(row, 0)
    return ceilings[row, price_level - 1], by_scheme[row, scheme]


_ROOMS: Final[list[NDArray[np.int64]]] = []
"""What blocks of lines need beside their parts; memory used before is in the cache already."""


def _room() -> NDArray[np.int64]:
    """Return three rows as long as a block, for one thread until it puts them back."""
    try:
        held = _ROOMS.pop()
    except IndexError:
        held = np.empty((3, limits.CACHED_LINES), dtype=np.int64)
    if held.shape[1] == limits.CACHED_LINES:
        return held
    return np.empty((3, limits.CACHED_LINES), dtype=np.int64)


def _loops(lines: int) -> Any:  # noqa: ANN401 - a module, or its functions as machine code
    """Return the loops for some lines: as machine code where it is loaded, or worth loading."""
    if _NATIVE in sys.modules or lines > limits.UNLOADED_LINES_MAX:
        from medsettle.settle import native_lines  # noqa: PLC0415 - numba loads slowly

        return native_lines
    return line_loops


_NATIVE: Final = "medsettle.settle.native_lines"


def _stated(lines: LineColumns) -> tuple[NDArray[Any], ...]:
    """Return price, quantity, amount and approval of lines."""
    quantity = lines.quantity_e4
    if lines.covered_e4 is not None:
        quantity = np.minimum(quantity, lines.covered_e4)
    return lines.unit_price_e6, quantity, lines.amount_fen, lines.approval


def _said(lines: LineColumns, catalogue: Catalogue) -> tuple[list[int], list[int]]:
    """Return ceiling and terms of each line, for Python."""
    tables = catalogue.ceiling_e6, catalogue.terms_ppm
    ceiling, terms = cells_of(lines.row, lines.scheme, lines.price_level, *tables)
    terms[lines.row < 0] |= line_loops.OWN_EXPENSE
    if lines.unowed is not None:
        terms[lines.unowed] |= line_loops.OWN_EXPENSE
    return ceiling.tolist(), terms.tolist()


def _add_up(
    loops: Any,  # noqa: ANN401
    claim: NDArray[np.int64],
    parts: NDArray[np.int64],
    sums: FenArray,
) -> None:
    """Add parts to the sums of their claims, shape (4, n) and (4, claims)."""
    if not len(claim):
        return
    if loops is not line_loops:
        loops.add_up(claim, tuple(parts), tuple(sums))
        return
    added = sums.tolist()
    loops.add_up(claim.tolist(), parts.tolist(), added)
    sums[:] = added


_NO_LINES: Final = np.empty(0, dtype=np.int64)
_NO_MARKS: Final = np.empty(0, dtype=np.int8)


def _limits(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.int64]:
    """Return the most of each line that may be in scope; nothing where no entry limits that."""
    if not catalogue.limits_lines:
        return _NO_LINES
    most = catalogue.line_limit_fen.take(np.maximum(lines.row, 0))
    return np.where(lines.row < 0, NO_LIMIT, most)


def _beyond(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.int64]:
    """Return what of each line falls to the units that are not covered, half up.

    Lines past a limit are rare, and amount times quantity needs more than 64 bits.
    """
    if lines.covered_e4 is None:
        return _NO_LINES
    found = np.zeros(len(lines), dtype=np.int64)
    places = np.flatnonzero(lines.covered_e4 < lines.quantity_e4)
    for at in places[~outside(lines.block(places), catalogue)].tolist():
        units, amount = int(lines.quantity_e4[at]), int(lines.amount_fen[at])
        covered = int(lines.covered_e4[at])
        found[at] = (2 * amount * (units - covered) + units) // (2 * units)
    return found


def _carried(lines: LineColumns, left: NDArray[np.int64]) -> FenArray:
    """Return the fen that rounding once a settlement adds to each line's first-self-pay.

    Each line is rounded together with all before it, so that the lines add up to the rounded sum. A
    line and what is taken back of it stand in one place: a line taken back whole leaves nothing.
    """
    assert lines.claim is not None, "rounding once a settlement needs the claim of each line"
    weight, first = left.copy(), np.arange(len(left))
    if lines.before is not None:
        for at in np.flatnonzero(lines.before >= 0).tolist():
            first[at] = first[lines.before[at]]
            weight[first[at]], weight[at] = left[at], 0
    running = np.cumsum(weight) - weight
    running -= running[np.searchsorted(lines.claim, lines.claim)]
    running = running[first]
    half = PPM_ONE // 2
    carried: FenArray = (running + left + half) // PPM_ONE - (running + half) // PPM_ONE
    return carried


def pots(
    splits: LineSplits, line_claim: NDArray[np.integer[Any]], claim_count: int, pot_count: int
) -> FenArray:
    """Return the pots of each claim: the sums of its lines.

    Args:
        splits: n lines.
        line_claim: Shape (n,), position of each line's claim in 0..claim_count, in any order.
        claim_count: Number of claims; those without lines get zeros.
        pot_count: Number of special pots of the catalogue.

    Returns:
        Shape (claim_count, 4 + pot_count), fen, columns contiguous: the national four in the
        order of `POT_NAMES`, then the special pots. In-scope amounts of a special pot are not in
        the in-scope column, so that each row adds up to the claim's total.
    """
    loops, claim = _loops(len(line_claim)), line_claim.astype(np.int64, copy=False)
    sums = np.zeros((len(POT_NAMES) + pot_count, claim_count), dtype=np.int64)
    _add_up(loops, claim, splits.parts, sums[: len(POT_NAMES)])
    _set_special_apart(splits, claim, sums)
    return sums.T


def _set_special_apart(splits: LineSplits, claim: NDArray[np.int64], sums: FenArray) -> None:
    """Move what is in scope of lines of special pots into the sums of these pots."""
    if splits.special_pot is None:
        return
    special = np.flatnonzero(splits.special_pot > IN_SCOPE_POT)
    apart = splits.in_scope_fen[special]
    np.subtract.at(sums[IN_SCOPE_POT], claim[special], apart)
    np.add.at(sums, (splits.special_pot[special], claim[special]), apart)
