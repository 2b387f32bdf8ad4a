"""A form that is sent twice makes one thing."""

import contextlib
import threading

import pytest
from django import forms
from medsettle import limits
from medsettle.console import once
from medsettle.console.once import OnceField, made_once
from medsettle.console.place import Holdings


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    once._made.clear()


class _Form(forms.Form):
    once = OnceField()


class _Making:
    """Makes names, each another; `meeting` is where one at it waits for another to be at it too."""

    def __init__(self, meeting: threading.Barrier | None = None) -> None:
        self.count = 0
        self._meeting = meeting

    def __call__(self) -> str:
        if self._meeting is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                self._meeting.wait()
        self.count += 1
        return f"made-{self.count}"


def test_the_second_is_answered_with_the_first() -> None:
    """By who sent it, the page, and what was filled in; without a token each makes its own."""
    make = _Making()
    assert [("made-1", True), ("made-1", False)] == [
        made_once("li", "page", "text", make) for _ in range(2)
    ]
    others = [("wang", "page", "text"), ("li", "other", "text"), ("li", "page", "more")]
    assert ["made-2", "made-3", "made-4"] == [made_once(*each, make)[0] for each in others]
    assert ["made-5", "made-6"] == [made_once("li", "", "text", make)[0] for _ in range(2)]


def test_two_clicks_at_once_make_one() -> None:
    """The second waits until the first has made it."""
    make, names = _Making(threading.Barrier(2, timeout=0.5)), []
    begin = threading.Barrier(8)

    def click() -> None:
        begin.wait()
        names.append(made_once("li", "page", "text", make)[0])

    clicks = [threading.Thread(target=click) for _ in range(8)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert (["made-1"] * 8, 1) == (names, make.count)


def test_what_raises_is_tried_again() -> None:
    """Nothing was made, so the same form makes it once it can."""

    def full() -> str:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError):
        made_once("li", "page", "text", full)
    assert ("made-1", True) == made_once("li", "page", "text", _Making())


@pytest.mark.parametrize("more", [0, 1])
def test_so_many_forms_are_remembered(more: int) -> None:
    """The oldest is forgotten once there is one more than is kept."""
    make = _Making()
    for number in range(limits.CONSOLE_FORMS_REMEMBERED_MAX + more):
        made_once("li", f"page {number}", "text", make)
    assert bool(more) is made_once("li", "page 0", "text", make)[1]


def test_each_page_has_a_token_of_its_own(looking: Holdings) -> None:
    """Drawn anew, and of a length that the field takes back."""
    del looking
    one, other = (_Form()["once"].initial for _ in range(2))
    assert one != other
    assert one == OnceField().clean(one)
