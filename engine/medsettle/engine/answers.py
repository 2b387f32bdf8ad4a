"""The answers to a batch, of which most are columns until somebody asks for one."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement

if TYPE_CHECKING:
    from medsettle.engine.block_entries import RecordedBlock


class Answers(Sequence[Settlement | Rejection]):
    """Answers in the order of claims; equal to a list of the same answers.

    Args:
        count: How many there are.
        made: Those that are settlements and rejections already, by position.
        blocks: The others.
    """

    def __init__(
        self,
        count: int,
        made: Mapping[int, Settlement | Rejection],
        blocks: "Sequence[RecordedBlock]",
    ) -> None:
        self._count, self._made, self.blocks = count, dict(made), blocks
        self._places = {
            row: (block, at) for block in blocks for at, row in enumerate(block.rows.tolist())
        }

    @property
    def others(self) -> list[int]:
        """The positions of the answers that are of no block, rising."""
        return [at for at in range(self._count) if at not in self._places]

    def repeat(self, at: int, answer: Settlement | Rejection) -> None:
        """Answer a claim that repeats another one."""
        self._made[at] = answer

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Settlement | Rejection: ...
    @overload
    def __getitem__(self, at: slice) -> list[Settlement | Rejection]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(self._count))]
        at = range(self._count)[at]
        if at not in self._made:
            block, place = self._places[at]
            self._made[at] = block.settlement(place)
        return self._made[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    # Settlements have rows, which are dictionaries.
    __hash__ = None  # type: ignore[assignment]
