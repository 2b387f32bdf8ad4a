"""`medsettle reconcile` as a clearing centre uses it, on the data folders of two engines."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.audit.area_books import AREA_A, AREA_B, ThreeBooks
from tests.cli.commands import Ran, run, serving
from tests.engine.two_books import TwoBooks, two_books, with_other_amounts
from tests.engine.visits import AREA, SHAPES

pytestmark = pytest.mark.slow


def _rules(folder: Path) -> Path:
    rules = folder / "rules"
    if not rules.exists():
        shutil.copytree(SHAPES / AREA, rules / AREA)
    return rules


def _made(folder: Path, plant: Callable[[TwoBooks], object]) -> None:
    """Make two data folders: a settlement that both have, and what is planted."""
    with two_books(folder) as world:
        world.settled(1, person="P2")
        plant(world)
        world.project()


def _reconciled(folder: Path, *more: object) -> Ran:
    books = ("--insured", folder / "insured-data", "--care", folder / "care-data")
    return _do(folder, "run", *books, "--name", "home-with-care", *more)


def _do(folder: Path, verb: str, *more: object) -> Ran:
    return run("reconcile", verb, *more, "--data", folder / "clearing", "--json")


def _approve(folder: Path, number: int, by: str = "bo") -> Ran:
    """Approve what is proposed, as it is shown."""
    plan = _do(folder, "show", number).json["item"]["plan"]
    return _do(folder, "approve", number, "--plan", plan, "--by", by, "--reason", "ok")


def test_a_difference_is_seen_through_to_its_end(tmp_path: Path) -> None:
    """Found, proposed, approved by another, applied twice and recorded once, found no more."""
    _made(tmp_path, lambda world: with_other_amounts(world, 2, 1_234))
    found = _reconciled(tmp_path)
    assert 1 == found.code, found.err
    # Both have P2's settlement alike; of the other one the pool's shares are 12.34 yuan apart.
    body = found.json
    assert (1, 1, 1_234, 1) == tuple(
        body[name] for name in ("matched", "differences", "at_risk_fen", "opened")
    )
    (item,) = _do(tmp_path, "items").json
    assert (5, "amount", "open") == (item["class"], item["class_name"], item["state"])

    said = ("--by", "an", "--reason", "care rounded")
    guess = _do(tmp_path, "propose", 1, "--action", "adjust", *said)
    assert (1, "INVALID_REQUEST") == (guess.code, guess.json["error"])
    terms = ("--side", "care", "--like", "insured")
    proposed = _do(tmp_path, "propose", 1, "--action", "adjust", *terms, *said).json
    assert "in the book of the care side, to have what the insured side has" == proposed["terms"]
    alone = _approve(tmp_path, 1, by="An")
    assert (1, "PRECONDITION") == (alone.code, alone.json["error"])
    unseen = _do(tmp_path, "approve", 1, "--plan", "0" * 12, "--by", "bo", "--reason", "ok")
    assert (1, "PRECONDITION") == (unseen.code, unseen.json["error"])
    assert "approved" == _approve(tmp_path, 1).json["state"]

    engine = ("--by", "an", "--engine", tmp_path / "care-data", "--rules", _rules(tmp_path))
    first, again = (_do(tmp_path, "apply", 1, *engine) for _ in range(2))
    assert (0, 0) == (first.code, again.code), first.out
    assert first.json["entry"] == again.json["entry"]

    flat = _reconciled(tmp_path)
    assert (0, 0, 1) == (flat.code, flat.json["differences"], flat.json["closed"])
    history = _do(tmp_path, "show", 1).json["history"]
    assert ["opened", "proposed", "approved", "applied", "closed"] == [
        each["happened"] for each in history
    ]
    assert [] == _do(tmp_path, "items").json
    assert [2, None] == [each["superseded_by"] for each in _do(tmp_path, "runs").json]


def test_what_insurance_lost_is_inserted_from_the_book_of_care(tmp_path: Path) -> None:
    """It is settled by the same rules, today: what is left is the period, which is insurance's."""
    _made(tmp_path, lambda world: world.only_at_care(2))
    _reconciled(tmp_path)
    said = ("--by", "an", "--reason", "it rolled back")
    _do(tmp_path, "propose", 1, "--action", "insert", *said)
    _approve(tmp_path, 1)
    place = ("--engine", tmp_path / "insured-data", "--rules", _rules(tmp_path))
    care_rules = Path(__file__).parents[1] / "settle" / "apart"
    source = ("--source", tmp_path / "care-data", "--source-rules", care_rules)
    applied = _do(tmp_path, "apply", 1, "--by", "an", *place, *source)
    assert 0 == applied.code, applied.out
    _reconciled(tmp_path)
    (item,) = _do(tmp_path, "items").json
    assert (8, "open", "roll_forward") == (item["class"], item["state"], item["action"])
    _do(tmp_path, "propose", 1, "--action", "roll_forward", *said)
    rolled = _do(tmp_path, "apply", 1, "--by", "an")
    assert (0, False) == (rolled.code, rolled.json["standing"])
    _reconciled(tmp_path)
    assert [] == _do(tmp_path, "items").json


