"""Claims as files hold them: what is read, and what is refused with its place."""

import json
from pathlib import Path

import pytest
from medsettle.cli.exits import UnreadableFile
from medsettle.cli.files import read_claims

from tests.cli.claim_files import ENDINGS, stay, write_claims


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        pytest.param(
            "a.json", '{"person": "A",\n "person": "B"}', 'person" twice.* 2;', id="claim"
        ),
        pytest.param("a.json", '{"a": 1, "\\u0061": 1}', '"a" twice.* 1;', id="escaped"),
        pytest.param("a.json", '{"a": null, "a": null}', '"a" twice', id="same-value"),
        pytest.param(
            "a.json",
            '[{"lines": []},\n {"lines": [{"a": "}"},\n {"b": [1, 2], "b": "\\""}]}]',
            r'"claims\[1\]\.lines\[1\]\.b" twice.* 3;',
            id="line",
        ),
        pytest.param("a.jsonl", '{"a": 1}\n\n{"a": 1, "a": 2}', '"a" twice.* 3;', id="json-lines"),
        pytest.param("a.json", '{"a": {"b": 1}, "c": {"b": 1}, "a": 2}', '"a" twice', id="after"),
        pytest.param("a.json", '{"a": 1, "": 1, "": 2}', '"" twice', id="no-name"),
    ],
)
def test_a_key_given_twice_is_refused(tmp_path: Path, name: str, text: str, place: str) -> None:
    """Which value was meant nobody knows: the file is refused with path and line of the second."""
    path = _written(tmp_path, name, text)

    with pytest.raises(UnreadableFile, match=place) as refused:
        read_claims(path)
    assert str(path) in str(refused.value)


def test_a_file_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    """A thousand lists in one another are no claims, and no bug either."""
    path = _written(tmp_path, "a.json", "[" * 1_020 + "]" * 1_020)

    with pytest.raises(UnreadableFile, match="nested"):
        read_claims(path)


def test_a_key_may_be_in_several_objects(tmp_path: Path) -> None:
    """The same keys in other objects, in strings and in lists are as they should be."""
    text = r'[{"a": "\"a\": 1, {", "b": {"a": [1, {"a": 12345678901234567890}]}}, {"a": 1.5e3}]'

    assert json.loads(text) == read_claims(_written(tmp_path, "a.json", text))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_without_claims_is_refused(tmp_path: Path, ending: str) -> None:
    """A file of no claims is some mistake: it is named, whatever its kind."""
    path = write_claims(tmp_path / f"none{ending}", [])

    with pytest.raises(UnreadableFile, match=f"none{ending} holds no claims"):
        read_claims(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_claims_of_a_file_are_rows(tmp_path: Path, ending: str) -> None:
    """Every kind of file gives the claims that were written to it, in order."""
    rows = read_claims(write_claims(tmp_path / f"two{ending}", [stay(1), stay(2)]))

    assert ["R1", "R2"] == [row["request_id"] for row in rows]
