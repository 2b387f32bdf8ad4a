"""Reforms have names of their own, and all that is wrong with them is told at once."""

from pathlib import Path

import pytest
from medsettle.errors import InvalidRequest, NotFound, PolicyRejected
from medsettle.replay.worlds import worlds_of

from tests.engine.engines import RULES
from tests.replay.years import HIGHER, overlay_in


def test_worlds_have_names_of_their_own(tmp_path: Path) -> None:
    """Two reforms of one name would be one folder; a reform of no policy is none."""
    overlay = overlay_in(tmp_path)
    with pytest.raises(InvalidRequest, match="two worlds are called 'higher-rate'"):
        worlds_of(RULES, [overlay, overlay])
    with pytest.raises(PolicyRejected, match="no policy is called"):
        worlds_of(RULES, [overlay_in(tmp_path, HIGHER.replace("example-outpatient", "nobody"))])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "title: 80 % become 90 %\n",
            "",
            "'title' (what the reformed policy is called) is missing",
        ),
        ("example-out", "exmple-out", "no policy is called 'exmple-outpatient'; did you mean"),
    ],
)
def test_all_faults_of_reforms_are_told_at_once(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    """Those of their heads, of what they change, and of all of them."""
    text = HIGHER.replace(before, after, 1).replace("source: notice", "source: nothing")
    other = tmp_path / "other.yaml"
    other.write_text(HIGHER.replace("higher-rate", "7 rates"), encoding="utf-8")

    with pytest.raises(PolicyRejected) as caught:
        worlds_of(RULES, [overlay_in(tmp_path, text), other])

    first, second, third = (each.message for each in caught.value.violations)
    assert first.startswith(said)
    assert second.startswith("no source is called 'nothing'; ")
    assert third.startswith("'7 rates' is no name")


def test_a_reform_that_is_not_there_is_named(tmp_path: Path) -> None:
    """In words, and not by the number of an error."""
    with pytest.raises(NotFound) as caught:
        worlds_of(RULES, [tmp_path / "none.yaml"])
    message = f"{tmp_path / 'none.yaml'} is no file; name the document of a reform with --reform"
    assert message == caught.value.message
