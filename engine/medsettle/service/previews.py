"""Previews of several callers in one batch, none of which sees another's.

Claims of one person in one batch count one after the other, as they would when settled together.
That is what a caller wants of claims sent together, and wrong between callers who know nothing of
one another: a patient would be shown what is left after somebody else's question.
"""

from collections.abc import Callable, Sequence

from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Row
from medsettle.service.batcher import Answer


def previewed_apart(
    preview: Callable[[ClaimBatch], Sequence[Answer]], rows: Sequence[Row]
) -> list[Answer]:
    """Return the answer to each row as if it had been asked alone.

    Args:
        preview: Previews a batch; called once for each claim of the person that has the most.
        rows: Claims, each of another caller.
    """
    answers: dict[int, Answer] = {}
    waiting = dict(enumerate(rows))
    while waiting:
        part: dict[object, int] = {}
        for at, row in waiting.items():
            part.setdefault(row["person"], at)
        asked = ClaimBatch.from_rows([waiting.pop(at) for at in part.values()])
        answers |= dict(zip(part.values(), preview(asked), strict=True))
    return [answers[at] for at in range(len(rows))]