def test_a_server_takes_back_what_care_never_took(tmp_path: Path) -> None:
    """The reversal goes to a running server by the request of the original, once."""
    _made(tmp_path, lambda world: world.decided(2))
    _reconciled(tmp_path)
    _do(tmp_path, "propose", 1, "--action", "reverse", "--by", "an", "--reason", "time-out")
    _approve(tmp_path, 1)
    with serving(tmp_path / "insured-data", _rules(tmp_path)) as server:
        first, again = (
            _do(tmp_path, "apply", 1, "--by", "an", "--server", server.address) for _ in range(2)
        )
    assert (0, 0) == (first.code, again.code), first.out
    assert first.json["entry"] == again.json["entry"]
    assert 0 == _reconciled(tmp_path).code


def test_an_item_is_shown_with_both_rows_and_its_evidence(tmp_path: Path) -> None:
    """What differs is marked, and the files name the row digests, versions and books."""
    _made(tmp_path, lambda world: with_other_amounts(world, 2, 1_234))
    _reconciled(tmp_path, "--out", tmp_path / "found")
    shown = run("reconcile", "show", 1, "--data", tmp_path / "clearing").out
    assert "≠ pooled_fund" in shown
    assert "  institution" in shown
    assert "proposes what to do" in shown

    written = _do(tmp_path, "evidence", 1, "-o", tmp_path / "evidence")
    body = json.loads((tmp_path / "evidence" / "evidence.json").read_text(encoding="utf-8"))
    assert 0 == written.code
    assert ["insured", "care"] == [each["book"] for each in body["rows"]]
    assert {"pooled_fund_fen", "fund_total_fen", "person_total_fen", "cash_fen"} == {
        *body["differing"]
    }
    assert 12 == len(body["versions"]["insured"]["policy_digest"])
    assert 2 == len({each["sha256"] for each in body["rows"]})
    text = (tmp_path / "evidence" / "evidence.txt").read_text(encoding="utf-8")
    assert all(each["sha256"] in text for each in body["rows"])
    assert 1 == pq.read_table(tmp_path / "found" / "differences.parquet").num_rows
    assert (tmp_path / "found" / "run.json").is_file()


