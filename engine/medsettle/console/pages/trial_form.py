"""A claim as a form: every column of a claim is a field, and every charge line a row of fields.

The fields are texts; what is wrong with them is said by whoever checks claims, so that a form says
the same as the interface does.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.languages import is_chinese, marked
from medsettle.console.pages.positions import whole
from medsettle.console.pages.trial_faults import DECIMALS, PRICE, Told, message_of
from medsettle.console.templatetags.console import code_word
from medsettle.core import schema
from medsettle.core.columns import Column, Kind
from medsettle.core.money import decimal, plain_yuan
from medsettle.core.settlement import Row
from medsettle.errors import Fault
from medsettle.policy.vocabulary import in_chinese

PREFIX: Final = "lines"
_FEN_DECIMALS: Final = 2
_UNIT: Final = 10 ** DECIMALS["quantity_e4"]
_PRICE_OF_FEN: Final = 10 ** (DECIMALS[PRICE] - _FEN_DECIMALS)
_HIDDEN: Final = ("request_id", "institution_settlement", "offline_time")
_FIRST: Final = (
    *("pooling_area", "insurance_type", "visit_type", "person_type", "birth_date"),
    *("benefit_groups", "institution", "institution_level", "admission_date", "service_date"),
    *("person", "account_used"),
)
_LISTS: Final = {"person_type": "person-types", "institution_level": "levels"}
_TITLES: Final = {
    "item_code": gettext_lazy("item code"),
    "credential_time": gettext_lazy("time of presentation"),
}
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+(?:ID)?")
_COLUMNS: Final = {column.name: column for column in schema.CLAIM}
_LINE_COLUMNS: Final = {column.name: column for column in schema.LINE}
_LINE_FAULT: Final = re.compile(r"lines\[(\d+)\](?:\.(\w+))?")
# One code of a list stands in the field of all of them.
_CODE_FAULT: Final = re.compile(r"(\w+)(?:\[\d+\])?")
# A comma anywhere else may be meant as a decimal point: 1,5 is not 15.
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?")
_NAMES_APART: Final = re.compile(r"[,，、;；\s]+")


def title_of(column: Column) -> str:
    """Return what a column is called in the language of the page."""
    name = re.sub(r"_(fen|e4|e6)$", "", column.name)
    if column.name in _TITLES:
        title = str(_TITLES[column.name])
    elif is_chinese():
        found = _CHINESE.match(column.doc)
        title = found[0] if found else in_chinese(name)
    else:
        title = name.replace("_", " ")
    if column.kind is Kind.FEN or column.name == PRICE:
        return _("%s, yuan") % title
    return title


def _field(column: Column) -> forms.Field:
    """Return the field of a column: a text, or what helps to write one."""
    title = title_of(column)
    if column.kind is Kind.BOOLEAN:
        return forms.BooleanField(label=title, required=False)
    if column.values:
        choices = [("", "–"), *((code, code_word(code)) for code in column.values)]
        return _Loose(label=title, required=False, choices=choices)
    attrs: dict[str, object] = {"size": 12}
    if column.kind is Kind.DATE:
        attrs["type"] = "date"
    elif column.kind in {Kind.FEN, Kind.INTEGER}:
        attrs |= {"inputmode": "decimal", "size": 9}
    elif column.name in _LISTS:
        attrs["list"] = _LISTS[column.name]
    elif column.name == "item_code":
        attrs["size"] = 28
    elif column.kind is Kind.CODES:
        attrs["size"] = 24
    # Longer texts are faults of the claim, told with the others.
    return forms.CharField(label=title, required=False, widget=forms.TextInput(attrs=attrs))


class _Loose(forms.ChoiceField):
    """A choice that takes other codes too: whether there are such is for the claim to be told."""

    def validate(self, value: object) -> None:
        """Accept any text, and offer it again."""
        if value and not self.valid_value(str(value)):
            self.widget.choices = [*self.widget.choices, (value, value)]


class LineForm(forms.Form):
    """One charge line."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - what Django takes
        super().__init__(*given, **named)
        for name, column in _LINE_COLUMNS.items():
            self.fields[name] = _field(column)
        self.fields["line_id"].widget = forms.HiddenInput()

    @property
    def filled(self) -> bool:
        """Whether anything but its own number was written into it."""
        return any(self.cleaned_data.get(name) for name in self.fields if name != "line_id")


