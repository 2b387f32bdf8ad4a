"""Columns of texts, each distinct text kept once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Coded(Sequence[str]):
    """Texts of which many are the same: line i has the text `texts[numbers[i]]`."""

    texts: Sequence[str]
    numbers: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> "Coded": ...
    def __getitem__(self, at: int | slice) -> "str | Coded":
        if isinstance(at, slice):
            return Coded(self.texts, self.numbers[at])
        return self.texts[int(self.numbers[at])]

    def take(self, places: NDArray[np.int64]) -> "Coded":
        """Return the texts at some places."""
        return Coded(self.texts, self.numbers[places])


def texts_at(texts: Sequence[str], places: NDArray[np.int64]) -> Sequence[str]:
    """Return the texts at some places."""
    if isinstance(texts, Coded):
        return texts.take(places)
    return [texts[place] for place in places.tolist()]
