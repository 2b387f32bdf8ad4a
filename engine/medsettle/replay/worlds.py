"""The worlds of a replay: the rules as they are, and each reform by itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from medsettle.errors import Fault, InvalidRequest, NotFound, PolicyRejected, Violation
from medsettle.policy.book import reformed_book
from medsettle.policy.keys import NAME_PATTERN
from medsettle.policy.overlay import overlay_faults, read_overlays
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.policy.vocabulary import nearest
from medsettle.replay.layout import BASELINE
from medsettle.rule_cache import rule_book

_DOCUMENTS: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class World:
    """Rules under which a history is replayed, by the name that its results have."""

    name: str
    book: RuleBook

    def told(self) -> dict[str, object]:
        """Return what decides the results of this world: its policies and catalogues by digest.

        Titles of policies and of the stages of the bill, and what a policy is of, are for who tells
        of the results.
        """
        policies = {
            compiled.policy.name: {
                "digest": compiled.digest,
                "from": compiled.policy.in_force_from.isoformat(),
                "until": str(compiled.policy.in_force_until or ""),
                "area": compiled.policy.pooling_area,
                "insurance_type": compiled.policy.insurance_type,
                "visit_types": list(compiled.policy.visit_types),
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


def worlds_of(rules: Path, reforms: Sequence[Path]) -> list[World]:
    """Return the baseline of a folder of rules, and a world for each reform of it.

    Args:
        rules: A folder with one folder for each area.
        reforms: Of each its document, an overlay (`medsettle.policy.overlay`) by which it is
            called; or a folder, called as the reform, whose `.yaml` documents are one reform
            together, such as of stays and of outpatients, or in steps. Each is applied alone.

    Raises:
        NotFound: A reform is not there, or a folder has no document.
        PolicyRejected: Some document has faults, or an overlay changes no policy of the folder;
            all faults of all overlays are listed.
        InvalidRequest: Two reforms have one name, or the name of a folder is none.
        OSError: The folder or a file cannot be read.
    """
    documents = {path: _documents(path) for path in reforms}
    baseline = rule_book(rules)
    worlds = {BASELINE: World(BASELINE, baseline)}
    violations: list[Violation] = []
    for path in reforms:
        try:
            world = _reform(rules, baseline, path, documents[path])
        except PolicyRejected as error:
            violations += error.violations
            continue
        if world.name in worlds:
            message = f"two worlds are called {world.name!r}; give {path} another "
            message += "name" if path.is_dir() else "`overlay` name"
            raise InvalidRequest([Fault("reform", message)])
        worlds[world.name] = world
    if violations:
        raise PolicyRejected(violations)
    return [*worlds.values()]


def _documents(path: Path) -> list[Path]:
    """Return the documents of a reform, in the order of their names."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        message = f"{path} is no file; name the document of a reform with --reform, or a folder "
        raise NotFound(f"{message}of documents that are one reform together", path=str(path))
    if re.fullmatch(NAME_PATTERN, path.resolve().name) is None:
        message = f"the reform of folder {path} would be called like it, and {path.name!r} is no "
        message += "name: a name begins with a letter and has up to 50 letters, digits, `_` and "
        raise InvalidRequest([Fault("reform", f"{message}`-`; rename the folder")])
    found = sorted(each for each in path.iterdir() if each.suffix in _DOCUMENTS)
    if not found:
        message = f"{path} has no document of a reform (.yaml); put one there, or name a file"
        raise NotFound(message, path=str(path))
    return found


def _reform(rules: Path, baseline: RuleBook, path: Path, documents: Sequence[Path]) -> World:
    """Return the world of one reform; only the areas that it changes are compiled anew."""
    overlays, violations = read_overlays(documents)
    names = [each.policy.name for each in baseline.policies]
    violations += overlay_faults(overlays, names)
    # What was meant is looked at too, so that all faults are told at once.
    meant = [(each, nearest(each.changes, names)) for each in overlays]
    known = [replace(each, changes=name) for each, name in meant if name is not None]
    if not known:
        raise PolicyRejected(violations)
    areas = {baseline.policy(each.changes).policy.pooling_area for each in known}
    own = reformed_book(rules, known, violations, only=areas)
    policies = [each for each in baseline.policies if each.policy.pooling_area not in areas]
    # Of one area there is one object, so that lines of home are known to be that.
    policies += [
        replace(each, area=baseline.areas[each.policy.pooling_area]) for each in own.policies
    ]
    name = path.resolve().name if path.is_dir() else known[0].name
    return World(name, replace(baseline, policies=tuple(policies)))


def same_lines(one: RuleBook, other: RuleBook) -> bool:
    """Return whether two rule books split every line alike: by equal areas and catalogues."""
    return one.areas == other.areas and _digests(one) == _digests(other)


def _digests(book: RuleBook) -> Mapping[str, str]:
    return {code: catalogue.digest for code, catalogue in book.catalogues.items()}