LineForms: Final = forms.formset_factory(
    LineForm,
    extra=0,
    max_num=limits.CONSOLE_FORM_LINES_MAX,
    absolute_max=limits.CONSOLE_FORM_LINES_MAX,
)


class ClaimForm(forms.Form):
    """A claim without its lines, which stand in `lines`."""

    def __init__(self, data: Mapping[str, Any], areas: Mapping[str, str]) -> None:
        super().__init__(data)
        for name in (*_HIDDEN, *_FIRST, *(each for each in _COLUMNS)):
            if name not in self.fields:
                self.fields[name] = _field(_COLUMNS[name])
        for name in _HIDDEN:
            self.fields[name].widget = forms.HiddenInput()
        choices = [("", "–"), *((code, f"{code} {title}") for code, title in areas.items())]
        self.fields["pooling_area"] = _Loose(
            label=title_of(_COLUMNS["pooling_area"]), required=False, choices=choices
        )
        self.lines = LineForms(data, prefix=PREFIX)
        self._row: Row = {}
        self._sent: list[LineForm] = []

    def hidden(self) -> list[forms.BoundField]:
        """Return the fields that nobody has to fill in."""
        return [self[name] for name in _HIDDEN]

    def first(self) -> list[forms.BoundField]:
        """Return the fields that every claim has."""
        return [self[name] for name in _FIRST]

    @cached_property
    def further(self) -> list[forms.BoundField]:
        """The fields that only some rules ask for."""
        return [self[name] for name in self.fields if name not in {*_FIRST, *_HIDDEN}]

    @property
    def goes_further(self) -> bool:
        """Whether one of the further fields is filled in, or has a fault."""
        return any(field.value() or field.errors for field in self.further)

    def row(self) -> Row:
        """Return the claim as it would be sent; what cannot be read goes as the text it is."""
        self.is_valid()
        self.lines.is_valid()
        row = {name: _value(column, self.cleaned_data) for name, column in _COLUMNS.items()}
        self._sent = [each for each in self.lines.forms if each.filled]
        row["lines"] = [_line(each, number, row) for number, each in enumerate(self._sent, 1)]
        self._row = row
        return row

    def stands_for(self, row: Row) -> None:
        """Let the form tell the faults of a claim that it was filled from, as `data_of` does."""
        self.row()
        self._row, self._sent = row, self.lines.forms

    def tell(self, faults: Iterable[Fault]) -> dict[Fault, Told]:
        """Put faults beside the fields they are of, and return how each is told."""
        return {fault: self._told(fault) for fault in faults}

    def _told(self, fault: Fault) -> Told:
        place = _LINE_FAULT.fullmatch(fault.path)
        if place is not None and int(place[1]) < len(self._sent):
            return self._told_line(fault, int(place[1]), place[2] or "")
        found = _CODE_FAULT.fullmatch(fault.path)
        name = "" if found is None else found[1]
        if name not in self.fields:
            titles = {PREFIX: _("Lines"), "claim": _("Claim")}
            return Told(titles.get(name, fault.path), marked(fault.message))
        said = message_of(fault, _COLUMNS[name], self._row.get(name))
        self.add_error(name, said)
        return Told(str(self.fields[name].label), said, _anchor(self[name]))

    def _told_line(self, fault: Fault, at: int, name: str) -> Told:
        form, lines = self._sent[at], self._row["lines"]
        line = lines[at] if isinstance(lines, list | tuple) else None
        title = _("line %d") % (self.lines.forms.index(form) + 1)
        known = name if name in form.fields else None
        value = line.get(name) if isinstance(line, Mapping) else None
        said = message_of(fault, None if known is None else _LINE_COLUMNS[known], value)
        form.add_error(known, said)
        if known is None:
            return Told(title, said)
        return Told(f"{title} · {form.fields[known].label}", said, _anchor(form[known]))


