"""A document of marginals is read strictly: what is missing, unsourced or impossible is told."""

from fractions import Fraction
from pathlib import Path

import pytest
from medsettle.errors import PolicyRejected
from medsettle.replay.population.marginal_keys import FIGURES
from medsettle.replay.population.marginals import load_marginals

from tests.replay.populations import ROOT, changed_file


def test_every_figure_says_where_it_is_from() -> None:
    """A source of the document, or why it was invented; never both, never neither."""
    marginals = load_marginals()

    assert FIGURES.keys() == marginals.figures.keys()
    cells = [cell for figure in marginals.figures.values() for cell in figure.values()]
    assert len(cells) > 150
    assert all(bool(cell.source) != bool(cell.invented) for cell in cells)
    cited = {cell.source for cell in cells if cell.source}
    assert marginals.sources.keys() == cited
    assert all(len(cell.invented) > 7 for cell in cells if cell.invented)


def test_published_figures_are_as_published() -> None:
    """Written out once more from the bulletins, so that no hand slips unseen."""
    figures = load_marginals().figures

    def cell(name: str, *rows: str) -> tuple[Fraction, str]:
        found = figures[name][rows]
        return found.number, found.source

    assert (Fraction("38856.12"), "nhsa_2025") == cell("insured", "employee")
    assert (Fraction("94213.27"), "nhsa_2025") == cell("insured", "resident")
    assert (Fraction("0.5399"), "nhss_2013") == cell("chronic_share", "65")
    assert (Fraction("8.8"), "nhc_2023") == cell("stay_days")
    assert (Fraction("0.346"), "nhfpc_2016") == cell("amount_by_list", "inpatient", "drugs")
    assert (Fraction(11_522), "nhsa_2025") == cell("mean_bill", "employee", "inpatient")
    assert (Fraction("13930.6"), "nhc_2022_q1") == cell("bill_by_level", "inpatient", "level_3")
    # What is a quotient of published figures, to the last digit that is stated.
    for stated, wanted in (
        (cell("group_share", "retired")[0], Fraction("10793.80") / Fraction("38856.12")),
        (
            cell("visits_a_year", "employee", "pharmacy")[0] / 10,
            Fraction("2.251") / Fraction("3.885612"),
        ),
        (
            cell("visits_a_year", "employee", "inpatient")[0],
            Fraction("0.83") / Fraction("3.885612"),
        ),
        (cell("level_share", "inpatient", "level_1")[0], Fraction("44.72") / Fraction("301.87")),
    ):
        assert abs(stated - wanted) < Fraction(1, 1_000)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "  stay_days: {source: nhc_2023, note",
            "  stay_day: {source: nhc_2023, note",
            "no figure is called 'stay_day'",
        ),
        ("  item_exponent: {invented", "  item_exponents: {invented", "'item_exponent'"),
        (
            "stay_days: {source: nhc_2023,",
            "stay_days: {",
            "no source stands here; name its `source`",
        ),
        (
            "stay_days: {source: nhc_2023,",
            "stay_days: {source: nhc_2023, invented: so,",
            "it has a source; keep one of the two",
        ),
        (
            "stay_days: {source: nhc_2023,",
            "stay_days: {source: nhc_2024,",
            "no source is called 'nhc_2024'",
        ),
        ("value: 8.8}", "value: eight}", "'eight' is no number; write it like 8.11 or 60%"),
        ("value: 8.8}", "value: 0}", "'0' must be above 0"),
        ("value: 8.8}", "rows: {level_1: 8.8}}", "this figure has `value`, not `rows`"),
        (
            "special: 5, inpatient: 130, pharmacy: 2.5",
            "special: 0.99, inpatient: 130, pharmacy: 2.5",
            "'0.99' is less than one; write 1 or more",
        ),
        (
            "rows: {least: 102%, most: 130%}",
            "rows: {least: 131%, most: 130%}",
            "the least of above_ceiling_part is 131% and the most 130%; write the smaller first",
        ),
        ("value: 51.24%", "value: 51.24", "'51.24' is no share; write 0% to 100%, like 12.5%"),
        ("value: 51.24%", "value: 100.01%", "'100.01%' is no share"),
        ("active: 72.22%", "active: 72.21%", "group_share employee add up to 99.99%, not 100 %"),
        (
            "active: {20: 23%, 30: 33%",
            "active: {30: 33%, 20: 23%",
            "20 does not come after 30; order the ages",
        ),
        ("      65: 53.99%", "      131: 53.99%", "'131' is no age of 0 to 130 years"),
        (
            "rows: {active: 60, retired: 96",
            "rows: {active: 50, retired: 96",
            "the ages of active begin at 50 last and end at 50; write a whole age above it",
        ),
        (
            "outpatient: {drugs: 45%, services: 51%, consumables: 4%}",
            "outpatient: {drugs: 45%, services: 51%}",
            "'consumables' (the number of this list) is missing",
        ),
        (
            "rows: {male: 31%, female: 35.05%}",
            "rows: {male: 31%, female: 35.05%, other: 1%}",
            "no sex here is called 'other'",
        ),
        (
            "pharmacy: {visit_types: [41]}",
            "pharmacy: {visit_types: [44]}",
            "no visit type is called '44'",
        ),
        (
            "active: {insurance: employee, person_type: 1101}",
            "active: {insurance: employees, person_type: 1101}",
            "no insurance is called 'employees'",
        ),
        (
            "child: {insurance: resident, person_type: 1403}",
            "child: {insurance: resident, person_type: 在校}",
            "'在校' is no code that a claim can state",
        ),
        (", other: 4%}", "}", "'other' (the number of every other benefit group) is missing"),
        ("format: 1\n", "format: 2\n", "'2' is no choice here"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    """With file, line and what to write; one slip gives no message about anything else."""
    path = changed_file(tmp_path, [(old, new)])

    with pytest.raises(PolicyRejected) as caught:
        load_marginals(path)

    told = [str(violation) for violation in caught.value.violations]
    assert any(said in each for each in told), told
    assert all(each.startswith(f"{path}:") for each in told)
    assert len(told) <= 2, told


def test_no_disease_at_all_is_told(tmp_path: Path) -> None:
    """Nobody could be ill; the figures by disease are read as those of none."""
    shipped = (ROOT / "engine/medsettle/replay/population/marginals.yaml").read_text("utf-8")
    listed = shipped[shipped.index("diseases:\n") : shipped.index("\nfigures:")]
    weights = shipped[shipped.index("rows: {circulatory") : shipped.index("  approved_share:")]
    path = changed_file(tmp_path, [(listed, "diseases: {}\n"), (weights, "rows: {}\n")])

    with pytest.raises(PolicyRejected) as caught:
        load_marginals(path)

    line = path.read_text("utf-8").splitlines().index("diseases: {}") + 1
    (told,) = [str(violation) for violation in caught.value.violations]
    assert told.startswith(f"{path}:{line}:")
    assert "no disease stands here; name one or more, with its codes" in told


def test_a_claim_has_one_line_at_least(tmp_path: Path) -> None:
    """The bound itself is inside."""
    texts = [
        ("special: 5, inpatient: 130, pharmacy: 2.5", "special: 1, inpatient: 130, pharmacy: 2.5")
    ]
    figures = load_marginals(changed_file(tmp_path, texts)).figures
    assert 1 == figures["lines_a_claim"]["special",].number


def test_a_share_may_be_all_or_nothing(tmp_path: Path) -> None:
    """The bounds themselves are shares."""
    path = changed_file(tmp_path, [("value: 51.24%", "value: 100%")])
    assert 1 == load_marginals(path).figures["male_share"][()].number


def test_the_page_tells_every_figure() -> None:
    """What is documented is what is read, under the same names."""
    page = (ROOT / "fixtures" / "population" / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in FIGURES if f"`{name}`" not in page]
