"""The words of the rule language: English keywords, Chinese aliases, nearest known words."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from unicodedata import normalize

from medsettle.policy import tree

_QUOTED_CHARS_MAX = 40
# Two Chinese words of two characters that share one are as near as a typing slip makes them.
_NEAR = 0.6
_NEAR_CHINESE = 0.5


@cache
def _meanings() -> dict[str, tuple[str, ...]]:
    """Return each Chinese word with its English keywords.

    Chinese has no plural, so a word may stand for both numbers of an English one, of which only one
    can stand where it is written.

    Source: `vocabulary.yaml` beside this module, the only place where words are defined.
    """
    raw = files("medsettle.policy").joinpath("vocabulary.yaml").read_bytes()
    words, violations = tree.parse(raw, "vocabulary.yaml")
    assert not violations, violations
    found: dict[str, tuple[str, ...]] = {}
    for entry in words:
        assert isinstance(entry.value, tree.Text)
        found[entry.value.value] = (*found.get(entry.value.value, ()), entry.key.value)
    return found


@cache
def aliases() -> dict[str, str]:
    """Return each Chinese word with its English keyword, the first one where it has several."""
    return {alias: words[0] for alias, words in _meanings().items()}


@cache
def words() -> dict[str, str]:
    """Return each English keyword with its Chinese word, in the order of the vocabulary."""
    return {word: alias for alias, words in _meanings().items() for word in words}


def canonical(word: str, here: Collection[str] = ()) -> str:
    """Return the English keyword of a word; a word without an alias is returned as it is.

    Args:
        word: A word in either language.
        here: The keywords that can stand where it stands.

    >>> canonical("起付线"), canonical("deductible"), canonical("level_1")
    ('deductible', 'deductible', 'level_1')
    >>> canonical("医疗类别"), canonical("医疗类别", {"visit_type"})
    ('visit_types', 'visit_type')
    """
    meant = _meanings().get(word, (word,))
    return next((each for each in meant if each in here), meant[0])


def in_chinese(word: str) -> str:
    """Return the Chinese alias of a keyword, part by part; a part without one stays as it is.

    >>> in_chinese("deductible"), in_chinese("pool.own_share")
    ('起付线', 'pool.自付额')
    """
    return ".".join(words().get(part, part) for part in word.split("."))


def is_chinese(word: str) -> bool:
    """Return whether a word has a character beyond ASCII, so that its writer uses Chinese words.

    >>> is_chinese("统筹.own"), is_chinese("own")
    (True, False)
    """
    return not word.isascii()


def quoted(text: str) -> str:
    """Return a text as messages show it: on one line, between quotes, and not for pages.

    >>> quoted("1300"), quoted("a" * 50)
    ("'1300'", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'")
    """
    line = " ".join(text.split())
    return f"'{line[:_QUOTED_CHARS_MAX]}{'…' if len(line) > _QUOTED_CHARS_MAX else ''}'"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return which known word was probably meant, or all that are known.

    A word written in Chinese is answered in Chinese.

    >>> suggestion("deductable", ["deductible", "caps"])
    "did you mean 'deductible'?"
    >>> suggestion("起付钱", ["deductible", "caps"])
    "did you mean '起付线'?"
    """
    names = sorted(dict.fromkeys(known))
    if not names:
        return "none is defined"
    near, chinese = _nearest(word, names)
    if near is not None:
        return f"did you mean {quoted(in_chinese(near) if chinese else near)}?"
    shown = sorted(map(in_chinese, names)) if is_chinese(normalize("NFKC", word)) else names
    return f"known here: {', '.join(shown)}"


def code_hint(code: str, words: Mapping[str, str]) -> str:
    """Return which code was meant, where only its digits are wide, or all codes in words.

    >>> code_hint("17", {"11": "普通门诊", "21": "住院"})
    'known here: 11 普通门诊, 21 住院'
    """
    narrow = normalize("NFKC", code)
    if narrow in words:
        return f"did you mean {quoted(narrow)}?"
    return f"known here: {', '.join(f'{each} {word}' for each, word in words.items())}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return which known word was probably meant, None where none is near.

    >>> nearest("起付钱", ["deductible", "caps"])
    'deductible'
    """
    return _nearest(word, sorted(dict.fromkeys(known)))[0]


def _nearest(word: str, names: list[str]) -> tuple[str | None, bool]:
    """Return the nearest name, and whether it is near in Chinese."""
    # Wide digits and letters of a Chinese keyboard count as the narrow ones.
    word = normalize("NFKC", word)
    near = get_close_matches(word, names, n=1, cutoff=_NEAR)
    if not near and is_chinese(word):
        chinese = {in_chinese(name): name for name in names}
        near = get_close_matches(word, sorted(chinese), n=1, cutoff=_NEAR_CHINESE)
        if near:
            return chinese[near[0]], True
    if not near:
        near = get_close_matches(canonical(word), names, n=1, cutoff=_NEAR)
    return (near[0] if near else None), False
