"""Errors rebuilt from what was kept or sent of them: reason, message and metadata."""

from collections.abc import Mapping
from typing import Final

from medsettle.errors.tree import SettlementError


def _tree(kind: type[SettlementError]) -> dict[str, type[SettlementError]]:
    found = {kind.reason: kind}
    for child in kind.__subclasses__():
        found |= _tree(child)
    return found


def rebuilt(reason: str, message: str, metadata: Mapping[str, str]) -> SettlementError:
    """Return the error of the class that has the reason, without the faults it may carry."""
    error = by_reason(reason)(message)
    error.metadata = dict(metadata)
    return error


def by_reason(reason: str) -> type[SettlementError]:
    """Return the class that has a reason; the root of the tree where none has it."""
    return _BY_REASON.get(reason, SettlementError)


# Made when the package is loaded, which has imported every class before this module.
_BY_REASON: Final = _tree(SettlementError)
