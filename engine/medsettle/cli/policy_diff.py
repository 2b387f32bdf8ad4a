"""`medsettle policy diff`: what changed between two policies, in words and figures."""

from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.core.money import yuan_from_fen
from medsettle.errors import PolicyRejected
from medsettle.policy import book as books
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import differences
from medsettle.settle.effect import Effect, effects


def chosen_policy(asked: str, rules: Path, overlays: list[Path]) -> CompiledPolicy:
    """Return the policy of a file, or the loaded one of a name.

    Raises:
        PolicyRejected: The document, or one of the folder, has faults.
        PolicyNotFound: No loaded policy has the name.
        OSError: A file cannot be read.
    """
    path = Path(asked)
    if path.suffix != ".yaml":
        return books.load_rule_book(rules, overlays=overlays).policy(asked)
    area, faults = books.read_area_folder(path.parent)
    if area is None:
        raise PolicyRejected(faults)
    compiled, faults = books.compile_file(path, area)
    if compiled is None:
        raise PolicyRejected(faults)
    return compiled


def print_difference(
    console: Console, old: CompiledPolicy, new: CompiledPolicy, *, as_json: bool
) -> None:
    """Print what two policies say differently, and what that is to a patient."""
    changes, felt = differences(old.policy, new.policy), effects(old, new)
    if as_json:
        body = {
            "old": old.policy.name,
            "new": new.policy.name,
            "from": new.policy.in_force_from.isoformat(),
            "changes": [asdict(change) for change in changes],
            "effects": [asdict(effect) for effect in felt],
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    console.print(f"[bold]{escape(old.policy.title)} -> {escape(new.policy.title)}[/]")
    if not changes:
        console.print("both say the same")
        return
    console.print(f"from {new.policy.in_force_from}", highlight=False)
    for change in changes:
        console.print(f"  {escape(str(change))}", highlight=False, soft_wrap=True)
    console.print("\nThe patient's cash of a first bill of the year, all in scope (sampled):")
    for line in _told(felt):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _told(felt: list[Effect]) -> list[str]:
    """Return a line for each combination of classes: from where on it gains or loses."""
    if not felt:
        return ["the same at every amount tried"]
    # Classes that feel the same are told together.
    alike: dict[str, list[str]] = {}
    for whom, group in groupby(felt, lambda effect: effect.whom):
        own = list(group)
        first = yuan_from_fen(own[0].in_scope_fen)
        told = "; ".join(dict.fromkeys(map(_one, (own[0], own[len(own) // 2], own[-1]))))
        alike.setdefault(f"from {first} yuan on: {told}", []).append(whom)
    return [
        f"{' | '.join(filter(None, classes)) or 'everybody'}: {told}"
        for told, classes in alike.items()
    ]


def _one(effect: Effect) -> str:
    less = effect.before_fen - effect.after_fen
    word = f"{yuan_from_fen(abs(less))} {'less' if less > 0 else 'more'}"
    before, after = yuan_from_fen(effect.before_fen), yuan_from_fen(effect.after_fen)
    return f"of {yuan_from_fen(effect.in_scope_fen)} {before} -> {after} ({word})"
