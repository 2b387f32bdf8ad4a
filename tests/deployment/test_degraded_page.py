"""The page of what happens when a part is away names tests that exist."""

import re
from pathlib import Path

from medsettle import limits
from medsettle.offline.reconciling import Fate

from tests.cli.commands import ROOT

_PAGE = (ROOT / "engine" / "degraded.md").read_text(encoding="utf-8")


def test_every_row_has_a_test_that_exists() -> None:
    """Each test that is named is a function of the file that is named, and each row names one."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", _PAGE)
    assert 25 <= len(named)
    for path, function in named:
        text = (ROOT / Path(path)).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, f"{path} has no {function}"
    tables = _PAGE.partition("## The centre of cards")[0]
    rows = [line for line in tables.splitlines() if re.match(r"\| (?!away|-)", line)]
    assert [] == [row for row in rows if "`tests/" not in row and not row.startswith("|---")]


def test_the_page_has_the_fates_and_the_bounds() -> None:
    """What `reconcile` may say is explained, and the bounds told are those that hold."""
    for fate in Fate:
        assert str(fate) in _PAGE, fate
    assert f"{limits.OFFLINE_DAYS_MAX} days back" in _PAGE
    assert f"{limits.OFFLINE_AHEAD_SECONDS_MAX // 60} minutes ahead" in _PAGE
