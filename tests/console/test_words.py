"""The Chinese of the pages: all of it is there, and compiled."""

import re
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.cli.commands import ROOT

_LOCALE = ROOT / "engine" / "medsettle" / "console" / "locale"
_CATALOGUE = Path("zh_Hans") / "LC_MESSAGES"
_OTHER_WORDS = ("单据", "例子", "实例", "指派", "关闭月份", "关闭的月份")
_HALF_WIDTH = re.compile(r"[一-鿿][,:;()]|[)][一-鿿]")


def test_every_text_of_a_page_has_its_chinese() -> None:
    """With the same places for what is filled in."""
    with (_LOCALE / _CATALOGUE / "django.po").open("rb") as file:
        catalogue = read_po(file, "zh_Hans")
    untranslated = [message.id for message in catalogue if message.id and not message.string]
    wrong = [(message.id, *message.check(catalogue)) for message in catalogue]

    assert [] == untranslated
    assert [] == [each for each in wrong if len(each) > 1]


def test_one_word_for_one_thing() -> None:
    """A claim, an example and who is to do something are called the same everywhere."""
    with (_LOCALE / _CATALOGUE / "django.po").open("rb") as file:
        said = [(str(each.id), str(each.string)) for each in read_po(file, "zh_Hans") if each.id]

    assert [] == [pair for pair in said if any(word in pair[1] for word in _OTHER_WORDS)]
    assert [] == [pair for pair in said if "ledger" in pair[0] and "账册" in pair[1]]
    assert [] == [pair for pair in said if _HALF_WIDTH.search(pair[1])]


@pytest.mark.parametrize(
    ("context", "text", "chinese"),
    [
        (None, "owes", "应付方"),
        (None, "is owed", "应收方"),
        (None, "is paid", "收款方"),
        ("party", "pays", "付款方"),
        (None, "pays", "支付"),
        ("amount", "due", "应付"),
        (None, "due", "到期"),
        ("count", "days", "天数"),
        ("difference", "next", "下一个"),
        (None, "next", "下一页"),
        ("prepayment", "line", "项"),
        ("file", "line", "行"),
    ],
)
def test_a_text_of_several_meanings(context: str | None, text: str, chinese: str) -> None:
    """Whoever owes and whoever is owed are two, also in the catalogue that is compiled."""
    with (_LOCALE / _CATALOGUE / "django.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    found = compiled.pgettext(context, text) if context else compiled.gettext(text)

    assert chinese == found


def test_the_catalogue_is_that_of_todays_pages(tmp_path: Path) -> None:
    """Run `make words` and translate what is new."""
    words = (ROOT / "engine" / "generate_words.py", tmp_path, _LOCALE)
    subprocess.run([sys.executable, *map(str, words)], check=True, timeout=120)

    for name in ("django.po", "django.mo"):
        assert (tmp_path / _CATALOGUE / name).read_bytes() == (
            _LOCALE / _CATALOGUE / name
        ).read_bytes(), name
