"""The words of the rule language: English keywords, Chinese aliases, nearest known words."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from medsettle.policy import tree


@cache
def aliases() -> dict[str, str]:
    """Return each Chinese alias with its English keyword.

    Source: `vocabulary.yaml` beside this module, the only place where words are defined.
    """
    raw = files("medsettle.policy").joinpath("vocabulary.yaml").read_bytes()
    words, violations = tree.parse(raw, "vocabulary.yaml")
    assert not violations, violations
    found: dict[str, str] = {}
    for entry in words:
        assert isinstance(entry.value, tree.Text)
        assert entry.value.value not in found, f"{entry.value.value} stands for two words"
        found[entry.value.value] = entry.key.value
    return found


def canonical(word: str) -> str:
    """Return the English keyword of a word; a word without an alias is returned as it is.

    >>> canonical("起付线"), canonical("deductible"), canonical("level_1")
    ('deductible', 'deductible', 'level_1')
    """
    return aliases().get(word, word)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest known word, or the list of what is known.

    >>> suggestion("deductable", ["deductible", "caps"])
    "did you mean 'deductible'?"
    """
    words = sorted(known)
    near = get_close_matches(canonical(word), words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(words)}" if words else "nothing is known here yet"
