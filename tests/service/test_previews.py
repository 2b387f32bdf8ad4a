"""Previews of several callers share a batch and know nothing of one another."""

from collections.abc import Callable, Sequence

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row, Settlement
from medsettle.engine import Engine
from medsettle.service.batcher import Answer
from medsettle.service.previews import previewed_apart

from tests.service.claims import claim


def _previewed(
    preview: Callable[[ClaimBatch], Sequence[Answer]], rows: Sequence[Row]
) -> list[Answer]:
    return previewed_apart(preview, rows, lambda row: row["person"], ClaimBatch.from_rows)


def test_each_caller_is_answered_as_if_alone(engine: Engine) -> None:
    """Three previews of one person have the same deductible; together only the first has it."""
    rows = [claim(number, person=person) for number, person in enumerate("PQPPQ", 900)]
    rows[3] |= {"person": None}
    alone = [engine.preview(ClaimBatch.from_rows([row]))[0] for row in rows]
    together = engine.preview(ClaimBatch.from_rows(rows))

    assert alone == _previewed(engine.preview, rows)
    assert alone != together
    assert isinstance(alone[3], Rejection)
    assert [10_000, 10_000, 10_000, 10_000] == [
        each.fen("deductible_fen") for each in alone if isinstance(each, Settlement)
    ]


def test_each_person_is_asked_once_a_round(engine: Engine) -> None:
    """Callers who ask about different persons are answered in one pass."""
    sizes = []

    def preview(claims: ClaimBatch) -> list[Settlement | Rejection]:
        sizes.append(len(claims))
        return engine.preview(claims)

    _previewed(preview, [claim(number, person=f"P{number % 3}") for number in range(7)])

    assert [3, 3, 1] == sizes
