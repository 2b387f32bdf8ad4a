"""The rules that a page may look at: those in force, as known on a day, and the drafts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from medsettle.console.drafts import Draft, drafts_in
from medsettle.console.models import Account
from medsettle.console.place import holdings
from medsettle.errors import NotFound, Overloaded, SettlementError
from medsettle.policy.book import load_rule_book
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.example_names import examples_beside
from medsettle.policy.examples import Example
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.prove import proof_faults
from medsettle.settle.run import Settler

IN_FORCE: Final = "in-force"
_DRAFT: Final = "draft:"
_POLICY: Final = "policy:"


@dataclass(frozen=True, slots=True)
class Version:
    """Rules to settle by, and what they are called."""

    title: str
    book: RuleBook


@dataclass(frozen=True, slots=True)
class Proof:
    """A worked example, and what of it does not come out."""

    example: Example
    faults: tuple[str, ...]


def rules_in_force() -> RuleBook:
    """Return the rules of the folder as they are now; the same book as long as they are the same.

    Raises:
        PolicyRejected: The rules have faults.
    """
    with holdings().engine() as engine:
        return engine.rulebook


def stage_titles(policy: str, book: RuleBook | None = None) -> dict[str, str]:
    """Return what the stages of a policy are called in its document; none of one not loaded."""
    try:
        found = (book or rules_in_force()).policy(policy).policy
    except SettlementError:
        return {}
    return {stage.name: stage.title for stage in found.all_stages}


def sees_drafts(account: Account) -> bool:
    """Whether somebody may see drafts: hospitals hear of rules when they are published."""
    return account.sees_institution is None


def drafts_seen(account: Account) -> list[Draft]:
    """Return the drafts that somebody may see, newest first."""
    return drafts_in(holdings().place.state).listed() if sees_drafts(account) else []


def rules_chosen(account: Account) -> list[tuple[str, str]]:
    """Return the rules that a claim may be tried against, each a word and what it is called."""
    return [(IN_FORCE, _("in force"))] + [
        (f"{_DRAFT}{each.name}", draft_title(each)) for each in drafts_seen(account)
    ]


def policies_chosen(account: Account) -> list[tuple[str, str]]:
    """Return the policies that may be compared, drafts first, each a word and its name."""
    named = [
        (f"{_POLICY}{each.policy.name}", f"{each.policy.pooling_area} {each.policy.name}")
        for each in rules_in_force().policies
    ]
    found = [(f"{_DRAFT}{each.name}", draft_title(each)) for each in drafts_seen(account)]
    return [*found, *sorted(named, key=lambda pair: pair[1])]


def draft_title(draft: Draft) -> str:
    """Return what a draft is called in a list to choose from."""
    return _("draft %(name)s of %(policy)s") % {"name": draft.name, "policy": draft.policy}


def version_of(word: str, account: Account) -> Version:
    """Return the rules that a word names.

    Raises:
        NotFound: There is no such draft, or it is not this person's to see.
        PolicyRejected: The rules in force have faults, or the draft has some among them by now.
    """
    if not word.startswith(_DRAFT):
        return Version(_("in force"), rules_in_force())
    name = word.removeprefix(_DRAFT)
    if not sees_drafts(account):
        raise NotFound(_("there is no draft %s; it may have been discarded") % repr(name[:40]))
    drafts = drafts_in(holdings().place.state)
    reading = drafts.read(name, holdings().place.rules, rules_in_force())
    if reading.book is None:
        raise NotFound(
            _("draft %s has faults among the rules as they are now; open it to see which") % name
        )
    return Version(draft_title(drafts.find(name)), reading.book)


def known_on(day: date, area: str) -> Version:
    """Return the rules in force, those of an area as they had been published on a day.

    Raises:
        NotFound: The rules have no such area.
        PolicyRejected: What had been published by then does not stand alone.
    """
    base = rules_in_force()
    if area not in base.areas:
        raise NotFound(_("the rules have no pooling area %s") % repr(area[:40]))
    own = load_rule_book(holdings().place.rules, known_on=day, only=[area])
    title = _("as published by %s") % day.isoformat()
    return Version(title, base.with_areas_of(own))


def policy_of(word: str, account: Account) -> CompiledPolicy:
    """Return the policy that a word names: a loaded one, or that of a draft.

    Raises:
        PolicyNotFound: No loaded policy has that name.
        NotFound: There is no such draft, or it is not this person's to see.
    """
    if not word.startswith(_DRAFT):
        return rules_in_force().policy(word.removeprefix(_POLICY))
    version_of(word, account)
    drafts = drafts_in(holdings().place.state)
    name = word.removeprefix(_DRAFT)
    return drafts.read(name, holdings().place.rules, rules_in_force()).policy


def policy_text(compiled: CompiledPolicy) -> str:
    """Return the document of a loaded policy as it is written.

    Raises:
        OSError: It is no longer there.
    """
    return Path(compiled.policy.file).read_text(encoding="utf-8-sig")


# --- worked examples ----------------------------------------------------------------------------


class _Proofs:
    """What was proved of the rules in force, until they change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._book: RuleBook | None = None
        self._found: dict[str, list[Proof]] = {}

    def of(self, book: RuleBook) -> dict[str, list[Proof]]:
        """Return the proofs by the name of their policy; none where the rules are others by now."""
        with self._lock:
            if self._book is not book:
                self._book, self._found = book, {}
            return self._found


_proofs: Final = _Proofs()


def proofs() -> dict[str, list[Proof]]:
    """Return what was proved of the policies in force, by their names."""
    return _proofs.of(rules_in_force())


# Examples take the interpreter for seconds, which everybody else would wait for.
_testing: Final = threading.Lock()


@contextmanager
def testing() -> Iterator[None]:
    """Let nobody else test examples meanwhile.

    Raises:
        Overloaded: Somebody does.
    """
    if not _testing.acquire(blocking=False):
        raise Overloaded(_("Examples are being tested at this moment. Try again in a while."))
    try:
        yield
    finally:
        _testing.release()


def prove_examples(compiled: CompiledPolicy) -> list[Proof]:
    """Settle the worked examples of a loaded policy, and keep what came out until the rules change.

    Raises:
        PolicyRejected: The examples have faults themselves.
    """
    book = rules_in_force()
    rules = holdings().place.rules
    area = compiled.policy.pooling_area
    settlers: dict[date | None, Settler] = {None: Settler(book)}
    found = []
    for example in examples_beside(compiled.policy):
        day = example.known_on
        if day not in settlers:
            then = load_rule_book(rules, known_on=day, only=[area])
            settlers[day] = Settler(book.with_areas_of(then))
        faults = proof_faults(settlers[day], example)
        found.append(Proof(example, tuple(_without_folders(fault, rules) for fault in faults)))
    _proofs.of(book)[compiled.policy.name] = found
    return found


def _without_folders(text: str, rules: Path) -> str:
    return text.replace(f"{rules}/", "")
