"""The worlds of a replay: the rules as they are, and each reform by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medsettle.errors import Fault, InvalidRequest, NotFound, PolicyRejected, Violation
from medsettle.policy.book import reformed_book
from medsettle.policy.overlay import overlay_faults, read_overlays
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.policy.vocabulary import nearest
from medsettle.replay.layout import BASELINE
from medsettle.rule_cache import rule_book


@dataclass(frozen=True, slots=True)
class World:
    """Rules under which a history is replayed, by the name that its results have."""

    name: str
    book: RuleBook

    def told(self) -> dict[str, object]:
        """Return what decides the results of this world: its policies and catalogues by digest.

        Titles of policies and of the stages of the bill are for who tells of the results.
        """
        policies = {
            compiled.policy.name: {
                "digest": compiled.digest,
                "from": compiled.policy.in_force_from.isoformat(),
                "until": str(compiled.policy.in_force_until or ""),
                "title": compiled.policy.title,
                "stages": {stage.name: stage.title for stage in compiled.policy.stages},
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
        NotFound: An overlay is not there.
        PolicyRejected: Some document has faults, or an overlay changes no policy of the folder;
            all faults of all overlays are listed.
        InvalidRequest: Two overlays have one name.
        OSError: The folder or a file cannot be read.
    """
    for path in overlays:
        if not path.is_file():
            message = f"{path} is no file; name the document of a reform with --reform"
            raise NotFound(message, path=str(path))
    baseline = rule_book(rules)
    worlds = {BASELINE: World(BASELINE, baseline)}
    violations: list[Violation] = []
    for path in overlays:
        try:
            world = _reform(rules, baseline, path)
        except PolicyRejected as error:
            violations += error.violations
            continue
        if world.name in worlds:
            message = f"two worlds are called {world.name!r}; give {path} another `overlay` name"
            raise InvalidRequest([Fault("reform", message)])
        worlds[world.name] = world
    if violations:
        raise PolicyRejected(violations)
    return [*worlds.values()]


def _reform(rules: Path, baseline: RuleBook, path: Path) -> World:
    """Return the world of one overlay; only the area that it changes is compiled anew."""
    overlays, violations = read_overlays([path])
    names = [each.policy.name for each in baseline.policies]
    violations += overlay_faults(overlays, names)
    # What was meant is looked at too, so that all faults are told at once.
    meant = [nearest(each.changes, names) for each in overlays]
    if not overlays or meant[0] is None:
        raise PolicyRejected(violations)
    overlay = replace(overlays[0], changes=meant[0])
    area = baseline.policy(overlay.changes).policy.pooling_area
    own = reformed_book(rules, [overlay], violations, only=[area])
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
