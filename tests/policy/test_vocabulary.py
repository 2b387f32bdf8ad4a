"""The words of the rule language: one Chinese alias for each, and near words for slips."""

from enum import StrEnum

import pytest
from medsettle.core import codes
from medsettle.core.dates import Period
from medsettle.core.money import Rounding
from medsettle.policy import example_keys, exclusion_keys, keys, model, routing_keys
from medsettle.policy.checker import canonical_name, same_name
from medsettle.policy.example_names import TOTALS
from medsettle.policy.vocabulary import (
    aliases,
    canonical,
    in_chinese,
    quoted,
    suggestion,
    words,
)

_KINDS: tuple[type[StrEnum], ...] = (
    *(model.Unit, model.RateSide, model.RoundingPoint, model.RoundingSide, model.CapOn),
    *(model.Excess, model.BandsAlong, model.BandsApply, Rounding, Period),
)


_ALL_SHAPES = (
    *(*keys.SHAPES, *example_keys.SHAPES),
    *(*routing_keys.SHAPES, *exclusion_keys.SHAPES),
)


def test_every_word_of_the_language_has_a_chinese_alias() -> None:
    """Keys, choices, amounts and payers can all be written in Chinese."""
    found = {key.name for shape in _ALL_SHAPES for key in shape}
    found |= {*example_keys.KINDS, *TOTALS}
    found |= {kind.value for kinds in _KINDS for kind in kinds}
    found |= {*keys.RESERVED_NAMES, *model.STAGE_AMOUNTS, *codes.PAYER_NAMES, *keys.RULE_DATES}
    found |= {*keys.DEDUCTIBLE_SIDES, *keys.PRICE_LEVELS, *keys.UNLISTED}
    found |= {keys.YES, keys.OPEN, keys.SETTLEMENT, keys.SETTLEMENTS}
    found |= {*keys.BALANCE_LIMITS.values()}

    found |= {routing_keys.REST, routing_keys.REGISTERED, *routing_keys.OUTSIDE}
    found |= {*routing_keys.UNCONFIRMED, *routing_keys.SHARED_TO, *routing_keys.DATES}
    found |= {*routing_keys.TIMELINESS, *codes.Debtor}
    found |= {*exclusion_keys.ABOUT, *exclusion_keys.FINDS, *exclusion_keys.ACTIONS}
    found |= {*exclusion_keys.HELD_ON, *exclusion_keys.INSTITUTIONS}
    found |= {*exclusion_keys.TRANSFER_DAYS, *exclusion_keys.SPANS}

    assert set() == found - set(words())


def test_an_alias_is_no_keyword() -> None:
    """No word is the alias of one keyword and a keyword itself, so that reading is certain."""
    assert set() == set(aliases()) & set(words())
    assert all(word == canonical(in_chinese(word), {word}) for word in words())


def test_a_chinese_word_stands_for_both_numbers() -> None:
    """Chinese has no plural: one word is read as the keyword that can stand where it does."""
    both = [word for word, alias in words().items() if alias == "医疗类别"]

    assert ["visit_types", "visit_type"] == both
    assert both == [canonical("医疗类别", {each}) for each in both]


def test_payers_have_the_names_of_the_national_answer() -> None:
    """The alias of a payer is the name that its code list gives."""
    assert {payer.name: payer.chinese for payer in codes.PAYERS} == {
        payer.name: in_chinese(payer.name) for payer in codes.PAYERS
    }


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        pytest.param("deductable", ["deductible"], "did you mean 'deductible'?", id="english"),
        pytest.param("起付钱", ["deductible"], "did you mean '起付线'?", id="chinese"),
        pytest.param("来原", ["source", "title"], "did you mean '来源'?", id="two-characters"),
        pytest.param("３１０", ["310", "390"], "did you mean '310'?", id="wide-digits"),
        pytest.param("zzz", ["rate", "base"], "known here: base, rate", id="far"),
        pytest.param("无关", ["rate"], "known here: 比例", id="far-chinese"),
        pytest.param("x", [], "none is defined", id="nothing"),
    ],
)
def test_a_slip_is_answered_with_the_nearest_word(
    word: str, known: list[str], expected: str
) -> None:
    """A near word is suggested in the language it was written in; else all that are known."""
    assert expected == suggestion(word, known)


def test_names_are_kept_as_they_are_written() -> None:
    """A name is found in either language, and stays the one its document gave it."""
    assert "起付线" == same_name("deductible", ["起付线"])
    assert "统筹.own_share" == same_name("统筹.自付额", ["统筹.paid", "统筹.own_share"])
    assert same_name("起付线", ["封顶"]) is None
    assert "pool.own_share" == canonical_name("pool.自付额")


def test_a_quotation_is_one_short_line() -> None:
    """A text of pages is shown by its beginning, on one line."""
    assert "'a b'" == quoted("a\n  b")
    assert f"'{'x' * 40}…'" == quoted("x" * 41)
    assert f"'{'x' * 40}'" == quoted("x" * 40)
