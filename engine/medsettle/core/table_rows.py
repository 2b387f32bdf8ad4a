"""The claims of an Arrow table as rows, made when somebody asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, overload

if TYPE_CHECKING:
    from medsettle.core.claim_table import ClaimTable
    from medsettle.core.claim_texts import ClaimTexts


@dataclass(slots=True)
class TableRows(Sequence[dict[str, object]]):
    """The claims of a table as checked rows, made when somebody asks for them.

    `others` are those that were made already, since they were in doubt.
    """

    table: "ClaimTable"
    others: Mapping[int, dict[str, object]]
    _made: dict[int, list[dict[str, object]]] = field(default_factory=dict)
    _texts: "list[ClaimTexts | None]" = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, at: int) -> dict[str, object]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, object]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        if at in self.others:
            return self.others[at]
        part, place = divmod(at, _ROWS_MADE_AT_ONCE)
        if part not in self._made:
            start = part * _ROWS_MADE_AT_ONCE
            end = min(start + _ROWS_MADE_AT_ONCE, len(self))
            self._made[part] = list(self.table.rows(start, end))
        return self._made[part][place]

    def column(self, name: str) -> list[Any]:
        """Return a column of the claims as checked values."""
        found = self.table.values(name)
        for at, row in self.others.items():
            found[at] = row[name]
        return found

    def texts(self) -> "ClaimTexts | None":
        """Return the claims as JSON, without the `others`; None where there is none besides."""
        if not self._texts:
            # Loaded with what made the table.
            from medsettle.core.claim_texts import ClaimTexts  # noqa: PLC0415

            self._texts.append(ClaimTexts.of(self.table, [*self.others]))
        return self._texts[0]

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


# Rows of a table are made by columns, which costs less for many at once.
_ROWS_MADE_AT_ONCE: Final = 256
