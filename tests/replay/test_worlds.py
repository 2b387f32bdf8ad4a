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
    message = f"{tmp_path / 'none.yaml'} is no file; name the document of a reform with --reform, "
    assert f"{message}or a folder of documents that are one reform together" == caught.value.message


_AFTERWARDS = (
    HIGHER.replace("higher-rate", "more-later").replace("2024-07-01", "2024-10-01")
).replace("90%", "95%")
_RESIDENTS = HIGHER.replace("higher-rate", "residents").replace("-outpatient", "-resident")


def test_a_folder_is_one_reform(tmp_path: Path) -> None:
    """Of several policies, and in steps of one; it is called like the folder, also as `.`."""
    folder = tmp_path / "package"
    folder.mkdir()
    for number, text in enumerate((_AFTERWARDS, _RESIDENTS, HIGHER)):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "notes.txt").write_text("not a document", encoding="utf-8")
    alone = worlds_of(RULES, [folder / "1.yaml", folder / "2.yaml"])

    baseline, world, again = worlds_of(RULES, [folder, overlay_in(tmp_path)])

    assert ("baseline", "package", "higher-rate") == (baseline.name, world.name, again.name)
    said = {
        each.policy.name: (each.policy.in_force_from, each.digest) for each in world.book.policies
    }
    for other in alone[1:]:
        (changed,) = (
            each
            for each in other.book.policies
            if each.policy.name not in {every.policy.name for every in baseline.book.policies}
        )
        assert (changed.policy.in_force_from, changed.digest) == said[changed.policy.name]
    steps = [(name, str(first)) for name, (first, _) in said.items() if "outpatient" in name]
    assert [
        ("example-outpatient", "2024-01-01"),
        ("example-outpatient-higher-rate", "2024-07-01"),
        ("example-outpatient-more-later", "2024-10-01"),
    ] == sorted(steps)


def test_a_folder_that_is_no_reform_is_told(tmp_path: Path) -> None:
    """Without a document, with a name that is none, or called like another reform."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match=r"empty has no document of a reform \(\.yaml\)"):
        worlds_of(RULES, [tmp_path / "empty"])
    (tmp_path / "7 rates").mkdir()
    with pytest.raises(InvalidRequest, match="'7 rates' is no name: a name begins with a letter"):
        worlds_of(RULES, [tmp_path / "7 rates"])
    (tmp_path / "higher-rate").mkdir()
    overlay = overlay_in(tmp_path / "higher-rate")
    with pytest.raises(InvalidRequest, match=r"called 'higher-rate'; give .*rate another name"):
        worlds_of(RULES, [overlay, tmp_path / "higher-rate"])
