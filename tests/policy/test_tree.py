"""Strict YAML: text with positions, everything else refused where it stands."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.policy import tree
from medsettle.policy.tree import Map, Sequence, Text

_AREAS = sorted(path.parent for path in (Path(__file__).parents[2] / "rules").glob("*/area.yaml"))


def _read(text: str) -> tuple[Map, list[str]]:
    document, violations = tree.parse(text.encode(), "file.yaml")
    return document, [str(violation) for violation in violations]


def _texts(value: tree.Value) -> object:
    if isinstance(value, Map):
        return {entry.key.value: _texts(entry.value) for entry in value}
    if isinstance(value, Sequence):
        return [_texts(item) for item in value.items]
    return value.value


def test_every_scalar_stays_the_text_that_was_written() -> None:
    """No word becomes a truth value, a number, a date or nothing."""
    document, faults = _read(
        "a: no\nb: 1_300\nc: 0o17\nd: 2024-01-01\ne: ~\nf: 1.50\ng: on\nh: '01'\ni: .inf\nj:\n"
    )

    assert [] == faults
    assert {
        **{"a": "no", "b": "1_300", "c": "0o17", "d": "2024-01-01", "e": "~", "f": "1.50"},
        **{"g": "on", "h": "01", "i": ".inf", "j": ""},
    } == _texts(document)


def test_places_count_from_one_and_name_the_way() -> None:
    """A value knows its line and column from 1, and the keys and positions that lead to it."""
    document, faults = _read("表:\n  - 值: 1元\n  - [甲, 乙]\n")

    assert [] == faults
    table = document.entries[0].value
    assert isinstance(table, Sequence)
    first, second = table.items
    assert isinstance(first, Map) and isinstance(second, Sequence)
    assert tree.Place("file.yaml", 2, 5, "表[0].值") == first.entries[0].key.place
    assert tree.Place("file.yaml", 2, 8, "表[0].值") == first.entries[0].value.place
    assert tree.Place("file.yaml", 3, 9, "表[1][1]") == second.items[1].place


def test_an_alias_is_refused_and_never_followed() -> None:
    """A page of aliases that would grow into gigabytes costs one message for each mark."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 200)]

    document, faults = _read("\n".join(lines))

    assert 200 + 2 * 199 == len(faults)
    assert faults[0].startswith("file.yaml:1:5 a0: the anchor &a0 is not allowed; delete it")
    last = document.entries[-1].value
    assert isinstance(last, Sequence)
    assert [False, False] == [item.readable for item in last.items if isinstance(item, Text)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("a: !!str 1", "1:4 a: the tag !!str is not allowed", id="tag"),
        pytest.param("a: !x 1", "1:4 a: the tag !x is not allowed", id="own-tag"),
        pytest.param("a: &x 1", "1:4 a: the anchor &x is not allowed", id="anchor"),
        pytest.param("a: *x", "1:4 a: an alias repeats another value", id="alias"),
        pytest.param("<<: *x", "1:5 <<: an alias repeats another value", id="merge"),
        pytest.param("a: 1\nb: 2\na: 3", "3:1 a: 'a' was written before, on line 1", id="twice"),
        pytest.param("? [a]\n: 1", "1:3: a key is one plain word", id="list-as-key"),
        pytest.param("a: 1\n---\nb: 2", "2:1: a second document begins here", id="documents"),
        pytest.param("%YAML 1.1\n---\na: 1", "2:1: the lines above this one", id="directive"),
    ],
)
def test_what_yaml_adds_to_text_is_refused(text: str, fault: str) -> None:
    """Tags, anchors, aliases, merges, repeated or nested keys and more documents are refused."""
    document, faults = _read(text)

    assert document.readable
    assert 1 == len([message for message in faults if message.startswith(f"file.yaml:{fault}")])
    assert all(message.startswith(f"file.yaml:{fault[:3]}") for message in faults)


