"""What is asked before a replay begins."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from medsettle import limits
from medsettle.console.draft_reading import Papers, is_reform
from medsettle.console.drafts import Draft, drafts_in
from medsettle.console.languages import is_chinese
from medsettle.console.once import OnceField
from medsettle.console.pages.positions import DAYS
from medsettle.console.place import holdings
from medsettle.console.reforms import Reform, read_reforms
from medsettle.console.replaying import Asked, Population, copy_with, entry_at_end_of
from medsettle.console.uploads import ManyFiles
from medsettle.console.versions import draft_title
from medsettle.errors import PolicyRejected
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.population.making import SEED

RECORDED: Final = "recorded"
INVENTED: Final = "invented"
_TITLE_CHARS: Final = 80
_PERSONS: Final = 10_000


def given_reforms(text: str, files: "Sequence[UploadedFile[Any]]") -> list[tuple[str, bytes]]:
    """Return the reforms of a form: what was written into it, and what was uploaded."""
    # A browser ends lines of a form in its own way.
    written = text.replace("\r\n", "\n").encode()
    given = [(_("as written here"), written)] if written.strip() else []
    return given + [(str(file.name), file.read()) for file in files]


class ReplayForm(forms.Form):
    """Which claims, under which rules, and beside which reforms."""

    title = forms.CharField(
        label=gettext_lazy("title"),
        max_length=_TITLE_CHARS,
        required=False,
        help_text=gettext_lazy("By which you find it again; the titles of the reforms without it."),
    )
    source = forms.ChoiceField(
        label=gettext_lazy("claims"),
        choices=[
            (RECORDED, gettext_lazy("those that were settled here")),
            (INVENTED, gettext_lazy("those of an invented population")),
        ],
        widget=forms.RadioSelect,
        initial=RECORDED,
    )
    area = forms.ChoiceField(label=gettext_lazy("pooling area"), required=False)
    until = forms.DateField(
        label=gettext_lazy("recorded up to and including"),
        required=False,
        validators=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("All that was recorded, without a day."),
    )
    persons = forms.IntegerField(
        label=gettext_lazy("persons"),
        required=False,
        initial=_PERSONS,
        min_value=1,
        max_value=limits.CONSOLE_PERSONS_DRAWN_MAX,
    )
    first_year = forms.IntegerField(
        label=gettext_lazy("first year"),
        required=False,
        min_value=limits.SERVICE_YEAR_MIN,
        max_value=limits.SERVICE_YEAR_MAX,
    )
    last_year = forms.IntegerField(
        label=gettext_lazy("last year"),
        required=False,
        min_value=limits.SERVICE_YEAR_MIN,
        max_value=limits.SERVICE_YEAR_MAX,
    )
    seed = forms.IntegerField(
        label=gettext_lazy("seed"),
        required=False,
        initial=SEED,
        min_value=0,
        max_value=limits.POPULATION_SEED_MAX,
        help_text=gettext_lazy("The same seed gives the same population."),
    )
    rules = forms.ChoiceField(label=gettext_lazy("rules of the baseline"), required=False)
    drafts = forms.MultipleChoiceField(
        label=gettext_lazy("drafts of reforms"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reforms = ManyFiles(
        label=gettext_lazy("reforms as files"),
        required=False,
        help_text=gettext_lazy("Overlays in YAML, one or several; each is replayed by itself."),
    )
    text = forms.CharField(
        label=gettext_lazy("or a reform written here"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14, "class": "code", "spellcheck": "false"}),
    )

    once = OnceField()

    def __init__(
        self,
        *values: Any,  # noqa: ANN401
        rules: RuleBook,
        drafts: Sequence[Draft] = (),
        **named: Any,  # noqa: ANN401
    ) -> None:
        """Ask about some rules, and drafts that whoever asks may see."""
        super().__init__(*values, **named)
        self.read: list[Reform] = []
        areas = sorted({policy.policy.pooling_area for policy in rules.policies})
        known = [(area, area) for area in areas]
        self.fields["area"] = forms.ChoiceField(
            label=self.fields["area"].label,
            required=False,
            choices=[("", _("all that were settled here")), *known],
        )
        kept = drafts_in(holdings().place.state)
        self._papers = {draft.name: kept.papers(draft.name) for draft in drafts}
        titles = [(draft.name, draft_title(draft)) for draft in drafts]
        reforms = {name for name, papers in self._papers.items() if is_reform(papers)}
        self.fields["rules"] = forms.ChoiceField(
            label=self.fields["rules"].label,
            required=False,
            choices=[
                ("", _("in force")),
                *(each for each in titles if each[0] not in reforms),
            ],
        )
        self.fields["drafts"] = forms.MultipleChoiceField(
            label=self.fields["drafts"].label,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            choices=[each for each in titles if each[0] in reforms],
        )
        last = holdings().clock().year - 1
        for name in ("first_year", "last_year"):
            self.fields[name].initial = last

    def clean(self) -> dict[str, Any]:
        """Read the reforms, and check what belongs together."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        reforms = given_reforms(given.get("text") or "", given.get("reforms") or [])
        reforms += [(name, self._papers[name].document) for name in given.get("drafts") or ()]
        draft = self._papers.get(given.get("rules") or "")
        try:
            with _baseline(draft) as rules:
                self.read = read_reforms(rules, reforms)
        except PolicyRejected:
            if draft is None:
                raise
            text = _("This draft has faults among the rules as they are now; open it to see which.")
            self.add_error("rules", forms.ValidationError(text))
        if any(reform.faults for reform in self.read):
            text = _("A reform cannot be replayed as it is; its faults are listed below.")
            self.add_error("text", forms.ValidationError(text))
        if given.get("source") == INVENTED:
            self._check_invented(given)
        elif given.get("until") is not None:
            given["as_of"] = entry_at_end_of(given["until"], holdings().reader)
            if given["as_of"] == 0:
                text = _("Nothing was recorded until this day; name a later one, or none.")
                self.add_error("until", forms.ValidationError(text))
        return given

    def _check_invented(self, given: dict[str, Any]) -> None:
        if not given.get("area"):
            text = _("Name the area whose population is drawn.")
            self.add_error("area", forms.ValidationError(text))
        for name in ("persons", "first_year", "last_year", "seed"):
            if given.get(name) is None and name not in self.errors:
                self.add_error(name, forms.ValidationError(_("Write a number.")))
        first, last = given.get("first_year"), given.get("last_year")
        if first is not None and last is not None and not 0 <= last - first < _YEARS:
            text = _("The last year is not before the first, and they are %d years at most.")
            self.add_error("last_year", forms.ValidationError(text % _YEARS))
        if not self.read and not {"text", "reforms"} & set(self.errors):
            text = _("Nobody of an invented population was ever settled: give a reform to compare.")
            self.add_error("text", forms.ValidationError(text))

    def asked(self) -> Asked:
        """Return what is asked for, of a form without faults."""
        given, place = self.cleaned_data, holdings().place
        invented = given["source"] == INVENTED
        population = None
        if invented:
            numbers = (given["persons"], given["first_year"], given["last_year"], given["seed"])
            population = Population(given["area"], *numbers)
        return Asked(
            data=None if invented else place.data,
            population=population,
            areas=(given["area"],) if given["area"] and not invented else (),
            as_of=given.get("as_of"),
            rules=place.rules,
            draft=self._papers.get(given["rules"]),
            reforms=tuple(reform.content for reform in self.read),
            language="zh" if is_chinese() else "en",
        )

    def about(self) -> dict[str, Any]:
        """Return what the page of the replay tells of what was asked."""
        given = self.cleaned_data
        titles = ", ".join(reform.title or reform.name for reform in self.read)
        until = given.get("until")
        names = ("source", "area", "rules", "persons", "first_year", "last_year", "seed")
        return {name: given[name] for name in names} | {
            "title": given["title"] or titles[:_TITLE_CHARS],
            "until": None if until is None else until.isoformat(),
            "as_of": given.get("as_of"),
            "reforms": [
                {"name": reform.name, "title": reform.title, "since": reform.since}
                for reform in self.read
            ],
        }


@contextmanager
def _baseline(draft: Papers | None) -> Iterator[Path]:
    """Yield the folder of the rules that reforms are read on: those in force, or with a draft."""
    rules = holdings().place.rules
    if draft is None:
        yield rules
        return
    with TemporaryDirectory(prefix="baseline-") as folder:
        copy_with(draft, rules, Path(folder) / "rules")
        yield Path(folder) / "rules"


_YEARS: Final = limits.POPULATION_YEARS_MAX