def test_items_are_chosen_by_owner_class_and_age(tmp_path: Path) -> None:
    """Each option leaves out what it does not name; ended items are listed with --all."""

    def plant(world: TwoBooks) -> None:
        world.only_at_care(2)
        with_other_amounts(world, 3, 5)

    _made(tmp_path, plant)
    _reconciled(tmp_path)

    def numbers(*options: object) -> list[int]:
        return [item["class"] for item in _do(tmp_path, "items", *options).json]

    assert [1, 5] == sorted(numbers())
    assert [1] == numbers("--owner", "care")
    assert [5] == numbers("--class", 5)
    assert [] == numbers("--min-age", 1_000_000)
    said = ("--by", "an", "--reason", "small")
    number = next(each["number"] for each in _do(tmp_path, "items").json if each["class"] == 5)
    _do(tmp_path, "write-off", number, *said)
    _approve(tmp_path, number)
    gone = _do(tmp_path, "apply", number, "--by", "an")
    assert (0, False) == (gone.code, gone.json["standing"])
    assert [1] == numbers()
    assert [1, 5] == sorted(numbers("--all"))
    (left,) = _do(tmp_path, "items").json
    held = _do(tmp_path, "hold", left["number"], *said).json
    assert held["held"]


def test_two_centres_compare_sketches_before_any_row(tmp_path: Path) -> None:
    """As many keys differ as rows were planted with, and a book names its settlements."""
    size = ("--rows", 2_000, "--differences", 100)
    made = run("reconcile", "make-books", tmp_path / "books", *size, "--json").json
    sketches = []
    for side in ("insured", "care"):
        out = tmp_path / f"{side}.sketch"
        book = made["books"][side]
        told = run("reconcile", "sketch", book, "-o", out, "--json")
        assert 0 == told.code, told.err
        assert out.stat().st_size == told.json["bytes"]
        sketches.append(out)

    same = run("reconcile", "compare-sketches", sketches[0], sketches[0], "--json")
    assert (0, 0) == (same.code, same.json["keys"])
    insured = pq.read_table(made["books"]["insured"])
    care = pq.read_table(made["books"]["care"])
    found = run(
        "reconcile", "compare-sketches", *sketches, "--book", made["books"]["care"], "--json"
    )
    assert 1 == found.code
    # Independently: the rows of each side that the other does not have as often, all but times.
    names = [name for name in care.schema.names if name != "record_time"]
    own, theirs = (
        Counter(tuple(row.values()) for row in table.select(names).to_pylist())
        for table in (insured, care)
    )
    assert (found.json["only_in_first"], found.json["only_in_second"]) == (
        (own - theirs).total(),
        (theirs - own).total(),
    )
    at = names.index("settlement")
    assert {row[at] for row in theirs - own} <= {*found.json["settlements"]}
    assert len({row[at] for row in (own - theirs) + (theirs - own)}) == found.json["keys"]


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        pytest.param(("run", "--insured", "{here}"), 2, "name two or three of", id="one-book"),
        pytest.param(
            ("run", "--insured", "{here}/no", "--care", "{here}/no"),
            2,
            "does not exist; name the book",
            id="no-such-path",
        ),
        pytest.param(
            ("run", "--insured", "{here}", "--care", "{here}"),
            2,
            "expected files of one kind, found none",
            id="an-empty-folder",
        ),
        pytest.param(
            ("run", "--insured", "{here}", "--care", "{here}", "--day", "2026-03-01", "--to",
             "2026-03-02"),
            2,
            "give it, or --from and --to",
            id="day-and-days",
        ),
        pytest.param(
            ("run", "--insured", "{here}", "--care", "{here}", "--spark", "local[1]", "--by",
             "join"),
            2,
            "leave out --stated, --local and --by",
            id="a-cluster-told-how",
        ),
        pytest.param(("items", "--data", "{here}/no"), 2, "holds no reconciliation", id="no-store"),
        pytest.param(("runs", "--data", "{here}/no"), 2, "holds no reconciliation", id="no-runs"),
        pytest.param(("sketch", "{here}/no", "-o", "{here}/s"), 2, "does not exist", id="no-book"),
        pytest.param(
            ("compare-sketches", "{file}", "{file}"), 2, "is no sketch", id="no-sketch"
        ),
    ],
)  # fmt: skip
def test_wrong_calls_say_what_to_do(
    tmp_path: Path, words: tuple[str, ...], code: int, match: str
) -> None:
    """What cannot be compared ends with 2, for 1 says that books differ; a next step is told."""
    here, file = tmp_path / "here", tmp_path / "file"
    here.mkdir()
    file.write_bytes(b"something else")
    told = run("reconcile", *(word.format(here=here, file=file) for word in words))
    assert code == told.code, told.err
    assert match in " ".join(told.err.split())


