"""The worlds of a replay: the rules as they are, and each reform by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medsettle.errors import Fault, InvalidRequest, PolicyRejected
from medsettle.policy.book import load_rule_book
from medsettle.policy.overlay import overlay_faults, read_overlays
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.replay.layout import BASELINE
from medsettle.rule_cache import rule_book


@dataclass(frozen=True, slots=True)
class World:
    """Rules under which a history is replayed, by the name that its results have."""

    name: str
    book: RuleBook

    def told(self) -> dict[str, object]:
        """Return what decides the results of this world: its policies and catalogues by digest."""
        policies = {
            compiled.policy.name: {
                "digest": compiled.digest,
                "from": compiled.policy.in_force_from.isoformat(),
                "until": str(compiled.policy.in_force_until or ""),
            }
            for compiled in self.book.policies
        }
        catalogues = {
            code: catalogue.digest[:DIGEST_CHARS]
            for code, catalogue in self.book.catalogues.items()
        }
        return {"policies": policies, "catalogues": catalogues}


def worlds_of(rules: Path, overlays: Sequence[Path]) -> list[World]:
    """Return the baseline of a folder of rules, and a world for each overlay on it.

    Args:
        rules: A folder with one folder for each area.
        overlays: Documents of reforms (`medsettle.policy.overlay`); each is applied alone.

    Raises:
        PolicyRejected: Some document has faults, or an overlay changes no policy of the folder.
        InvalidRequest: Two overlays have one name.
        OSError: The folder or a file cannot be read.
    """
    baseline = rule_book(rules)
    worlds = {BASELINE: World(BASELINE, baseline)}
    for path in overlays:
        world = _reform(rules, baseline, path)
        if world.name in worlds:
            message = f"two worlds are called {world.name!r}; give {path} another `overlay` name"
            raise InvalidRequest([Fault("reform", message)])
        worlds[world.name] = world
    return [*worlds.values()]


def _reform(rules: Path, baseline: RuleBook, path: Path) -> World:
    """Return the world of one overlay; only the area that it changes is compiled anew."""
    (overlays, violations) = read_overlays([path])
    violations += overlay_faults(overlays, [each.policy.name for each in baseline.policies])
    if violations:
        raise PolicyRejected(violations)
    (overlay,) = overlays
    area = baseline.policy(overlay.changes).policy.pooling_area
    own = load_rule_book(rules, overlays=[path], only=[area])
    policies = [each for each in baseline.policies if each.policy.pooling_area != area]
    # Of one area there is one object, so that lines of home are known to be that.
    policies += [replace(each, area=baseline.areas[area]) for each in own.policies]
    book = replace(baseline, policies=tuple(policies))
    return World(overlay.name, book)


def same_lines(one: RuleBook, other: RuleBook) -> bool:
    """Return whether two rule books split every line alike: by equal areas and catalogues."""
    return one.areas == other.areas and _digests(one) == _digests(other)


def _digests(book: RuleBook) -> Mapping[str, str]:
    return {code: catalogue.digest for code, catalogue in book.catalogues.items()}