def _anchor(field: forms.BoundField) -> str:
    """Return the id of a field that somebody can go to."""
    return "" if field.is_hidden else field.id_for_label


def data_of(row: Row, empty: int = 0) -> dict[str, Any]:
    """Return a claim as the texts of a form, with empty lines after its own."""
    data = {name: _text(column, row.get(name)) for name, column in _COLUMNS.items()}
    lines = row.get("lines")
    given = lines[: limits.CONSOLE_FORM_LINES_MAX] if isinstance(lines, list) else []
    total = min(len(given) + empty, limits.CONSOLE_FORM_LINES_MAX)
    data |= {f"{PREFIX}-TOTAL_FORMS": str(total), f"{PREFIX}-INITIAL_FORMS": "0"}
    for number, line in enumerate(given):
        for name, column in _LINE_COLUMNS.items():
            value = line.get(name) if isinstance(line, dict) else None
            data[f"{PREFIX}-{number}-{name}"] = _text(column, value)
    return data


def with_more_lines(data: Mapping[str, Any], more: int) -> dict[str, Any]:
    """Return the texts of a form with more lines, as far as it may have them."""
    found = dict(data.items())
    now = whole(str(found.get(f"{PREFIX}-TOTAL_FORMS", "0"))) or 0
    found[f"{PREFIX}-TOTAL_FORMS"] = str(min(now + more, limits.CONSOLE_FORM_LINES_MAX))
    return found


# --- values and texts ---------------------------------------------------------------------------


def _text(column: Column, value: object) -> Any:  # noqa: ANN401 - a text, or a checked box
    """Return a value as a text of the form."""
    if column.kind is Kind.BOOLEAN:
        return value is True
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        if column.kind is Kind.FEN:
            return plain_yuan(value)
        if column.name in DECIMALS:
            return decimal(value, DECIMALS[column.name])
    return str(value)


def _value(column: Column, given: Mapping[str, Any]) -> object:
    """Return what a text says as a value of its column; a text that says nothing of it as it is."""
    value = given.get(column.name)
    if column.kind is Kind.BOOLEAN:
        return bool(value)
    text = str(value or "")
    if column.kind is Kind.CODES:
        return [each for each in _NAMES_APART.split(text) if each]
    if not text:
        return None
    if column.kind is Kind.FEN:
        return _scaled(text, _FEN_DECIMALS)
    if column.kind is Kind.INTEGER:
        return _scaled(text, DECIMALS.get(column.name, 0))
    return text


def _scaled(text: str, decimals: int) -> int | str:
    """Return a decimal number as a whole number of its parts; any other text as it is."""
    number = text.removesuffix("元").strip()
    if _NUMBER.fullmatch(number) is None:
        return text
    try:
        found = Decimal(number.replace(",", "")).scaleb(decimals)
        whole = found.to_integral_exact()
    except InvalidOperation:
        return text
    # A number of more digits than a claim has is told with its digits.
    exact = found.is_finite() and whole == found and abs(found) < 2**63
    return int(whole) if exact else text


def _line(form: LineForm, number: int, claim: Row) -> Row:
    """Return a line: of one unit, on the first day, at the price of its amount, unless stated."""
    given = form.cleaned_data
    line = {name: _value(column, given) for name, column in _LINE_COLUMNS.items()}
    line["line_id"] = line["line_id"] or str(number)
    line["fee_date"] = line["fee_date"] or claim["admission_date"]
    fen, units = line["amount_fen"], line["quantity_e4"]
    if units is None and isinstance(fen, int):
        units = line["quantity_e4"] = _UNIT if fen >= 0 else -_UNIT
    if line[PRICE] is None and isinstance(fen, int) and isinstance(units, int) and units:
        line[PRICE] = fen * _PRICE_OF_FEN * _UNIT // units
    return line
