"""A `card.yaml`: read whole, refused with every fault, writable in Chinese."""

from datetime import date
from pathlib import Path

import pytest
from medsettle.core.cards import CardAction, CardKind, CardState, CardUse
from medsettle.policy import card_keys, tree
from medsettle.policy.book import load_rule_book
from medsettle.policy.card_terms import CardRules, Lapse
from medsettle.policy.read_card import read_card
from medsettle.policy.vocabulary import aliases, in_chinese

from tests.cards.desks import write_rules

_FILE = Path(__file__).parents[1] / "cards" / "terms" / "999900" / "card.yaml"
_TEXT = _FILE.read_text(encoding="utf-8")


def _read(text: str) -> tuple[CardRules | None, list[str]]:
    document, faults = tree.parse(text.encode(), "card.yaml")
    rules, violations = read_card(document, "999900", faults)
    return rules, [f"{each.line} {each.key_path}: {each.message}" for each in violations]


def test_the_terms_are_those_of_the_document() -> None:
    """Both versions of the example, value by value, and which of them counts on a day."""
    rules, faults = _read(_TEXT)

    assert [] == faults
    assert rules is not None
    first, second = rules.versions
    assert (date(2020, 1, 1), date(2025, 1, 1)) == (first.start, second.start)
    assert (False, True) == (first.credential_required, second.credential_required)
    assert {"01": None, "03": CardKind.PHYSICAL, "04": CardKind.ELECTRONIC} == first.credentials
    assert (False, True) == (first.activated_by_issue, second.activated_by_issue)
    assert {CardAction.ACTIVATE_BANK, CardAction.UNLOCK} == first.in_person
    assert set() == second.in_person
    assert (Lapse(5, True, True), Lapse(7, False, False)) == (first.lapse, second.lapse)
    assert (True, False) == (first.formal_loss_resumable, second.formal_loss_resumable)
    assert (True, False) == (first.electronic_follows_card, second.electronic_follows_card)
    assert {CardUse.SETTLE} == first.uses[CardState.LOCKED]
    assert set() == second.uses[CardState.LOCKED]
    assert "invented" == first.confidence
    days = [date(2019, 12, 31), date(2020, 1, 1), date(2024, 12, 31), date(2025, 1, 1)]
    assert [None, first, first, second] == [rules.on(day) for day in days]


def test_a_rule_book_has_the_terms_of_its_areas(tmp_path: Path) -> None:
    """`card.yaml` lies beside the policies and is none; an area without one keeps no cards."""
    assert {"999900"} == set(load_rule_book(write_rules(tmp_path / "rules")).cards)


def test_every_key_and_word_can_be_chinese() -> None:
    """Keys, choices, states, actions and uses have an alias."""
    words = {key.name for shape in card_keys.SHAPES for key in shape}
    words |= {*card_keys.KINDS, *card_keys.USE_NAMES, *card_keys.ACTIONS, *card_keys.YES_NO}
    words |= {card_keys.FIRST_PASSWORD, card_keys.NEXT_DAY, card_keys.REPORT_DAY}
    words |= {card_keys.UNTIL_REPLACEMENT, card_keys.NEVER}

    assert set() == words - set(aliases().values())


def test_a_chinese_document_means_the_same() -> None:
    """Each line of the form `word: word` in Chinese is read as the English one."""
    lines = []
    for line in _TEXT.splitlines():
        key, colon, rest = line.partition(":")
        bare = key.strip().removeprefix("- ")
        word = in_chinese(rest.strip())
        value = f" {word}" if word != rest.strip() else rest
        lines.append(key.replace(bare, in_chinese(bare)) + colon + value if bare else line)
    text = "\n".join(lines)

    assert "临时挂失" in text
    assert _read(_TEXT) == _read(text)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("area: 999900", "area: 110000", "area 110000 lies in the folder '999900'"),
        ("lapses_after: 5工作日", "lapses_after: 5", "is no number of days from 1 on"),
        ("lapses_after: 5工作日", "lapses_after: 0天", "is no number of days from 1 on"),
        ("counted_from: next_day", "counted_from: tomorrow", "is no choice here"),
        ("from: 2025-01-01", "from: 2019-01-01", "does not come after 2020-01-01"),
        ("      locked: [settle]\n", "", "'locked' (what it allows, or `none`) is missing"),
        ("locked: [settle]", "locked: [settle, none]", "'none' is no choice here"),
        ("active: [settle, account, bank]", "active: [settle]", "an active card settles"),
        ("social_by: first_password", "social_by: luck", "is no choice here"),
        ('"04": electronic}', '"04": plastic}', "is no choice here"),
        ("  2024:", "  next:", "'next' is no year"),
        ("2024-05-11]", "2025-05-11]", "lies outside 2024"),
        ("resume: until_replacement, source: invented", "resume: never", "'source'"),
        ("valid_for: 60天", "valid_for: 60", "is no time from 1 day on"),
        ("valid_for: 60天", "valid_for: 0天", "is no time from 1 day on"),
        ("at_most: 6个月", "at_most: 59天", "shorter than what a card counts for by itself"),
        ("at_most: 6个月", "at_most: 2个月", "shorter than what a card counts for by itself"),
        ("valid_for: 60天", "valid_for: 7个月", "shorter than what a card counts for by itself"),
        ("    electronic:", "    elektronic:", "did you mean 'electronic'"),
    ],
)
def test_a_fault_is_told_where_it_stands(old: str, new: str, fault: str) -> None:
    """Each slip is refused with what was expected, and the terms are not used."""
    assert old in _TEXT
    rules, faults = _read(_TEXT.replace(old, new, 1))

    assert rules is None
    assert any(fault in each for each in faults), faults
