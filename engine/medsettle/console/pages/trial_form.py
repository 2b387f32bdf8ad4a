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
from medsettle.console.pages.positions import whole
from medsettle.console.templatetags.console import code_word, is_chinese
from medsettle.core import schema
from medsettle.core.columns import Column, Kind
from medsettle.core.money import decimal, plain_yuan
from medsettle.core.settlement import Row
from medsettle.errors import Fault
from medsettle.policy.vocabulary import in_chinese

PREFIX: Final = "lines"
_DECIMALS: Final = {"quantity_e4": 4, "unit_price_e6": 6}
_FEN_DECIMALS: Final = 2
_UNIT: Final = 10 ** _DECIMALS["quantity_e4"]
_PRICE_OF_FEN: Final = 10 ** (_DECIMALS["unit_price_e6"] - _FEN_DECIMALS)
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
    if column.kind is Kind.FEN or column.name == "unit_price_e6":
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
        self.unplaced: list[Fault] = []

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
        filled = [each for each in self.lines.forms if each.filled]
        row["lines"] = [_line(each, number, row) for number, each in enumerate(filled, 1)]
        return row

    def tell(self, faults: Iterable[Fault]) -> None:
        """Put faults beside the fields they are of; those of no field are in `unplaced`."""
        filled = [each for each in self.lines.forms if each.filled]
        for fault in faults:
            place = _LINE_FAULT.fullmatch(fault.path)
            if place is not None and int(place[1]) < len(filled):
                line, name = filled[int(place[1])], place[2]
                known = name if name in line.fields else None
                line.add_error(known, _said(fault, _LINE_COLUMNS.get(name), line.cleaned_data))
            elif fault.path in self.fields:
                said = _said(fault, _COLUMNS.get(fault.path), self.cleaned_data)
                self.add_error(fault.path, said)
            else:
                self.unplaced.append(fault)


def _said(fault: Fault, column: Column | None, given: Mapping[str, Any]) -> str:
    """Return what is wrong with a field: of a number that is none, how one is written here.

    What is wrong with an amount is told in the unit of the interface, and the form has another.
    """
    if column is None or column.kind not in {Kind.FEN, Kind.INTEGER}:
        return fault.message
    value = _value(column, given)
    if not isinstance(value, str):
        if column.kind is Kind.FEN and value is not None:
            return _("%s (this counts fen; a yuan has a hundred)") % fault.message
        if (decimals := _DECIMALS.get(column.name)) and value is not None:
            words = {"message": fault.message, "parts": 10**decimals}
            return _("%(message)s (this counts parts, of which one here has %(parts)d)") % words
        return fault.message
    if column.kind is Kind.FEN:
        return _("%s is no amount; write yuan with two decimals at most, like 12.50") % value
    said = _("%(text)s is no number here; write one with %(decimals)d decimals at most")
    return said % {"text": value, "decimals": _DECIMALS.get(column.name, 0)}


def data_of(row: Row, empty: int = 0) -> dict[str, Any]:
    """Return a claim as the texts of a form, with empty lines after its own."""
    data = {name: _text(column, row.get(name)) for name, column in _COLUMNS.items()}
    lines = row.get("lines")
    given = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    given = given[: limits.CONSOLE_FORM_LINES_MAX]
    total = min(len(given) + empty, limits.CONSOLE_FORM_LINES_MAX)
    data |= {f"{PREFIX}-TOTAL_FORMS": str(total), f"{PREFIX}-INITIAL_FORMS": "0"}
    for number, line in enumerate(given):
        for name, column in _LINE_COLUMNS.items():
            data[f"{PREFIX}-{number}-{name}"] = _text(column, line.get(name))
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
        if column.name in _DECIMALS:
            return decimal(value, _DECIMALS[column.name])
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
        return _scaled(text, _DECIMALS.get(column.name, 0))
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
    if line["unit_price_e6"] is None and isinstance(fen, int) and isinstance(units, int) and units:
        line["unit_price_e6"] = fen * _PRICE_OF_FEN * _UNIT // units
    return line