@pytest.mark.parametrize(
    ("text", "fault", "meant"),
    [
        pytest.param(
            "a: {b：1, c: 2}",
            "1:5 a: a wide colon makes no key; write `b: 1`",
            {"a": {"b": "1", "c": "2"}},
            id="wide-colon",
        ),
        pytest.param(
            "a: {b：1，c：2}",
            "1:5 a: a wide colon makes no key; write `b: 1, c: 2`",
            {"a": {"b": "1", "c": "2"}},
            id="wide-colons-and-comma",
        ),
        pytest.param(
            "a: {b:1}",
            "1:5 a: a colon without a blank makes no key; write `b: 1`",
            {"a": {"b": "1"}},
            id="no-blank",
        ),
        pytest.param(
            "a: {b: 甲, 乙, 丙。}",
            "1:11 a: '乙' stands alone, for between { } a comma ends a text; put a text that has "
            'commas between double quotes: "…, …"',
            {"a": {"b": "甲"}},
            id="comma-in-a-text",
        ),
        pytest.param(
            "a：{b: 1}\nc: 2",
            "1:2: this colon is a wide one; write `: ` with a blank after it",
            {"a": "", "c": "2"},
            id="wide-colon-before-a-brace",
        ),
    ],
)
def test_a_key_that_is_none_is_told_and_read_as_it_was_meant(
    text: str, fault: str, meant: object
) -> None:
    """The slip is one fault; what was meant is read on, so that nothing seems to be missing."""
    document, faults = _read(text)

    assert [f"file.yaml:{fault}"] == faults
    assert meant == _texts(document)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "1:1: the document is empty", id="empty"),
        pytest.param("# only this\n", "1:1: the document is empty", id="comment"),
        pytest.param("text", "1:1: expected `key: value` lines", id="text"),
        pytest.param("- a", "1:1: expected `key: value` lines", id="list"),
        pytest.param("a:\n\tb: 1", "2:1: a tab stands here", id="tab"),
        pytest.param("a: 1\n b: 2", "2:3: a second `: ` that belongs to no key", id="two-colons"),
        pytest.param("a：1\nb: 2", "1:2: this colon is a wide one", id="wide-colon"),
        pytest.param("a: x：\n\tb: 2", "2:1: a tab stands here", id="wide-colon-in-a-text"),
        pytest.param("a: {b: '1'，c: 2}", "1:11: this comma is a wide one", id="wide-comma"),
        pytest.param("a: {b: [1]，c：2}", "1:11: this comma is a wide one", id="wide-both"),
        pytest.param("a: {b：[1], c: 2}", "1:6: this colon is a wide one", id="wide-in-braces"),
        pytest.param("a: {b: c: d}", "1:9: a second `: ` in one entry", id="two-colons-inside"),
        pytest.param("a: {b: '，c: 1', d: [1}", "1:20: what is opened", id="wide-in-a-quotation"),
        pytest.param("a: [1, 2\nb: 1", "1:4: what is opened here is not closed", id="bracket"),
        pytest.param("a: 'x\nb: 1", "1:4: the quote that is opened here", id="quote"),
        pytest.param("a: %x", "1:4: a text cannot begin with %", id="percent"),
        pytest.param("a: >x", "1:5: a text cannot begin with > or |", id="folded"),
        pytest.param("a:\n  - b\n c: 1", "3:2: this line does not belong", id="indentation"),
        pytest.param("a: \x01", "1:4: an invisible control character", id="control"),
        pytest.param('a: "\\UFFFFFFFF"', "1:1: an escape like \\U", id="escape"),
    ],
)
def test_what_cannot_be_read_is_one_fault_in_plain_words(text: str, fault: str) -> None:
    """An unreadable document gives one message at the place to mend, and no map to read on."""
    document, faults = _read(text)

    assert not document.readable
    assert () == document.entries
    assert 1 == len(faults)
    assert faults[0].startswith(f"file.yaml:{fault}")


