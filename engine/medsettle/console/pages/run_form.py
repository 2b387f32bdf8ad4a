"""Which books a run compares: those that are uploaded, and those of this console's audit tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.sources_files import BOOK_SUFFIXES
from medsettle.console import difference_words as words
from medsettle.console.place import Place

_NONE, _FILE, _AUDIT = "none", "file", "audit"
_SOURCES: Final = [
    (_NONE, gettext_lazy("is not compared")),
    (_FILE, gettext_lazy("is the file")),
    (_AUDIT, gettext_lazy("is in the audit tables of this ledger")),
]
_CODE: Final = r"\A[!-~]+\Z"


def _code(label: Any, *, required: bool = False, help_text: Any = "") -> forms.RegexField:  # noqa: ANN401
    return forms.RegexField(
        _CODE,
        label=label,
        max_length=limits.CODE_CHARS_MAX,
        required=required,
        help_text=help_text,
        error_messages={"invalid": gettext_lazy("Printable ASCII characters without spaces.")},
    )


def _day(label: Any) -> forms.DateField:  # noqa: ANN401 - translated when it is shown
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"})
    )


class RunForm(forms.Form):
    """The books of a run, and which of their records are compared."""

    name = _code(
        gettext_lazy("partners"),
        required=True,
        help_text=gettext_lazy(
            "What is compared, such as two codes of areas. A later run of this name and these days "
            "supersedes the earlier one."
        ),
    )
    first = _day(gettext_lazy("first day of recording"))
    last = _day(gettext_lazy("last day of recording"))
    pooling_area = _code(gettext_lazy("only persons insured in"))
    care_area = _code(gettext_lazy("only care given in"))
    local = forms.BooleanField(
        label=gettext_lazy("also care in the area of insurance, of audit tables"), required=False
    )
    repeats = forms.BooleanField(
        label=gettext_lazy("also look for what all books have twice"), required=False
    )

    def __init__(self, *values: Any, **named: Any) -> None:  # noqa: ANN401 - as Django has it
        super().__init__(*values, **named)
        for side, title in words.SIDES.items():
            self.fields[f"{side}_from"] = forms.ChoiceField(
                label=title, choices=_SOURCES, initial=_NONE
            )
            accepted = {"accept": ",".join(BOOK_SUFFIXES)}
            self.fields[f"{side}_file"] = forms.FileField(
                label=title, required=False, widget=forms.FileInput(attrs=accepted)
            )

    def clean(self) -> dict[str, Any]:
        """Check that there are books to compare, that they are of a kind, and not too large."""
        given = self.cleaned_data
        sources = {side: given.get(f"{side}_from", _NONE) for side in Side}
        size = 0
        for side, source in sources.items():
            file = given.get(f"{side}_file")
            if source == _FILE and file is None and f"{side}_file" not in self.errors:
                self.add_error(f"{side}_file", _("Choose the file of this book."))
            if source == _FILE and file is not None:
                size += file.size
                if _suffix(file) is None:
                    text = _("No book has a name like this; choose a file that ends in %s.")
                    self.add_error(f"{side}_file", text % ", ".join(BOOK_SUFFIXES))
        if size > limits.CONSOLE_UPLOAD_BYTES_MAX:
            most = limits.CONSOLE_UPLOAD_BYTES_MAX // 1024 // 1024
            text = _(
                "The books are larger than %d MiB together; compare fewer days, or use medsettle "
                "reconcile run."
            )
            self.add_error(None, text % most)
        if sum(source != _NONE for source in sources.values()) < 2:
            self.add_error(
                None, _("Choose two or three books: one alone is compared with nothing.")
            )
        first, last = given.get("first"), given.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first; exchange them."))
        return given

    def told_books(self) -> dict[str, str]:
        """Return by side whether its book was uploaded or that of the audit tables."""
        sources = ((side, self.cleaned_data[f"{side}_from"]) for side in Side)
        return {side.value: source for side, source in sources if source != _NONE}

    @property
    def books(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """The fields of each side: where its book is, and its file."""
        return [(self[f"{side}_from"], self[f"{side}_file"]) for side in Side]

    @property
    def bounds(self) -> list[forms.BoundField]:
        """The fields by which records are chosen."""
        return [self[name] for name in ("first", "last", "pooling_area", "care_area")]

    @property
    def switches(self) -> list[forms.BoundField]:
        """What is looked at beside."""
        return [self["repeats"], self["local"]]


def _suffix(file: "UploadedFile[bytes]") -> str | None:
    """Return how a file of ours is called that has the kind of an uploaded one; None for no kind.

    The name of the uploaded one says of what kind it is, and is not used for anything else.
    """
    name = str(file.name).lower()
    return next((suffix for suffix in BOOK_SUFFIXES if name.endswith(suffix)), None)


def words_of(given: Mapping[str, Any], place: Place, folder: Path, out: Path) -> list[str]:
    """Put uploaded books into a folder, and return the words of the command that compares them.

    Args:
        given: What was asked for, as `RunForm` checked it.
        place: Whose audit tables and clearing folder they are.
        folder: Where uploaded books go.
        out: A folder for what is found.
    """
    found = ["reconcile", "run", "--json", "--data", str(place.data.resolve())]
    found += ["--out", str(out.resolve()), f"--name={given['name']}"]
    for side in Side:
        source = given[f"{side}_from"]
        if source == _AUDIT:
            found += [f"--{side}", str(place.audit.resolve())]
        elif source == _FILE:
            file: UploadedFile[bytes] = given[f"{side}_file"]
            book = folder / f"{side}{_suffix(file)}"
            with book.open("wb") as kept:
                for chunk in file.chunks():
                    kept.write(chunk)
            found += [f"--{side}", str(book.resolve())]
    options = (("first", "from"), ("last", "to"), ("pooling_area", "pooling-area"))
    for name, option in (*options, ("care_area", "care-area")):
        if given[name]:
            found += [f"--{option}={given[name]}"]
    return found + [f"--{name}" for name in ("local", "repeats") if given[name]]
