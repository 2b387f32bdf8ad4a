"""What `medsettle replay` says of what it did: differences, and what each reform touches."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from medsettle.replay.history import History
    from medsettle.replay.outcomes import WorldOutcomes
    from medsettle.replay.reasons import Reason
    from medsettle.replay.run import Replayed
    from medsettle.replay.worlds import World


def left_out_of(history: "History | None", out: Path) -> tuple[int, int]:
    """Return how many claims were read and left out for a history that a replay made itself."""
    from medsettle.replay.layout import HISTORY_FOLDER  # noqa: PLC0415 - loads Arrow

    if history is None or history.folder != out / HISTORY_FOLDER:
        return 0, 0
    read, refused = (history.source.get(f"claims_{name}", 0) for name in ("read", "refused"))
    assert isinstance(read, int)
    assert isinstance(refused, int)
    return read, refused


def words_of(worlds: Sequence[str], found: "Replayed", out: str, *, compared: bool) -> str:
    """Return what a replay did, and whether the baseline comes out as recorded."""
    claims = "1 claim" if found.claims == 1 else f"{found.claims:,} claims"
    text = f"{claims} under the {worlds[0]}"
    if reforms := worlds[1:]:
        text += f" and {len(reforms)} reform{'s' * (len(reforms) > 1)} ({', '.join(reforms)})"
    if found.differences:
        return f"{text}; {found.differences:,} do not come out as recorded: {out}/differences"
    if not compared:
        return f"{text}; nothing was recorded to compare with"
    return f"{text}; none that was recorded comes out otherwise"


def json_of(out: str, worlds: Sequence[str], found: "Replayed", told: Mapping[str, object]) -> str:
    """Return the same for programs, with what else is told."""
    body = {
        **{"folder": out, "worlds": worlds, "parts": found.parts, "claims": found.claims},
        **{"resumed_parts": found.resumed, "differences": found.differences, **told},
    }
    return orjson.dumps(body).decode()


def say_outcomes(
    console: Console,
    outcomes: "Mapping[str, WorldOutcomes]",
    worlds: "Sequence[World]",
    history: "History | None",
) -> None:
    """Say of each world which claims it does not settle, and which it decides otherwise."""
    if not outcomes or history is None:
        return
    claims = history.rows("claims")
    for world in worlds:
        own = outcomes[world.name]
        if own.refused:
            each = ", ".join(f"{count:,} {name}" for name, count in own.refused.most_common())
            words = f"{world.name} does not settle {own.refused.total():,} of {claims:,}: {each}"
            console.print(escape(words), highlight=False)
            for reason in own.reasons:
                console.print(escape(f"  {_said(reason)}"), highlight=False)
        if world is worlds[0]:
            continue
        if own.decided_otherwise:
            words = f"{world.name} decides {own.decided_otherwise:,} of {claims:,} claims by "
            console.print(escape(words + "another document"), highlight=False)
        else:
            console.print(f"[bold red]{escape(_untouched(world, worlds[0], history))}[/]")


def _said(reason: "Reason") -> str:
    """Return why a claim is not settled; of many faults the first, with how many there are."""
    first, *others = reason.said
    more = f" (and {len(others):,} more)" if others else ""
    return (
        f"{reason.outcome}, claim {reason.claim} of {reason.institution} (request "
        f"{reason.request_id}): {first}{more}"
    )


def _untouched(world: "World", baseline: "World", history: "History") -> str:
    """Return that a reform touches no claim, with why."""
    from medsettle.replay.history_contents import contents_of  # noqa: PLC0415 - loads Arrow
    from medsettle.replay.untouched import (  # noqa: PLC0415 - as above
        ClaimsAre,
        own_documents,
        untouched_words,
    )

    told = {each.name: each.told() for each in (baseline, world)}
    claims = ClaimsAre.of_history(contents_of(history))
    why = untouched_words(own_documents(told, world.name), claims).en
    return f"{world.name} decides no claim by another document, so nothing can differ. {why}"


def counted(outcomes: "Mapping[str, WorldOutcomes]") -> dict[str, object]:
    """Return the same for programs; nothing where nobody counted."""
    return {
        "not_settled": {name: dict(each.refused) for name, each in outcomes.items()},
        "reasons": {
            name: [asdict(reason) for reason in each.reasons] for name, each in outcomes.items()
        },
        "decided_otherwise": {name: each.decided_otherwise for name, each in outcomes.items()},
    }
