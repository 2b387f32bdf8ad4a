"""What a trial says is wrong: by the label and in the unit of the field, and at the top."""

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.core.money import yuan_from_fen
from medsettle.identity.roles import Role

from tests.console.conftest import Window
from tests.console.test_trial import _form, _json, _line

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_CHINESE = {"accept-language": "zh-CN"}
_MOST = yuan_from_fen(limits.LINE_AMOUNT_FEN_MAX)
_BORN_FROM = limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX
_FULL = {"quantity_e4": "100", "unit_price_e6": "10000000"}
"""Of a line of the greatest amount: so many units at the greatest price."""


def _parts(content: str) -> tuple[str, str]:
    """Return what is told above the form, and the form."""
    above, _, form = content.partition('id="claim"')
    return html.unescape(above), html.unescape(form)


def _beside(form: str, name: str) -> str:
    """Return the errors beside a field of a form."""
    end = "</td>" if name.startswith("lines") else "</div>"
    field = form.partition(f'name="{name}"')[2].partition(end)[0]
    return " ".join(re.findall(r"<li>(.*?)</li>", field))


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_amount_beyond_its_bound_is_told_in_yuan(client_as: ClientAs, beyond: int) -> None:
    """One fen more than a line may have, at the field and above, with a way from there."""
    amount = yuan_from_fen(limits.LINE_AMOUNT_FEN_MAX + beyond)
    content = client_as(Role.ACTUARY).post("/trial/", _form({}, _line(amount, **_FULL)))
    above, form = _parts(content.content.decode())
    said = f"{amount} yuan is out of bounds; write -{_MOST} to {_MOST} yuan"

    assert (said if beyond else "") == _beside(form, "lines-1-amount_fen")
    link = f'<a href="#id_lines-1-amount_fen">line 2 · amount, yuan</a>: {said}'
    assert bool(beyond) == (link in above)
    assert str(limits.LINE_AMOUNT_FEN_MAX + beyond) not in above
    assert "amount_fen</code>" not in above


@pytest.mark.parametrize("beyond", [0, 1])
@pytest.mark.parametrize(
    ("name", "most", "decimals", "said"),
    [
        pytest.param(
            "quantity_e4", limits.QUANTITY_E4_MAX, 4, "write -1000000 to 1000000", id="quantity"
        ),
        pytest.param(
            "unit_price_e6", limits.UNIT_PRICE_E6_MAX, 6, "write 0 to 10000000 yuan", id="price"
        ),
    ],
)
def test_a_number_beyond_its_bound_is_told_as_it_was_written(
    client_as: ClientAs, name: str, most: int, decimals: int, said: str, beyond: int
) -> None:
    """A quantity in units, a price in yuan; that both do not make the amount is another fault."""
    number = f"{most + beyond:0{decimals}d}"
    text = f"{number[:-decimals]}.{number[-decimals:]}"
    form = _form(_line(**{"quantity_e4": "1", "unit_price_e6": "1", name: text}))
    content = client_as(Role.ACTUARY).post("/trial/", form).content.decode()

    assert bool(beyond) == (said in _beside(_parts(content)[1], f"lines-0-{name}"))


def test_faults_are_told_in_chinese(client_as: ClientAs) -> None:
    """Bounds, what is missing, no code, no date; what only the engine says is marked English."""
    lines = (_line("1000000000.01", **_FULL), _line(approval="9", fee_date="x"), {"item_code": "1"})
    form = _form(*lines, birth_date="1066-01-01", person="", admission_date="2026-03-10")
    content = client_as(Role.ACTUARY).post("/trial/", form, headers=_CHINESE).content.decode()
    above, below = _parts(content)

    told = {
        "lines-0-amount_fen": f"1,000,000,000.01 元超出范围；请填写 -{_MOST} 元至 {_MOST} 元",
        "lines-1-approval": "9 不在代码之列；请从列表中选择",
        "lines-1-fee_date": "x 不是日期；请按 2024-05-01 的样式填写",
        "lines-2-amount_fen": "未填写；此项必填",
        "birth_date": f"1066-01-01 超出范围；年份应为 {_BORN_FROM} 至 {limits.SERVICE_YEAR_MAX}",
        "person": "未填写；此项必填",
    }
    assert told == {name: _beside(below, name) for name in told}
    assert '<a href="#id_lines-0-amount_fen">明细 1 · 明细项目费用总额（元）</a>：' in above
    english = '<span lang="en">2026-03-10 lies after the service date 2026-03-09</span>'
    assert english == _beside(below, "admission_date")
    assert english in above