def _nested(depth: int) -> str:
    return "a: " + "[" * depth + "]" * depth


def test_depth_is_bounded() -> None:
    """A value on the deepest level is read, one deeper is refused; so are a hundred thousand."""
    deepest = limits.DOCUMENT_DEPTH_MAX

    assert [] == _read(_nested(deepest))[1]
    assert ["nested deeper than 16 levels; flatten it"] == [
        fault.split("]: ")[1] for fault in _read(_nested(deepest + 1))[1]
    ]
    assert 1 == len(_read("a: " + "[" * 100_000)[1])


def test_size_is_bounded() -> None:
    """A document of the largest size is read, one byte more is refused before it is read."""
    padding = b"#" * (limits.DOCUMENT_BYTES_MAX - len(b"a: 1\n"))

    assert [] == tree.parse(b"a: 1\n" + padding, "file.yaml")[1]
    [fault] = tree.parse(b"a: 1\n#" + padding, "file.yaml")[1]
    assert "the document has 1,048,577 bytes, more than 1,048,576" in fault.message


def test_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    """A file saved as GB 18030 is refused at its first such line; a byte order mark is harmless."""
    path = tmp_path / "file.yaml"
    path.write_bytes("a: 1\nb: 北京\n".encode("gb18030"))
    document, [fault] = tree.read(path, "shown.yaml")

    assert not document.readable
    assert "shown.yaml:2:1: this line is not UTF-8; save the file as UTF-8" == str(fault)
    assert [] == tree.parse(b"\xef\xbb\xbfa: 1", "file.yaml")[1]


@given(st.text(alphabet=st.sampled_from("ab: -[]{},\n\t\"'#&*!|>%@`?：\\\x01北"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is written, the answer is a tree or a violation, never an exception."""
    document, faults = _read(text)

    assert document.readable or faults


_SLIPS = "ab: -[]{},\n\t\"'#&*!|>%@`?：\\\x01北0~"


def _by_the_slow_one(text: str) -> tuple[object, list[object]]:
    document, faults = tree._with_faults(text, "file.yaml")
    return document, list(faults)


@given(st.text(alphabet=st.sampled_from(_SLIPS), max_size=60))
def test_both_parsers_read_the_same(text: str) -> None:
    """What the compiled parser accepts, the other one accepts as the same tree, place by place."""
    quick = tree._faultless(text, "file.yaml")

    if quick is not None:
        assert (quick, []) == _by_the_slow_one(text)


_LINES = (
    *(
        "a: b",
        "- c",
        "  - d",
        "  e: [f, g]",
        "{h: i}",
        "k: 'l'",
        'm: "n"',
        "# o",
        "  p: |",
        "    q",
    ),
    *("  r: >-", " s", "t: u # v", "? w", ": x", "---", "...", "- - y", "z: - 1", "  : a", "a : b"),
    *("a:b", "[a,b]: c", "'a': b", "北: 京", "c: &d e", "f: *d", "g: !h i", "%YAML 1.2"),
)


@given(st.lists(st.sampled_from(_LINES), max_size=8).map("\n".join))
def test_both_parsers_read_the_same_lines(text: str) -> None:
    """Also where whole lines of YAML follow one another in any order."""
    quick = tree._faultless(text, "file.yaml")

    if quick is not None:
        assert (quick, []) == _by_the_slow_one(text)


@pytest.mark.slow
@pytest.mark.parametrize("area", _AREAS, ids=lambda path: path.name)
def test_both_parsers_read_every_document_alike(area: Path) -> None:
    """Each document under rules/ is read by the compiled parser, and as by the other one."""
    for path in sorted(area.glob("*.yaml")):
        text = path.read_text(encoding="utf-8-sig")

        assert tree._faultless(text, "file.yaml") is not None
        assert (tree._faultless(text, "file.yaml"), []) == _by_the_slow_one(text)
