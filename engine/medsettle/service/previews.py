"""Previews of several callers in one batch, none of which sees another's.

Claims of one person in one batch count one after the other, as they would when settled together.
That is what a caller wants of claims sent together, and wrong between callers who know nothing of
one another: a patient would be shown what is left after somebody else's question.
"""

from collections.abc import Callable, Sequence

from medsettle.core.claims import ClaimBatch
from medsettle.service.batcher import Answer, Asked


def previewed_apart(
    preview: Callable[[ClaimBatch], Sequence[Answer]],
    claims: Sequence[Asked],
    person_of: Callable[[Asked], object],
    batch_of: Callable[[Sequence[Asked]], ClaimBatch],
) -> list[Answer]:
    """Return the answer to each claim as if it had been asked alone.

    Args:
        preview: Previews a batch; called once for each claim of the person that has the most.
        claims: Claims, each of another caller.
        person_of: Returns whose claim one is.
        batch_of: Returns claims as a batch.
    """
    answers: dict[int, Answer] = {}
    waiting = dict(enumerate(claims))
    while waiting:
        part: dict[object, int] = {}
        for at, claim in waiting.items():
            part.setdefault(person_of(claim), at)
        asked = batch_of([waiting.pop(at) for at in part.values()])
        answers |= dict(zip(part.values(), preview(asked), strict=True))
    return [answers[at] for at in range(len(claims))]
