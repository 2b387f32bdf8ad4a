"""What is asked of somebody who does something about a difference."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.items.item import ALLOWED, RECORDS, Item
from medsettle.clearing.items.terms import sides_of
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action
from medsettle.console import difference_words as words
from medsettle.console.acts import add_fault
from medsettle.core.settlement import Row
from medsettle.errors import Fault

_SIDES: Final = [(side.value, title) for side, title in words.SIDES.items()]
_FIELDS: Final = {"move": "moves"}


def _reason() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("why, in a sentence"),
        max_length=limits.ITEM_REASON_CHARS_MAX,
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}),
    )


class Said(forms.Form):
    """A reason."""

    reason = _reason()


class Comment(forms.Form):
    """What somebody says of a difference."""

    said = forms.CharField(
        label=gettext_lazy("comment"),
        max_length=limits.ITEM_REASON_CHARS_MAX,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
    )
    prefix = "comment"


class Assign(forms.Form):
    """Who looks into a difference."""

    to = forms.ChoiceField(label=gettext_lazy("who looks into it"), required=False)
    prefix = "assign"

    def __init__(self, *values: Any, people: list[str], **named: Any) -> None:  # noqa: ANN401
        super().__init__(*values, **named)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("nobody")), *((each, each) for each in people)]


class Propose(forms.Form):
    """What is to be done about a difference."""

    action = forms.ChoiceField(label=gettext_lazy("what to do"), widget=forms.RadioSelect)
    side = forms.TypedChoiceField(
        label=gettext_lazy("in whose book"),
        choices=[("", gettext_lazy("the only one in question")), *_SIDES],
        coerce=Side,
        empty_value=None,
        required=False,
        help_text=gettext_lazy(
            "An adjustment always names it: no book says which of two is wrong."
        ),
    )
    like = forms.TypedChoiceField(
        label=gettext_lazy("to have what is in the book of the"),
        choices=[("", gettext_lazy("first that has other amounts")), *_SIDES],
        coerce=Side,
        empty_value=None,
        required=False,
        help_text=gettext_lazy("Of an adjustment alone."),
    )
    moves = forms.CharField(
        label=gettext_lazy("counters of the person that an adjustment moves"),
        required=False,
        max_length=limits.ITEM_REASON_CHARS_MAX,
        widget=forms.TextInput(attrs={"size": 40, "placeholder": "310.fund_paid/2026=-1000"}),
        help_text=gettext_lazy("COUNTER/PERIOD=FEN; several with blanks between."),
    )
    reason = _reason()
    prefix = "propose"

    def __init__(self, *values: Any, item: Item, difference: Row, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*values, **named)
        allowed = [each for each in words.ACTIONS if each in ALLOWED[item.difference_class]]
        field = self.fields["action"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(each.value, words.ACTIONS[each]) for each in allowed]
        self._difference = difference
        if any(_to_be_named(each, difference) for each in allowed):
            side = self.fields["side"]
            assert isinstance(side, forms.TypedChoiceField)
            side.choices = [("", _("not named")), *_SIDES]
        field.initial = (item.action if item.action in allowed else allowed[0]).value

    def clean(self) -> dict[str, Any]:
        """Ask for the book where more than one is in question."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        action = given.get("action")
        if (
            action
            and given.get("side", "") is None
            and _to_be_named(Action(action), self._difference)
        ):
            text = _("Name the book for “%(action)s”; possible: %(sides)s.")
            sides = [str(words.SIDES[each]) for each in sides_of(self._difference, Action(action))]
            told = {"action": words.ACTIONS[Action(action)], "sides": ", ".join(sides)}
            self.add_error("side", forms.ValidationError(text % told))
        return given


def _to_be_named(action: Action, difference: Row) -> bool:
    """Return whether an action can be done on several books, and does not tell by itself which."""
    possible = sides_of(difference, action)
    # Copies of the nation follow what the others deliver, so one is not meant by itself.
    meant = [side for side in possible if side is not Side.NATIONAL] or possible
    return action in RECORDS and (len(meant) > 1 or (action is Action.ADJUST and bool(meant)))


def fault_into(form: forms.Form, fault: Fault) -> None:
    """Put a fault beside the field that it is about."""
    if fault.path == "by":
        text = _(
            "Your name is no code (%s), as an approval needs one. Ask whoever administers the "
            "console for an account with such a name."
        )
        form.add_error(None, text % fault.message)
    else:
        add_fault(form, fault, _FIELDS)