def test_a_fault_of_all_lines_is_told_above(client_as: ClientAs) -> None:
    """Under the heading they stand below; a list of codes tells which of them in its field."""
    lines = [_line(_MOST.replace(",", ""), **_FULL)] * 2
    form = _form(*lines, benefit_groups="fine, f\u00fcr")
    above, below = _parts(client_as(Role.ACTUARY).post("/trial/", form).content.decode())

    assert "<li>Lines: 2000000000.00 yuan in all, more than 1000000000.00" in above
    assert "expected printable ASCII" in _beside(below, "benefit_groups")


def test_a_line_of_json_keeps_its_number(client_as: ClientAs) -> None:
    """Also behind one that is none at all."""
    content = client_as(Role.ACTUARY).post(
        "/trial/",
        {"do": "read", "json": _json(5, {"line_id": "2", "amount_fen": 10**11 + 1})},  # type: ignore[arg-type]
    )
    above, below = _parts(content.content.decode())

    assert "line 1: expected a line, found int" in above
    assert "1,000,000,000.01 yuan is out of bounds" in _beside(below, "lines-1-amount_fen")
    assert '<a href="#id_lines-1-amount_fen">line 2 · amount, yuan</a>' in above


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        pytest.param("{", "json", "it is no JSON in line 1", id="no-json"),
        pytest.param("", "json", "Paste a claim as JSON", id="nothing"),
        pytest.param("[{}, {}]", "which", "say which one is tried, from 1 to 2", id="which"),
    ],
)
def test_a_fault_of_the_text_stands_at_its_field(
    client_as: ClientAs, text: str, field: str, said: str
) -> None:
    """And above the form, with a way to it; what was typed is kept."""
    given = {"do": "read", "json": text, "which": "7"}
    above, form = _parts(client_as(Role.ACTUARY).post("/trial/", given).content.decode())
    other = "which" if field == "json" else "json"

    assert said in _beside(form, field)
    assert "" == _beside(form, other)
    assert f'aria-describedby="{field}-fault"' in form
    assert re.search(rf'<a href="#{field}">[^<]+</a>: [^<]*{said}', above)
    assert 'name="which" min="1" size="4" value="7"' in form


def test_rules_that_cannot_be_are_told_above_too(client_as: ClientAs) -> None:
    """With the label of their field, and in Chinese what comes from the form's own library."""
    form = _form(_line(), known_on="then")
    client = client_as(Role.ACTUARY)
    above = _parts(client.post("/trial/", form).content.decode())[0]
    chinese = _parts(client.post("/trial/", form, headers=_CHINESE).content.decode())[0]

    assert re.search(r'<a href="#id_known_on">[^<]+</a>: Enter a valid date', above)
    assert re.search(r'<a href="#id_known_on">[^<]+</a>： 输入一个有效的日期', chinese)


@pytest.mark.slow
def test_the_way_to_a_field_leads_there(window: Window) -> None:
    """The field is in the window, and the keyboard goes on from it."""
    page = window.open("/trial/")
    page.fill("[name=lines-0-amount_fen]", "1,5")
    page.keyboard.press("Enter")
    page.click("text=line 1 · amount, yuan")

    assert page.evaluate("document.querySelector(':target').name") == "lines-0-amount_fen"
    # That the page was refused is what was provoked.
    window.complaints.clear()
