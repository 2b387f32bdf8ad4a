"""`medsettle prepay` as users run it: from four months to notices, alarms and an increase."""

from pathlib import Path

import pytest
from medsettle.clearing.months.read_calendar import shipped_document
from medsettle.clearing.prepayments.terms import PREPAYMENT_FILE
from medsettle.cli.exits import Exit

from tests.cli.commands import Ran, run

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_HEAD = "month,insured,care,fund,amount_yuan\n"
# The example of clearing.md §3.4.
_QUARTER = (
    _HEAD + '2025-10,999901,999902,employee,"12,000,000.00"\n'
    '2025-11,999901,999902,employee,"13,500,000.00"\n'
    '2025-12,999901,999902,employee,"14,100,000.00"\n'
)
_LINE = ("--insured", "999901", "--care", "999902", "--fund", "employee")


class _Centre:
    """A folder in which commands run, with what they are given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.quarter = self.file("quarter.csv", _QUARTER)

    def file(self, name: str, text: str) -> Path:
        """Return a file with a text."""
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def march(self, yuan: str) -> Path:
        """Return what March cleared."""
        return self.file("march.csv", f"{_HEAD}2026-03,999901,999902,employee,{yuan}\n")

    def prepay(self, *words: object) -> Ran:
        """Return what a command on the data of the folder says as JSON."""
        return run("prepay", *words, "--data", self._folder / "data", "--json")

    def prepaid(self) -> None:
        """Have the example noticed and paid."""
        who = ("--by", "centre", "--on", "2026-01-30")
        self.prepay("recalculate", 2026, "--cleared", self.quarter, *who)
        self.pay("PP2026-000001", "26400000")

    def pay(self, notice: str, yuan: str, on: str = "2026-02-25") -> Ran:
        """Register a payment."""
        words = ("--yuan", yuan, "--reference", f"E2E-{notice}", "--by", "finance", "--on", on)
        return self.prepay("pay", notice, *words)


@pytest.fixture
def centre(tmp_path: Path) -> _Centre:
    """Return a centre without anything recorded."""
    return _Centre(tmp_path)


def test_the_published_example_is_computed(centre: _Centre) -> None:
    """26.4 million yuan of 12.0, 13.5 and 14.1; computing records nothing."""
    ran = run("prepay", "compute", 2026, "--cleared", centre.quarter, "--json")

    assert Exit.OK == ran.code, ran.err
    assert [2_640_000_000] == [row["prepayment_fen"] for row in ran.json]
    assert "26,400,000.00" in run("prepay", "compute", 2026, "--cleared", centre.quarter).out
    assert Exit.USAGE == centre.prepay("alarms").code


@pytest.mark.parametrize(
    ("yuan", "level", "shown", "code"),
    [
        ("18479999.99", "normal", "69.9 %", Exit.OK),
        ("19200000.00", "yellow", "72.7 %", Exit.OK),
        ("24000000.00", "red", "90.9 %", Exit.FINDING),
    ],
)
def test_usage_raises_alarms(
    centre: _Centre, yuan: str, level: str, shown: str, code: Exit
) -> None:
    """The examples of yellow and red, and a fen below yellow; red ends alarms with 1."""
    centre.prepaid()
    (row,) = centre.prepay("usage", "2026-03", "--cleared", centre.march(yuan)).json
    (pool,) = centre.prepay("usage", "2026-03", "--pool").json
    alarms = centre.prepay("alarms", "--on", "2026-03-28")

    assert (level, shown) == (row["level"], row["usage"])
    assert ("*", level) == (pool["insured"], pool["level"])
    assert code == alarms.code
    assert int(level != "normal") == len(alarms.json["levels"])
    assert [("*", shown)] == [(each["insured"], each["usage"]) for each in alarms.json["pools"]]


def test_the_commands_of_the_readme_show_a_line_at_yellow(tmp_path: Path) -> None:
    """Its three steps on the invented file, as the page has them."""
    page = (_ROOT / "README.md").read_text("utf-8").replace("\\\n", " ")
    lines = [
        line.split("#")[0].split() for line in page.splitlines() if "--data var/prepaid" in line
    ]
    words = [[word.replace("var/", f"{tmp_path}/") for word in line[1:]] for line in lines]
    ran = [
        run(*(_ROOT / word if word.startswith("fixtures/") else word for word in each), "--json")
        for each in words
    ]

    assert [Exit.OK] * 3 == [each.code for each in ran]
    (row,) = ran[-1].json
    assert ("yellow", "72.7 %") == (row["level"], row["usage"])


def test_an_increase_is_asked_for_reviewed_noticed_and_paid(centre: _Centre) -> None:
    """Each step by its own command; the alarms show what is unpaid, and late by how long."""
    centre.prepaid()
    early = centre.prepay(
        *("increase", "request", "2026-03", *_LINE, "--yuan", "5000000", "--by", "care")
    )
    assert Exit.FINDING == early.code
    assert "no usage of 2026-03 is recorded" in early.out
    centre.prepay("usage", "2026-03", "--cleared", centre.march("24000000"))
    asked = centre.prepay(
        *("increase", "request", "2026-03", *_LINE, "--yuan", "5000000"),
        *("--by", "care", "--on", "2026-03-28"),
    )
    assert "requested" == asked.json["state"]
    review = ("increase", "review", 1, "--approve", "--why", "red", "--on", "2026-03-29")
    assert Exit.FINDING == centre.prepay(*review, "--by", "care").code
    assert "approved" == centre.prepay(*review, "--by", "nation").json["state"]
    (notice,) = centre.prepay("increase", "notice", 1, "--by", "nation", "--on", "2026-03-30").json
    assert ("PP2026-000002", "2026-04-14") == (notice["notice"], notice["due"])
    late = centre.prepay("alarms", "--on", "2026-04-28")
    assert (Exit.FINDING, 14) == (late.code, late.json["unpaid"][0]["overdue_days"])
    centre.pay("PP2026-000002", "5000000", "2026-04-29")
    shown = centre.prepay("increase", "show", 1).json
    assert ["requested", "approved", "noticed", "paid"] == [s["state"] for s in shown["steps"]]


def test_a_year_is_settled_by_a_notice_over_the_difference(centre: _Centre) -> None:
    """2027 needs 30 million of 15.0 each month: 3.6 are asked for, and asked for once."""
    centre.prepaid()
    months = "".join(f"2026-{m},999901,999902,employee,15000000\n" for m in (10, 11, 12))
    more = centre.file("next.csv", _HEAD + months)
    words = ("recalculate", 2027, "--cleared", more, "--by", "centre", "--on", "2027-01-29")
    (notice,) = centre.prepay(*words).json

    assert ("adjustment", 360_000_000) == (notice["kind"], notice["amount_fen"])
    assert "2027-02-28" == notice["due"]
    assert [] == centre.prepay(*words).json
    open_fen = {row["notice"]: row["open_fen"] for row in centre.prepay("notices").json}
    assert {"PP2026-000001": 0, "PP2027-000002": 360_000_000} == open_fen


def test_a_line_that_was_not_recalculated_is_an_alarm(centre: _Centre) -> None:
    """Notices of 2027 are due by the end of January (`clearing.md` §3.4); a day later is late."""
    centre.prepaid()
    in_time, late = (centre.prepay("alarms", "--on", f"2027-{day}") for day in ("01-31", "02-01"))
    assert (Exit.OK, []) == (in_time.code, in_time.json["not_recalculated"])
    (row,) = late.json["not_recalculated"]
    assert (Exit.FINDING, 2027, 2026, 2_640_000_000) == (
        *(late.code, row["year"], row["last_year"], row["standing_fen"]),
    )
    folder = ("--data", centre.quarter.parent / "data")
    people = run("prepay", "alarms", "--on", "2027-02-01", *folder)
    assert "999901→999902 employee: last recalculated for 2026, and 26,400,000.00" in people.out


def test_a_forecast_tells_the_day_and_the_reason(centre: _Centre) -> None:
    """9.9 million by 12 March at 1 million a working day: 18.48 on the 24th, by hand."""
    centre.prepaid()
    weekend = {1, 7, 8}
    days = "".join(
        f"2026-03-{day:02d},999901,999902,employee,{300_000 if day in weekend else 1_000_000}\n"
        for day in range(1, 13)
    )
    file = centre.file("days.csv", _HEAD.replace("month", "day") + days)
    (row,) = centre.prepay("forecast", "--cleared", file, "--until", "2026-03-12").json
    (what_if,) = centre.prepay(
        *("forecast", "--cleared", file, "--until", "2026-03-12", "--top-up", "3000000")
    ).json

    # 13 to 31 March: 13 working days and 6 days of weekends of 0.3 million.
    assert (2_470_000_000, "2026-03-24", "2026-03-31") == (
        *(row["expected_fen"], row["yellow"], row["red"]),
    )
    assert ("2026-03-26", "never") == (what_if["yellow"], what_if["red"])
    assert "yellow (70 %) is reached on 2026-03-24" in row["reason"]


def _half_in_march(centre: _Centre) -> Path:
    """Return the terms of medsettle with a level that changes within March."""
    text = shipped_document(PREPAYMENT_FILE).decode()
    later = text[text.index("  - from") :].replace("2023-01-01", "2026-03-10")
    return centre.file("terms.yaml", text + later.replace("yellow: 70%", "yellow: 50%"))


def test_a_month_is_forecast_by_the_terms_of_its_first_day(centre: _Centre) -> None:
    """A level of 50 % from 10 March on is one of April: usage and forecast of March say 70 %."""
    centre.prepaid()
    days = centre.file("days.csv", _HEAD.replace("month", "day") + "2026-03-12,999901,999902,")
    with days.open("a", encoding="utf-8") as file:
        file.write("employee,13200000\n")
    terms = ("--terms", _half_in_march(centre))
    (row,) = centre.prepay("forecast", "--cleared", days, "--until", "2026-03-12", *terms).json
    words = ("usage", "2026-03", "--cleared", centre.march("13200000"), *terms)
    (usage,) = centre.prepay(*words).json
    april = centre.file("april.csv", f"{_HEAD}2026-04,999901,999902,employee,13200000\n")
    (next_usage,) = centre.prepay("usage", "2026-04", "--cleared", april, *terms).json

    assert "yellow (70 %) is reached on 2026-03-13" in row["reason"]
    assert ["normal", "yellow"] == [usage["level"], next_usage["level"]]


def test_the_days_of_options_are_read_alike(centre: _Centre) -> None:
    """What is no day is a wrong call; a day outside the years that are served is refused."""
    centre.prepaid()
    days = centre.file("days.csv", f"{_HEAD.replace('month', 'day')}1998-01-01,999901,99,a,1\n")

    def ran(day: str) -> list[Ran]:
        until = centre.prepay("forecast", "--cleared", days, "--until", day)
        return [until, centre.prepay("alarms", "--on", day)]

    assert all("does not match the format" in each.err for each in ran("12.3."))
    for day in ("1997-12-31", "2100-01-01"):
        said = f"day: {day} lies outside the years 1998 to 2099; correct it"
        assert [[said]] * 2 == [each.json["messages"] for each in ran(day)]
    for day in ("1998-01-01", "2099-12-31"):
        assert not any("lies outside" in each.out + each.err for each in ran(day))


def test_the_calendar_of_a_month_is_shown(tmp_path: Path) -> None:
    """Steps with their days and sources; another scheme, another file, and what is no month."""
    rows = {row["step"]: row for row in run("prepay", "calendar", "2026-03", "--json").json}
    people = run("prepay", "calendar", "2026-12")
    injury = run("prepay", "calendar", "2026-02", "--scheme", "work_injury", "--json").json

    assert ("2026-04-20", "KH") == (rows["declaration"]["day"], rows["declaration"]["confidence"])
    assert "the holidays of 2027 are not known" in people.out
    assert "医保发〔2022〕22号" in people.out
    assert "2026-04-25" in [row["day"] for row in injury if row["step"] == "quarter_cleared"]
    assert Exit.FINDING == run("prepay", "calendar", "2026-13").code
    faulty = tmp_path / "mine.yaml"
    faulty.write_text("format: 1\nsources: {a: {title: t, where: w}}\n", encoding="utf-8")
    ran = run("prepay", "calendar", "2026-03", "--calendar", faulty)
    assert Exit.FINDING == ran.code
    assert "mine.yaml:2:14 sources.a: 'confidence'" in ran.err
    assert "'calendars'" in ran.err


def test_months_that_are_missing_are_told(centre: _Centre) -> None:
    """A quarter with two months prepays nothing, and says which is missing."""
    two = centre.file("two.csv", "".join(_QUARTER.splitlines(keepends=True)[:-1]))
    ran = run("prepay", "compute", 2026, "--cleared", two)

    assert Exit.FINDING == ran.code
    assert "999901→999902 employee: nothing is stated for 2025-12; state 0" in ran.err
