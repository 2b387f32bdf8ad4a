"""What a reform changes, in the words of `policy diff`: for pages, and kept beside the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from medsettle import durable
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import moments
from medsettle.policy.difference_stages import differences
from medsettle.policy.difference_words import difference_lines
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.layout import BASELINE
from medsettle.replay.worlds import World

WORDS_FILE: Final = "reform.json"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One policy that a reform changes: its titles, names and digests, and what differs."""

    before: str
    before_title: str
    before_digest: str
    after: str
    after_title: str
    after_digest: str
    since: str
    lines: tuple[str, ...]

    @property
    def heads(self) -> tuple[str, str]:
        """What stands above the lines: the titles, and the names with the first day."""
        return (
            f"{self.before_title} → {self.after_title}",
            f"{self.before} → {self.after}, {self.since} –",
        )


def reform_changes(worlds: Sequence[World]) -> dict[str, list[PolicyChange]]:
    """Return what each reform changes, by its name; the baseline stands first (`worlds_of`)."""
    baseline, *reforms = worlds
    return {world.name: policy_changes(baseline.book, world.book) for world in reforms}


def policy_changes(baseline: RuleBook, reformed: RuleBook) -> list[PolicyChange]:
    """Return what two rule books say differently, policy by policy.

    A reformed policy is compared with the one that is in force in its place before it: the policy
    of the baseline for the same area, insurance type and visit types on its first day.
    """
    return [
        _change(old, new)
        for new in reformed.policies
        for old in _replaced(baseline, new)
        if old.digest != new.digest
    ]


def _replaced(baseline: RuleBook, new: CompiledPolicy) -> Iterator[CompiledPolicy]:
    """Yield the policy of the baseline in whose place another one stands, if there is one."""
    held = {old.policy.name: old for old in baseline.policies}
    if new.policy.name in held:
        yield held[new.policy.name]
        return
    found = [
        old
        for visit_type in new.policy.visit_types[:1]
        for old in baseline.candidates(
            new.policy.pooling_area, new.policy.insurance_type, visit_type
        )
        if old.policy.in_force_from <= new.policy.in_force_from
        and (
            old.policy.in_force_until is None
            or old.policy.in_force_until > new.policy.in_force_from
        )
    ]
    yield from found[-1:]


def _change(old: CompiledPolicy, new: CompiledPolicy) -> PolicyChange:
    stretches = moments(old.policy, new.policy)
    found = differences(old.policy, new.policy, stretches)
    return PolicyChange(
        old.policy.name,
        old.policy.title,
        old.digest,
        new.policy.name,
        new.policy.title,
        new.digest,
        stretches[0].since.isoformat(),
        tuple(difference_lines(found)),
    )


def keep_words(folder: Path, changes: Sequence[PolicyChange]) -> None:
    """Keep the words of a reform, so that a later page has them without the documents.

    Raises:
        OSError: The disk failed.
    """
    durable.make_folder(folder)
    content = orjson.dumps([asdict(each) for each in changes], option=orjson.OPT_INDENT_2)
    durable.put(folder / WORDS_FILE, content)
    durable.sync_folder(folder)


def kept_words(folder: Path) -> list[PolicyChange] | None:
    """Return the words of a reform; None where none are kept.

    Raises:
        InvalidRequest: The file is none of these.
    """
    path = folder / WORDS_FILE
    if not path.is_file():
        return None
    try:
        return [
            PolicyChange(**{**each, "lines": tuple(each["lines"])})
            for each in orjson.loads(path.read_bytes())
        ]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} holds no words of a reform: {error!r}; remove it and name --rules"
        raise InvalidRequest([Fault("reform", message)]) from error


def words_apart(
    reform: str, changes: Sequence[PolicyChange], worlds: Mapping[str, Any]
) -> list[str]:
    """Return where the words of a reform are of other documents than those that were replayed.

    Args:
        reform: Its name.
        changes: The words, given or kept.
        worlds: What the manifest of the results says of each world (`World.told`).
    """
    before, after = (_replayed(worlds, world) for world in (BASELINE, reform))
    told = [(BASELINE, before, each.before, each.before_digest) for each in changes]
    told += [(reform, after, each.after, each.after_digest) for each in changes]
    return [
        f"{name} has the digest {digest} there, and {world} was replayed with "
        f"{digests.get(name, 'no policy of this name')}"
        for world, digests, name, digest in told
        if digests.get(name) != digest
    ]


def _replayed(worlds: Mapping[str, Any], world: str) -> dict[str, str]:
    """Return the digest of each policy of a world, by its name."""
    policies = worlds.get(world, {}).get("policies", {})
    return {name: each["digest"] for name, each in policies.items()}
