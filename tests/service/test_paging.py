"""Page sizes and page tokens."""

import pytest
from medsettle.errors import InvalidRequest
from medsettle.service.paging import Pages, page_size

_PAGES = Pages(b"a key of this server")


def test_a_token_gives_back_its_position() -> None:
    """The position a token was made for is the one it stands for."""
    token = _PAGES.token(41, "settlements", "H1", "")

    assert 41 == _PAGES.position(token, "settlements", "H1", "")


def test_no_token_is_the_beginning() -> None:
    """The empty token stands for the first page of any list."""
    assert 0 == _PAGES.position("", "settlements", "H1", "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("settlements", "H2", ""), id="another-filter"),
        pytest.param(("settlements", "", "H1"), id="another-place"),
        pytest.param(("settlements", "H1"), id="fewer"),
        pytest.param(("settlementsH1", "", ""), id="run-together"),
    ],
)
def test_changed_arguments_are_refused(arguments: tuple[str, ...]) -> None:
    """A token serves the list it was made for and no other."""
    token = _PAGES.token(41, "settlements", "H1", "")

    with pytest.raises(InvalidRequest, match="other arguments"):
        _PAGES.position(token, *arguments)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("x", id="short"),
        pytest.param("*" * 54, id="no-base64"),
        pytest.param("A" * 54, id="made-up"),
        pytest.param(Pages(b"another key").token(41, "settlements"), id="another-server"),
        pytest.param(_PAGES.token(41, "settlements")[:-4] + "AAAA", id="changed-end"),
        pytest.param("BBBB" + _PAGES.token(41, "settlements")[4:], id="changed-start"),
        pytest.param("四", id="not-ascii"),
    ],
)
def test_made_up_tokens_are_refused(token: str) -> None:
    """Only what this server signed is a token."""
    with pytest.raises(InvalidRequest, match="not a token of this server"):
        _PAGES.position(token, "settlements")


@pytest.mark.parametrize(
    ("asked", "expected"), [(0, 50), (1, 1), (999, 999), (1_000, 1_000), (1_001, 1_000)]
)
def test_page_sizes_have_a_default_and_a_bound(asked: int, expected: int) -> None:
    """Nothing asked is 50; more than 1,000 is lowered, not refused."""
    assert expected == page_size(asked)


def test_a_negative_page_size_is_refused() -> None:
    """Below zero is a mistake of the caller."""
    with pytest.raises(InvalidRequest, match="page_size"):
        page_size(-1)
