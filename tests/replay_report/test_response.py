"""The budget effect with a response follows its formula, to the fen."""

from datetime import date
from fractions import Fraction
from pathlib import Path

from medsettle.core import codes
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions, Response
from medsettle.replay.response import effects

from tests.replay_report.conftest import Replayed

_THREE = (Fraction(0), Fraction(-1, 10), Fraction(-1, 2))


def _cell(total: int, before: int, after: int) -> dict[str, object]:
    paid = dict.fromkeys((f"reform_{name}_fen" for name in codes.PAYER_NAMES), 0)
    return {
        **paid,
        "total_fen": total,
        "baseline_person_total_fen": before,
        "reform_person_total_fen": after,
        "reform_pooled_fund_fen": total - after,
        "reform_fund_total_fen": total - after,
    }


def test_a_cell_by_hand() -> None:
    """A price falls from 30 to 20 %: by 40 % of its mean, so a half of that is used more.

    1,000.00 cost, elasticity -0.5: 200.00 more, of which the fund pays 80 %: 160.00, and the person
    40.00. As claims were, the fund pays 100.00 more and the person 100.00 less.
    """
    static = {"pooled_fund": 100_00, "fund_total": 100_00, "person_total": -100_00, "total": 0}
    found = {
        each.payer: (each.static_fen, each.low_fen, each.central_fen, each.high_fen)
        for each in effects([_cell(1_000_00, 300_00, 200_00)], static, _THREE)
    }

    assert (100_00, 100_00, 132_00, 260_00) == found["pooled_fund"] == found["fund_total"]
    assert (-100_00, -100_00, -92_00, -60_00) == found["person_total"]
    assert (0, 0, 40_00, 200_00) == found["total"]
    assert (0, 0, 0, 0) == found["assistance"]


def test_a_reform_and_its_reversal_are_alike() -> None:
    """The change is of the mean price, so what one adds the other takes away."""
    up = effects([_cell(999, 300, 200)], {}, _THREE)[-1]
    down = effects([_cell(999, 200, 300)], {}, _THREE)[-1]

    assert (up.central_fen, up.high_fen) == (-down.central_fen, -down.high_fen) == (40, 200)


def test_what_costs_nobody_anything_does_not_respond() -> None:
    """A price of nothing before and after, and a cell of nothing."""
    for cell in (_cell(500, 0, 0), _cell(0, 0, 0)):
        assert all(
            (0, 0, 0) == (each.low_fen, each.central_fen, each.high_fen)
            for each in effects([cell], {}, _THREE)
        )


def test_cells_are_rounded_once() -> None:
    """A third of a fen thrice is a fen: sums are exact before they are rounded."""
    cells = [_cell(10, 4, 2)] * 3
    # 10 x -1/10 x -2/3 = 2/3 of a fen each.
    assert 2 == effects(cells, {}, _THREE)[-1].central_fen


def test_claims_before_the_day_do_not_respond(replayed: Replayed, tmp_path: Path) -> None:
    """Cells are the claims from the day on, worked out here from the settlements."""
    since = date(2025, 7, 1)
    options = CompareOptions(response=Response(_THREE, since, "invented for a test"))
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    for each in compare(results, tmp_path, options).reforms:
        sums: dict[tuple[object, ...], list[int]] = {}
        static = 0
        for claim, before, after in replayed.told.compared(each.reform):
            static += after.fen("fund_total_fen") - before.fen("fund_total_fen")
            if claim["service_date"] < since:
                continue
            names = ("pooling_area", "insurance_type", "visit_type", "institution_level")
            cell = sums.setdefault(tuple(claim[name] for name in names), [0, 0, 0, 0])
            cell[0] += before.fen("total_fen")
            cell[1] += before.fen("person_total_fen")
            cell[2] += after.fen("person_total_fen")
            cell[3] += after.fen("fund_total_fen")
        exact = Fraction(static)
        for total, price, new_price, fund in sums.values():
            old, new = Fraction(price, total), Fraction(new_price, total)
            if old + new:
                exact += total * _THREE[2] * (new - old) / ((old + new) / 2) * Fraction(fund, total)
        (row,) = [row for row in each.figures["response"].rows() if row["payer"] == "fund_total"]
        assert static == row["static_fen"] == row["low_fen"]
        assert abs(exact - int(str(row["high_fen"]))) <= Fraction(1, 2)
        assert "invented for a test" in each.figures["response"].form.note.en
