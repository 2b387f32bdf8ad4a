"""Invented populations are the same for the same seed, in order, and settle by their rules."""

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.errors import InvalidRequest, NotFound
from medsettle.replay.history import History
from medsettle.replay.history_check import first_fault
from medsettle.replay.population.making import Wanted, make_population

from tests.replay.populations import CAPITAL, Lived, claim_rows, plain_claim, rules

_PART = limits.POPULATION_PART_PERSONS


def _made(out: Path, persons: int = 60, *, threads: int = 1, **wanted: object) -> History:
    asked = {"area": CAPITAL, "first_year": 2025, "last_year": 2025, **wanted}
    folder = str(asked.pop("folder", "rules"))
    told = Wanted(persons=persons, **asked)  # type: ignore[arg-type]
    return make_population(rules(folder), told, out, threads=threads).history


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return a history of two parts, the second of few persons."""
    return _made(tmp_path_factory.mktemp("two") / "h", _PART + 40)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(history: History, tmp_path: Path) -> None:
    """However many threads draw: the manifest has the digest of every file."""
    again = _made(tmp_path / "again", _PART + 40, threads=3)
    other = _made(tmp_path / "other", _PART + 40, seed=8)

    assert history.digest == again.digest
    assert 2 == len(history.parts)
    assert {file.sha256 for part in history.parts for file in part.files}.isdisjoint(
        file.sha256 for part in other.parts for file in part.files
    )


def test_claims_are_in_order(history: History) -> None:
    """Numbers rise from 0, persons lie together, and what happens to one rises from 1 on."""
    number, seen = 0, ""
    for part in history.parts:
        claims = history.read(part, "claims").to_pylist()
        happened: dict[str, list[int]] = defaultdict(list)
        days: dict[str, list[tuple[int, date]]] = defaultdict(list)
        assert [*range(number, number + len(claims))] == [row["claim"] for row in claims]
        number += len(claims)
        order = [(row["pooling_area"], row["person"], row["order"]) for row in claims]
        assert sorted(set(order)) == order
        assert claims[0]["person"] > seen, "a person lies in one part only"
        seen = claims[-1]["person"]
        for row in claims:
            happened[row["person"]].append(row["order"])
            days[row["person"]].append((row["order"], row["service_date"]))
            if row["taken_back"] is not None:
                assert row["taken_back"] > row["order"]
                happened[row["person"]].append(row["taken_back"])
        moves = history.read(part, "moves").to_pylist()
        moved = [(row["person"], row["order"]) for row in moves]
        assert sorted(set(moved)) == moved
        for person, each in moved:
            happened[person].append(each)
        assert all([*range(1, len(own) + 1)] == sorted(own) for own in happened.values())
        assert all(sorted(own, key=lambda at: at[1]) == own for own in days.values())


def test_a_population_is_a_sound_history(history: History) -> None:
    """Accounts of persons without a claim are not moved in it, and are counted."""
    moved = [
        move["person"]
        for part in history.parts
        for move in history.read(part, "moves", ["person"]).to_pylist()
    ]
    assert moved and {row["person"] for row in claim_rows(history)} >= {*moved}
    assert history.source["moves_of_others_left_out"] > 0  # type: ignore[operator]
    assert first_fault(history) is None


def test_lines_follow_their_claims(history: History) -> None:
    """As many as the claim says, in its order, with ids of their own."""
    for part in history.parts:
        claims = history.read(part, "claims", ["claim", "line_count"]).to_pylist()
        lines = history.read(part, "lines", ["claim", "line_id"]).to_pylist()
        wanted = [(row["claim"], str(n + 1)) for row in claims for n in range(row["line_count"])]
        assert wanted == [(line["claim"], line["line_id"]) for line in lines]
        assert all(row["line_count"] for row in claims)


def test_requests_have_ids_of_their_own(history: History) -> None:
    """An institution never meets one twice, and nothing was recorded before."""
    rows = [
        row
        for part in history.parts
        for row in history.read(
            part, "claims", ["request_id", "recorded_settlement", "recorded_cash_fen"]
        ).to_pylist()
    ]
    assert len(rows) == len({row["request_id"] for row in rows})
    assert not any(row["recorded_settlement"] or row["recorded_cash_fen"] for row in rows)


def test_amounts_are_price_times_quantity(history: History) -> None:
    """To the fen: 10^8 of micro-yuan times 1/10,000 are one."""
    lines = history.read(history.parts[0], "lines", ["quantity_e4", "unit_price_e6", "amount_fen"])
    quantity, price, amount = (column.to_numpy() for column in lines.columns)
    assert (quantity * price == amount * 10**8).all()
    assert (amount > 0).all()


def test_dates_are_those_of_a_life(history: History) -> None:
    """Stays of somebody do not overlap, fees lie within, and stays of the new year began before."""
    stays: dict[str, date] = {}
    before = 0
    for row in claim_rows(history):
        begin, end = row["admission_date"], row["service_date"]
        assert isinstance(begin, date) and isinstance(end, date)
        assert row["birth_date"] <= begin <= end  # type: ignore[operator]
        assert 2025 == end.year
        lines: list[dict[str, date]] = row["lines"]  # type: ignore[assignment]
        assert all(begin <= line["fee_date"] <= end for line in lines)
        if row["stay_days"] is None:
            assert begin == end and row["encounter"] is None
            continue
        assert row["stay_days"] == max((end - begin).days, 1)
        assert row["encounter"] is not None
        assert stays.get(str(row["person"]), date.min) <= begin
        stays[str(row["person"])] = end
        before += begin.year == 2024
    assert before > 5


def test_special_visits_have_their_approval(history: History) -> None:
    """Each names a disease that the person was approved for before; nobody else has the facts."""
    special = [row for row in claim_rows(history) if row["visit_type"] == "14"]
    assert len(special) > 100
    for row in special:
        assert row["disease"] in row["approved_diseases"]  # type: ignore[operator]
        assert row["birth_date"] <= row["approval_date"] <= date(2025, 1, 1)  # type: ignore[operator]
    assert 2 == max(len(row["approved_diseases"]) for row in special)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("area", "folder", "most_refused"),
    [
        (CAPITAL, "rules", 0),
        ("330100", "rules", 0),
        ("360100", "rules", 0),
        ("440100", "rules", 0.001),
        ("420100", "rules", 0.01),
        ("310000", "rules", 0),
        ("999911", "fixtures/policies/shapes", 0),
        ("999930", "fixtures/policies/shapes", 0),
    ],
)
def test_every_claim_settles(area: str, folder: str, most_refused: float, tmp_path: Path) -> None:
    """Well formed and settled in order, with no more refused than amounts that a document leaves.

    Documents with gaps for high amounts refuse some: what a year's funds come to is not known when
    a visit is drawn.
    """
    history = _made(tmp_path / "h", 150, area=area, folder=folder)
    lived = Lived(rules(folder))

    lived.go_through(history)

    assert len(lived.refused) <= most_refused * history.rows("claims"), lived.refused[:3]
    assert lived.settled == history.rows("claims") - len(lived.refused)
    assert 0 < lived.funds_fen < lived.bills_fen


@pytest.mark.slow
def test_years_follow_one_another(tmp_path: Path) -> None:
    """Two years of the same persons; a policy that changed in between settles both."""
    history = _made(tmp_path / "h", 60, first_year=2022, last_year=2023)
    lived = Lived(rules())

    lived.go_through(history)

    assert [] == lived.refused
    years = Counter(row["service_date"].year for row in claim_rows(history))  # type: ignore[attr-defined]
    assert {2022, 2023} == years.keys()
    assert abs(years[2022] - years[2023]) < 0.2 * years.total()


def test_refunds_take_back_a_part_of_a_line(tmp_path: Path) -> None:
    """Asked for, a share of bills has a negative line; they are well formed, and settle."""
    history = _made(tmp_path / "h", 60, refunds=0.25)
    rows = claim_rows(history)
    lines = [line for row in rows for line in row["lines"]]  # type: ignore[attr-defined]
    negative = [line for line in lines if line["quantity_e4"] < 0]

    assert 0.15 * len(rows) < len(negative) < 0.35 * len(rows)
    assert all(line["amount_fen"] < 0 and line["original_line"] for line in negative)
    batch = ClaimBatch.from_rows([plain_claim(row) for row in rows[:4_000]])
    assert {} == batch.rejections
    lived = Lived(rules())
    lived.go_through(history)
    assert [] == lived.refused


def test_no_line_is_negative_otherwise(history: History) -> None:
    """Nobody takes back what was not asked for."""
    lines = history.read(history.parts[0], "lines", ["original_line"])
    assert lines.num_rows == lines["original_line"].null_count


def test_it_says_how_far_it_has_come(tmp_path: Path) -> None:
    """After each part the persons so far; and in the end what was made of what."""
    told: list[int] = []
    wanted = Wanted(CAPITAL, _PART + 1, 2025, 2025)

    made = make_population(rules(), wanted, tmp_path / "h", progress=told.append)

    assert [_PART, _PART + 1] == told
    source = made.history.source
    assert ("invented population", 7, [2025, 2025]) == (
        *(source["made"], source["seed"], source["years"]),
    )
    policies: dict[str, str] = source["policies"]  # type: ignore[assignment]
    assert (
        policies["beijing-employee-inpatient"]
        == rules().policy("beijing-employee-inpatient").digest
    )


_MOST = {
    "persons": limits.POPULATION_PERSONS_MAX,
    "seed": limits.POPULATION_SEED_MAX,
    "first_year": limits.SERVICE_YEAR_MAX,
}


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"persons": 0}, "persons"),
        ({"persons": limits.POPULATION_PERSONS_MAX + 1}, "persons"),
        ({"seed": -1}, "seed"),
        ({"seed": limits.POPULATION_SEED_MAX + 1}, "seed"),
        ({"refunds": -0.01}, "refunds"),
        ({"refunds": 1.01}, "refunds"),
        ({"first_year": 1997}, "first year"),
        ({"last_year": 2100}, "last year"),
        ({"first_year": 2026}, "years"),
        ({"first_year": 2025 - limits.POPULATION_YEARS_MAX}, "years"),
    ],
)
def test_one_step_too_far_is_refused(wanted: dict[str, object], path: str) -> None:
    """Each bound is told with the number found and the next step."""
    with pytest.raises(InvalidRequest) as caught:
        _wanted(wanted).check(threads=1)
    assert path in {fault.path for fault in caught.value.faults}


@pytest.mark.parametrize(
    "wanted",
    [
        {"persons": 1},
        {"persons": limits.POPULATION_PERSONS_MAX},
        {"seed": 0},
        {"seed": limits.POPULATION_SEED_MAX},
        {"refunds": 1},
        {"first_year": 2026 - limits.POPULATION_YEARS_MAX},
    ],
)
def test_the_last_step_is_taken(wanted: dict[str, object]) -> None:
    """What lies on a bound is inside."""
    _wanted(wanted).check(threads=limits.POPULATION_THREADS_MAX)


def _wanted(wanted: dict[str, object]) -> Wanted:
    asked = {"area": CAPITAL, "persons": 10, "first_year": 2025, "last_year": 2025, **wanted}
    return Wanted(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, limits.POPULATION_THREADS_MAX + 1])
def test_threads_are_bounded(threads: int) -> None:
    """None draws nothing, and more than there are cores anywhere would only wait."""
    with pytest.raises(InvalidRequest, match="threads"):
        _wanted({}).check(threads)


def test_one_person_is_a_population(tmp_path: Path) -> None:
    """With few or no visits, and a history that can be read."""
    history = _made(tmp_path / "h", 1)

    assert 1 == len(history.parts)
    assert history.rows("claims") == len(claim_rows(history))


def test_an_unknown_area_is_told(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(NotFound, match="the rules have no area 999999; they have 110000, 120000"):
        _made(tmp_path / "h", 1, area="999999")


@pytest.mark.parametrize("area", ["320281", "450000"])
def test_an_area_that_settles_nothing_of_it_is_told(area: str, tmp_path: Path) -> None:
    """Its documents are of other insurances or visits; the message names what was asked."""
    with pytest.raises(InvalidRequest, match="settle no visit of the insurance types 310, 390"):
        _made(tmp_path / "h", 1, area=area)


def test_years_before_all_documents_are_told(tmp_path: Path) -> None:
    """No document is in force in 2005."""
    with pytest.raises(InvalidRequest, match="from 2005-01-01 to 2005-12-31"):
        _made(tmp_path / "h", 1, first_year=2005, last_year=2005)


def test_a_finished_history_is_not_written_over(history: History) -> None:
    """Whoever wants another names another folder."""
    with pytest.raises(InvalidRequest, match="has a history already"):
        _made(history.folder, 1)
