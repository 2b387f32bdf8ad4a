"""What a reform changes, in the words of `policy diff`: for pages, and kept beside the figures."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from medsettle import durable
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import moments
from medsettle.policy.difference_stages import differences
from medsettle.policy.difference_words import difference_lines
from medsettle.policy.rule_book import RuleBook

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
