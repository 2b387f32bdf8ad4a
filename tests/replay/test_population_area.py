"""What an area's own rules decide of an invented population: who comes, for what, and credits."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from medsettle.core.dates import date_of
from medsettle.errors import InvalidRequest
from medsettle.replay.population.accepted import Span
from medsettle.replay.population.bills import trimming
from medsettle.replay.population.credits import Credits, Moves
from medsettle.replay.population.marginal_keys import KINDS
from medsettle.replay.population.marginals import load_marginals
from medsettle.replay.population.part import draw_part
from medsettle.replay.population.persons import Persons, draw_persons
from medsettle.replay.population.scene import OUTPATIENT, Scene, make_scene

from tests.replay.populations import CAPITAL, ROOT, changed_file, rules, scene_of


def _moves(area: str = CAPITAL) -> tuple[Scene, Persons, Moves]:
    scene = scene_of(area)
    random = scene.stream(96)
    persons = draw_persons(scene, 0, 800, random)
    return scene, persons, Credits(scene).moves(persons, random)


def test_credits_follow_the_area_s_rules() -> None:
    """2025: 2 % of the base of those in work, half up; 100 yuan of the retired, 110 from 70 on."""
    scene, persons, moves = _moves()
    assert {"active", "retired"} <= {each.name for each in scene.takes.groups}
    groups = [each.name for each in scene.takes.groups]
    credits = np.flatnonzero(moves.credit)
    for at in credits.tolist():
        person = int(moves.person[at])
        if groups[int(persons.group[person])] == "active":
            wanted = int(Fraction(int(persons.wage_fen[person]) * 2, 100) + Fraction(1, 2))
        else:
            born, day = date_of(int(persons.birth[person])), date_of(int(moves.day[at]))
            age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
            wanted = 11_000 if age >= 70 else 10_000
        assert wanted == moves.delta_fen[at]
    holders = int(persons.account.sum())
    assert 12 * holders == len(credits)
    assert {1} == {date_of(int(day)).day for day in moves.day[credits]}


def test_accounts_begin_with_something() -> None:
    """Each account has an opening on the first day, 3,500 and 4,200 yuan on average."""
    scene, persons, moves = _moves()
    groups = np.array([each.name for each in scene.takes.groups])[persons.group]
    openings = np.flatnonzero(~moves.credit)
    assert int(persons.account.sum()) == len(openings)
    assert (moves.day[openings] == scene.span.first_day).all()
    for name, mean in (("active", 3_500), ("retired", 4_200)):
        yuan = moves.delta_fen[openings][groups[moves.person[openings]] == name] / 100
        assert abs(yuan.mean() - mean) < 5 * yuan.std() / np.sqrt(len(yuan))


def test_an_area_without_rules_has_openings_only() -> None:
    """No document says what is credited, so nothing is made up."""
    _, persons, moves = _moves("330100")
    assert not moves.credit.any()
    assert int(persons.account.sum()) == len(moves.person)


def test_contribution_bases_lie_within_their_bounds() -> None:
    """60 % and 300 % of 10,058 yuan, to whole hundreds; residents have none."""
    _, persons, _ = _moves()
    wages = persons.wage_fen[persons.account]
    assert 600_000 == wages.min() and wages.max() <= 3_020_000
    assert (wages % 10_000 == 0).all()
    assert not persons.wage_fen[~persons.account].any()


# --- what an area takes ------------------------------------------------------------------------


def test_what_an_area_settles_decides_what_is_drawn() -> None:
    """No document of this city settles special diseases, and so nobody comes for them."""
    scene = scene_of("330100")
    special = KINDS.index("special")
    assert all(own[special] is None for own in scene.takes.offers)
    assert "family_doctor" in scene.takes.benefit_groups
    offers = [offer for own in scene.takes.offers for offer in own if offer]
    assert {("11", "13"), ("21", "24"), ("41",)} == {offer.visit_types for offer in offers}


def test_who_cannot_be_settled_is_not_drawn() -> None:
    """A document without a class for children has none of their stays; others have them."""
    scene = scene_of("310000")
    stays = KINDS.index("inpatient")
    names = [each.name for each in scene.takes.groups]
    assert scene.takes.offers[names.index("child")][stays] is None
    assert scene.takes.offers[names.index("adult")][stays] is not None


def test_amounts_that_a_document_leaves_open_are_not_drawn() -> None:
    """Implants of this city are a gap of its documents; a required entitlement is known."""
    scene = scene_of("420100")
    catalogue = rules().catalogues["420100"]
    special = {
        catalogue.item_codes[item]
        for item, pot in zip(catalogue.item.tolist(), catalogue.pot.tolist(), strict=True)
        if pot >= 4
    }
    assert special and special.isdisjoint(scene.goods.codes)
    takes = scene_of("440100").takes
    required = takes.offers[0][OUTPATIENT]
    assert required is not None and required.required is not None
    assert "chosen_institution" == takes.benefit_groups[required.required]


def test_the_page_counts_the_areas_that_work() -> None:
    """Of all that have rules; whoever adds rules for one says there how many there are now."""
    areas = {compiled.policy.pooling_area for compiled in rules().policies}
    works = 0
    for area in areas:
        with suppress(InvalidRequest):
            works += bool(scene_of(area).takes.groups)

    page = (ROOT / "fixtures" / "population" / "README.md").read_text(encoding="utf-8")
    assert f"So {works} of the {len(areas)} areas" in page


def test_other_marginals_make_another_population(tmp_path: Path) -> None:
    """Whoever changes a figure gets what it says: here stays have 40 lines in place of 130."""
    figures = load_marginals(
        changed_file(tmp_path, [("inpatient: 130, pharmacy: 2.5", "inpatient: 40, pharmacy: 2.5")])
    )
    assert figures.digest != load_marginals().digest
    span = Span(2025, 2025)
    scene = make_scene(rules(), CAPITAL, figures, span, persons=900, seed=7, refunds=0)

    part = draw_part(scene, 0, trimming(scene), Credits(scene))

    visit_types = part.claims["visit_type"].to_pylist()
    counts = part.claims["line_count"].to_pylist()
    stays = [n for n, told in zip(counts, visit_types, strict=True) if told in {"21", "24"}]
    assert 30 < sum(stays) / len(stays) < 50
