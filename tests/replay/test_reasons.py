"""Why claims are not settled: what the settler says of them, in the order of their person."""

from pathlib import Path
from typing import Any

from medsettle import limits
from medsettle.core.outcome import Rejection
from medsettle.replay.layout import BASELINE
from medsettle.replay.reasons import Reason, reasons_of
from medsettle.replay.run import replay
from medsettle.replay.worlds import World
from medsettle.settle.run import Settler

from tests.replay.made import REAL, Claim, Life, checked, examples_of, history_of, one_by_one
from tests.replay.made import rules_of as book_of
from tests.replay.years import WORLDS
from tests.service.claims import claim, line


def _spoiled(number: int, person: str, **changes: Any) -> Claim:  # noqa: ANN401 - any column
    return Claim(checked(claim(number, 50_000, person=person) | changes))


def test_reasons_name_what_is_to_be_corrected(tmp_path: Path) -> None:
    """Of each outcome the first, over all parts; faults with their places, claims with requests."""
    unlisted = [line(50_000, item_code="NOT-LISTED"), line(7, line_id="2", item_code="NOR-THIS")]
    gone = {"visit_type": "14"}
    first = [[_spoiled(1, "P1"), _spoiled(2, "P1", lines=unlisted)], [_spoiled(3, "P2", **gone)]]
    second = [[_spoiled(number, f"P{number}", **gone)] for number in range(4, 9)]
    history = history_of(tmp_path / "history", first, second)
    replay(history, WORLDS, tmp_path / "out")

    found = reasons_of(tmp_path / "out", history, WORLDS[0])

    assert [
        (1, "H1", "R2", "INVALID_REQUEST"),
        (2, "H1", "R3", "POLICY_NOT_FOUND"),
        *((number, "H1", f"R{number + 1}", "POLICY_NOT_FOUND") for number in (3, 4)),
    ] == [(each.claim, each.institution, each.request_id, each.outcome) for each in found]
    assert 3 == limits.REPLAY_REASONS_SHOWN
    assert ["lines[0].item_code: ", "lines[1].item_code: "] == [
        each[: len("lines[0].item_code: ")] for each in found[0].said
    ]
    assert found[1].said[0].startswith("no policy is loaded for pooling_area 999900")


def test_reasons_are_those_of_the_order_of_a_person(tmp_path: Path) -> None:
    """Of every claim of the examples that is refused in turn: to the word what the settler says."""
    book = book_of(REAL)
    examples = next(iter(examples_of(REAL).values()))
    lives: list[Life] = []
    for number, example in enumerate(examples):
        rows = [visit.claim for visit in example.visits if visit.cancels is None]
        odd = {"person": f"P{number:03}", "institution_level": "77"}
        lives.append(
            [
                Claim(checked(row) | odd | {"request_id": f"R{number}-{at}"})
                for at, row in enumerate(rows)
            ]
        )
    lives = [life for life in lives if life]
    history = history_of(tmp_path / "history", lives)
    world = World(BASELINE, book)
    replay(history, [world], tmp_path / "out")

    wanted = {}
    for life in lives:
        told = (event.row for event in life if isinstance(event, Claim))
        for row, came_to in zip(told, one_by_one(Settler(book), life), strict=True):
            if isinstance(came_to, Rejection):
                faults = tuple(f"{fault.path}: {fault.message}" for fault in came_to.faults)
                wanted[row["request_id"]] = (came_to.outcome.name, faults or (came_to.message,))
    found: list[Reason] = reasons_of(tmp_path / "out", history, world)

    assert found
    assert {each.request_id: (each.outcome, each.said) for each in found}.items() <= wanted.items()
