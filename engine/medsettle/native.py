"""Functions compiled to machine code by numba: how they are declared, and where code is kept.

A module of compiled functions imports `compiled` and `inlined` from here at its top, and is itself
imported inside the function that first needs it: importing numba takes some tenths of a second,
which a command that settles one claim shall not pay. Its import makes it ready, so whoever serves
imports it before the port opens.

    # settle/loops.py
    @compiled("int64(int64[::1])")
    def total(amounts: Column) -> int: ...

    # settle/somewhere.py
    from medsettle.settle import loops  # inside a function

The machine code is cached from run to run, for each processor and each time of change of the source
file: in the folder `NUMBA_CACHE_DIR` if that is set, else beside the source, else (where the
package cannot be written) in the user's own cache folder. Where nothing can be written every
process compiles anew, which takes seconds.

The cache looks at one file alone: a compiled function that takes functions or constants from
another module goes on with the old ones when that module changes. So it keeps to its own module,
`column_at` and its like apart.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.int64]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(
    signature: str, *, brief: bool = False
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator that compiles a function for one signature, at once.

    Arguments of other types are refused when it is called. It runs without the interpreter lock,
    checks no index and wraps where a number passes int64: its caller proves that neither happens.

    Args:
        signature: Result and argument types as numba writes them; arrays that are only read are
            `Array(int64, 1, "C", readonly=True)` if the caller's are.
        brief: The function takes less time than giving up the lock and asking for the types of its
            arguments, so it keeps the one and leaves the other: they must be whole numbers.
    """

    def compile_function(function: Callable[_P, _R]) -> Callable[_P, _R]:
        options = {"nogil": not brief, "error_model": "numpy"}
        try:
            made = numba.njit(signature, cache=True, **options)(function)
        except Exception:
            # No folder for the cache, none with room, or a file in it that a crash cut short.
            made = numba.njit(signature, **options)(function)
        called: Callable[_P, _R] = made.get_overload(made.signatures[0]) if brief else made
        return called

    return compile_function


def inlined(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function that becomes a part of the compiled functions of its module."""
    made: Callable[_P, _R] = numba.njit(error_model="numpy", forceinline=True)(function)
    return made


@compiled('int64(Array(int64, 1, "C", readonly=True))')
def address_of(column: Column) -> int:
    """Return where a column lies in memory; it must be int64 and contiguous."""
    address: int = column.ctypes.data
    return address


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:
    def convert(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), convert


@inlined
def column_at(address: int, rows: int) -> Column:
    """Return the int64 column of shape (rows,) at an address of memory, for compiled functions.

    It is how a compiled function takes any number of columns: as one array of addresses. The
    caller keeps the columns alive and has seen to it that they are contiguous.
    """
    column: Column = numba.carray(_pointer(address), (rows,), np.int64)
    return column


@inlined
def matrix_at(address: int, rows: int, width: int) -> NDArray[np.int64]:
    """Return the int64 matrix of shape (rows, width) at an address; see `column_at`."""
    matrix: NDArray[np.int64] = numba.carray(_pointer(address), (rows, width), np.int64)
    return matrix


@inlined
def part_at(column: NDArray[Any], first: int, end: int) -> NDArray[Any]:
    """Return a stretch of a contiguous column without counting one more user; see `column_at`."""
    address = column.ctypes.data + column.itemsize * first
    part: NDArray[Any] = numba.carray(_pointer(address), (end - first,), column.dtype)
    return part


@inlined
def ratios_at(address: int, rows: int) -> NDArray[np.float64]:
    """Return the float64 column of shape (rows,) at an address; see `column_at`."""
    ratios: NDArray[np.float64] = numba.carray(_pointer(address), (rows,), np.float64)
    return ratios


@intrinsic  # type: ignore[untyped-decorator]
def folded_product(typing_context: Any, one: Any, other: Any) -> Any:
    """Return the upper half of the 128-bit product of two uint64, xor the lower half."""

    def multiply(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = cgutils.ir.IntType(128), cgutils.ir.IntType(64)
        factors = [builder.zext(each, wide) for each in arguments]
        product = builder.mul(*factors)
        upper = builder.trunc(builder.lshr(product, cgutils.ir.Constant(wide, 64)), word)
        return builder.xor(upper, builder.trunc(product, word))

    return types.uint64(types.uint64, types.uint64), multiply


@intrinsic  # type: ignore[untyped-decorator]
def word_at(typing_context: Any, address: Any) -> Any:
    """Return the eight bytes at an address of any alignment as a uint64, least byte first."""

    def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], cgutils.ir.IntType(64).as_pointer())
        word = builder.load(pointer)
        word.align = 1
        return word

    return types.uint64(types.int64), load


@intrinsic  # type: ignore[untyped-decorator]
def byte_at(typing_context: Any, address: Any) -> Any:
    """Return the byte at an address as a uint64."""

    def load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], cgutils.ir.IntType(8).as_pointer())
        return builder.zext(builder.load(pointer), cgutils.ir.IntType(64))

    return types.uint64(types.int64), load
