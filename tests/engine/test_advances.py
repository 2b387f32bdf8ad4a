"""What a fund pays for somebody else is an advance, and says who owes it back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.show import waterfall
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.policy.area import Area
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.service.wire import settlement_message
from rich.console import Console

from tests.engine.engines import engine_on, id_of, settled
from tests.engine.visits import SHAPES, SURGERY, line, visit_row

_FOLDER = SHAPES / "999930"
_TEXT = (_FOLDER / "injury-advance.yaml").read_text(encoding="utf-8")


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


def _accident(liability: str | None) -> dict[str, Any]:
    return visit_row(
        line(1, SURGERY, 8_000),
        insurance_type="410",
        visit_type="22",
        liability=liability,
        request_id=f"A{liability}",
        service_date=date(2024, 5, 11),
    )


def _debts(settlement: Settlement) -> dict[str, int]:
    """Return what each debtor owes, summed up over the rows of the payers."""
    found: dict[str, int] = {}
    for row in settlement.payers:
        if row["debtor"] is not None:
            name = str(row["debtor"])
            found[name] = found.get(name, 0) + int(str(row["paid_fen"]))
    return found


@pytest.mark.parametrize(
    ("liability", "debts"),
    [
        (None, {"employer": 0, "third_party": 0}),
        ("0", {"employer": 0, "third_party": 0}),
        # 8,000 of surgery and 25 of food on each of ten days.
        ("4", {"employer": 825_000, "third_party": 0}),
        ("2", {"employer": 0, "third_party": 800_000}),
    ],
)
def test_an_advance_is_owed_by_who_should_have_paid(
    engine: Engine, liability: str | None, debts: dict[str, int]
) -> None:
    """The rows of the payers are the receivables; a cancel takes them back to nothing."""
    settlement = settled(engine, _accident(liability))
    cancel = engine.cancel("H1", "C1", id_of(settlement))

    assert debts == _debts(settlement)
    assert debts == {name: -fen for name, fen in _debts(cancel).items()}
    assert settlement == engine.page(limit=1)[0]


def test_an_advance_is_explained_with_its_debtor(engine: Engine) -> None:
    """The sentence names who owes it back, in both languages, on the bill and beside it."""
    sentences = {
        each.stage: each
        for each in engine.explain(id_of(settled(engine, _accident("4")))).sentences
    }

    bill, food = sentences["for_employer"], sentences["food_for_employer"]
    assert "pays 8,000.00 yuan in advance, owed back by the employer, of" in bill.text_en
    assert "支付 8,000.00 元（先行支付，向用人单位追偿）" in bill.text_zh
    assert "250.00 yuan beside the bill in advance, owed back by the employer," in food.text_en
    assert "in advance" not in sentences["injury_fund"].text_en


def test_an_advance_is_sent_and_shown_with_its_debtor(engine: Engine) -> None:
    """The message has the debtor of each share, empty for a payer's own; so has the table."""
    settlement = settled(engine, _accident("2"))
    shares = settlement_message(settlement).payers
    console = Console(width=200, record=True)
    console.print(waterfall(settlement, "shown"))

    assert ["", "employer", "third_party", "", "employer"] == [each.debtor for each in shares]
    # A narrow column breaks words into lines.
    shown = "".join(console.export_text().split())
    assert "←third_party" in shown
    assert "第三人偿还" in shown
    assert "用人单位" not in shown


def _area() -> Area:
    area, faults = read_area_folder(_FOLDER)
    assert area is not None, faults
    return area


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("advance_for: third_party", "advance_for: nobody", "'nobody' is no choice here"),
        (
            "payer: other_fund\n    source: third",
            "payer: institution_share\n    source: third",
            "institution_share is no fund, and only funds pay in advance",
        ),
    ],
)
def test_an_advance_that_cannot_be_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    """Debtors are known, and who is no fund pays for nobody else."""
    assert 1 == _TEXT.count(old)
    path = tmp_path / "injury-advance.yaml"
    path.write_text(_TEXT.replace(old, new), encoding="utf-8")
    (tmp_path / "area.yaml").write_bytes((_FOLDER / "area.yaml").read_bytes())

    _, faults = compile_file(path, _area())

    assert any(says in fault.message for fault in faults), faults


def test_an_advance_in_chinese_is_the_same(tmp_path: Path) -> None:
    """Key and debtors have Chinese words."""
    path = tmp_path / "injury-advance.yaml"
    chinese = _TEXT.replace("advance_for: third_party", "先行支付: 第三人")
    path.write_text(
        chinese.replace("advance_for: employer", "先行支付: 用人单位"), encoding="utf-8"
    )
    (tmp_path / "area.yaml").write_bytes((_FOLDER / "area.yaml").read_bytes())

    read, faults = compile_file(path, _area())
    held, _ = compile_file(_FOLDER / "injury-advance.yaml", _area())

    assert [] == faults
    assert read is not None
    assert held is not None
    assert held.policy.all_stages == read.policy.all_stages