def test_wrong_words_about_an_item_change_nothing(tmp_path: Path) -> None:
    """Unknown items, classes and moves are refused, each with what was expected."""
    _made(tmp_path, lambda world: with_other_amounts(world, 2, 1_234))
    _reconciled(tmp_path)
    said = ("--by", "an", "--reason", "x")
    refused = [
        (("show", 9), "there is no item '9'"),
        (("items", "--class", 99), "99 is no class"),
        (
            ("propose", 1, "--action", "adjust", "--side", "care", "--move", "x", *said),
            "is no COUNTER",
        ),
        (("propose", 1, "--action", "insert", *said), "possible: none"),
        (("propose", 1, "--action", "acknowledge", *said), "is no remedy"),
        (("apply", 1, "--by", "an"), "nothing is proposed"),
    ]
    for words, match in refused:
        told = _do(tmp_path, str(words[0]), *words[1:])
        assert 1 == told.code, words
        assert match in told.out, told.out
    assert "open" == _do(tmp_path, "show", 1).json["item"]["state"]


def test_what_all_books_have_twice_is_found_where_it_is_asked_for(tmp_path: Path) -> None:
    """All that was planted: what books agree on is no difference between them."""
    made = run("reconcile", "make-books", tmp_path / "b", "--rows", 20_000, "--differences", 200,
               "--json")  # fmt: skip
    assert 0 == made.code, made.err
    sides = ("insured", "care", "national")
    books = [word for side in sides for word in (f"--{side}", tmp_path / "b" / f"{side}.parquet")]
    truth = {
        row["item"]: row["difference_class"]
        for row in pq.read_table(tmp_path / "b" / "truth.parquet").to_pylist()
        if row["difference_class"]
    }
    found = []
    for more in ((), ("--repeats",)):
        out = tmp_path / f"out{len(more)}"
        assert 1 == run("reconcile", "run", *books, *more, "--out", out).code
        rows = pq.read_table(out / "differences.parquet").to_pylist()
        found.append({row["item"]: row["difference_class"] for row in rows})

    plain, everything = found
    assert truth == everything
    assert plain.items() < truth.items()
    assert {9} == {everything[item] for item in everything.keys() - plain.keys()}


def test_care_in_the_area_of_insurance_is_left_out_with_a_word(tmp_path: Path) -> None:
    """Where its audit tables face a book that has it, what to say is named, and then all agrees."""
    books = ThreeBooks(tmp_path)
    books.local("L1", AREA_A)
    books.local("L2", AREA_A)
    (folder,) = (each.folder for each in books.written() if each.name == "a")

    def compared(side: Path, *more: object) -> Ran:
        return run("reconcile", "run", "--insured", folder, "--care", side, *more, "--json")

    for days in ((), ("--from", "2020-01-01", "--to", "2099-01-01")):
        refused = compared(folder, *days)
        assert 2 == refused.code
        assert "2 row(s) of care in the area of insurance; with --local" in refused.out
    elsewhere = compared(folder, "--pooling-area", AREA_B)
    assert "--local" not in elsewhere.out
    whole = compared(folder, "--local")
    assert (0, 2) == (whole.code, whole.json["matched"]), whole.out

    (tmp_path / "crossing").mkdir()
    crossing = ThreeBooks(tmp_path / "crossing")
    crossing.local("L3", AREA_A)
    crossing.settle("S1", home=AREA_A, care=AREA_B)
    home, away = (each.folder for each in crossing.written() if each.name in {"a", "b"})
    found = run("reconcile", "run", "--insured", home, "--care", away, "--json")
    assert (0, 1) == (found.code, found.json["matched"]), found.out
    (said,) = (note for note in found.json["notes"] if "--local" in note)
    assert said.startswith("left out of the book of insured: 1 row(s)")
