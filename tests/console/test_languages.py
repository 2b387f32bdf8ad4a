"""English texts of the engine and of libraries on Chinese pages: marked, and said to be so."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.cli.commands import RULES
from tests.console.conftest import AREA, Day, looking_at

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_CHINESE = {"accept-language": "zh-CN"}
_LEAD = "系统原文（英文）："


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        pytest.param("the line is missing; send it", True, id="english"),
        pytest.param("no stage is called '统筹基金'; did you mean pooled_fund?", True, id="quotes"),
        pytest.param("没有编号为 920001-2026-03 的通知书", False, id="chinese"),
        pytest.param("找不到 /data/audit/day 1/part.parquet", False, id="a-path"),
        pytest.param("1,300.00", False, id="an-amount"),
        pytest.param(["没有", "it is not there"], True, id="one-of-several"),
        pytest.param([], False, id="none"),
    ],
)
def test_what_is_english_on_a_chinese_page(
    looking: Holdings, text: object, *, foreign: bool
) -> None:
    """By its words, not by names that it quotes; on an English page nothing is foreign."""
    from django.utils import translation  # noqa: PLC0415 - Django is set up by the fixture
    from medsettle.console.languages import as_said, is_foreign, marked  # noqa: PLC0415

    with translation.override("zh-hans"):
        assert foreign == is_foreign(text)
        if isinstance(text, str):
            span = f'<span lang="en">{html.escape(text)}</span>' if foreign else text
            assert span == marked(text)
            assert (f"{_LEAD} {span}" if foreign else text) == as_said(text)
    with translation.override("en"):
        assert not is_foreign(text)
        assert str(text) == marked(text) == as_said(text)


def test_an_error_of_the_engine_is_marked(client_as: ClientAs) -> None:
    """On the page that stands instead of one; a message of the console is Chinese itself."""
    client = client_as(Role.POLICY_OFFICER)
    found = client.get("/policies/named/none/", headers=_CHINESE).content.decode()
    console = client.get("/trial/?policy=beijing-employee-inpatient&example=x", headers=_CHINESE)
    english = client.get("/policies/named/none/").content.decode()

    assert re.search(rf'<p>{_LEAD} <span lang="en">[^<]*none[^<]*</span></p>', found)
    assert _LEAD not in console.content.decode()
    assert 'lang="en"' not in english.partition("<main")[2]


def test_faults_of_a_draft_are_marked_one_by_one(client_as: ClientAs) -> None:
    """After one line that says what they are."""
    text = (RULES / AREA / "employee-inpatient.yaml").read_text(encoding="utf-8")
    given = {"document": text.replace("1300元", "x").replace("85%", "y")}
    answer = client_as(Role.POLICY_OFFICER).post(
        "/policies/drafts/new", given, headers=_CHINESE, follow=True
    )
    faults = answer.content.decode().partition('<ol class="faults">')

    assert faults[0].endswith(f'<p class="quiet">{_LEAD}</p>\n')
    items = faults[2].partition("</ol>")[0].split("<li>")[1:]
    assert items
    assert [] == [each for each in items if '<br><span lang="en">' not in each]


def test_what_the_database_says_of_a_query_is_marked(client_as: ClientAs) -> None:
    """DuckDB speaks English; nothing of what it quotes becomes markup."""
    asked = {"sql": 'select 1 as "<b>" from nowhere'}
    content = client_as(Role.AUDITOR).get("/audit/query/", asked, headers=_CHINESE).content.decode()

    said = re.search(rf'<li class="pre">{_LEAD} <span lang="en">(.*?)</span></li>', content, re.S)
    assert said
    assert "nowhere" in said[1]
    assert "<b>" not in said[1]


def test_trouble_of_today_is_marked(client_as: ClientAs, day: Day, tmp_path: Path) -> None:
    """A manifest that somebody changed."""
    audit = tmp_path / "audit"
    audit.mkdir()
    (audit / "manifest.jsonl").write_bytes(json.dumps({"number": 1}).encode() + b"\n")
    client = client_as(Role.AUDITOR)
    with looking_at(replace(day.place(), audit=audit)):
        content = client.get("/today/day", headers=_CHINESE).content.decode()

    assert re.search(rf'role="alert">{_LEAD} <span lang="en">[^<]*manifest.jsonl', content)
