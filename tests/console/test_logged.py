"""What is written down of who asked for what."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.identity.roles import Role

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


def _log() -> list[tuple[str, str, int]]:
    from medsettle.console.models import Access  # noqa: PLC0415 - Django is set up by the fixture

    found = Access.objects.order_by("id")
    return [(each.page, each.query, each.status) for each in found]


def test_a_query_is_written_down_whole(client_as: ClientAs) -> None:
    """However long the address before it is, and however long it is itself."""
    client = client_as(Role.AUDITOR)
    sql = "select 'the end' --".ljust(limits.CONSOLE_QUERY_CHARS_MAX - 1, "x") + "y"
    pad = "x" * limits.CONSOLE_PATH_CHARS_MAX
    client.get("/audit/query/", {"pad": pad, "sql": sql})
    client.get("/audit/query/", {"sql": sql + "z"})
    client.get("/audit/", {"sql": sql})
    log = _log()
    shown = client.get("/audit/access/").content.decode()
    answer = client.get("/audit/access/csv")
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert [("audit-query", sql, 200), ("audit-query", sql, 400), ("audit", "", 200)] == log
    assert sql.removeprefix("select 'the end'") in shown
    assert sql in content


@pytest.mark.parametrize(
    ("role", "path", "asked_by", "written"),
    [
        pytest.param(Role.CLEARING, "/today/day", {"X-Requested-With": "fetch"}, [], id="page"),
        pytest.param(Role.CLEARING, "/today/day", {}, [200], id="person"),
        pytest.param(
            Role.POLICY_OFFICER,
            "/clearing/months/2026-03/figures",
            {"X-Requested-With": "fetch"},
            [403],
            id="refused",
        ),
    ],
)
def test_what_a_page_polls_is_not_written_down(
    client_as: ClientAs, role: Role, path: str, asked_by: dict[str, str], written: list[int]
) -> None:
    """But what somebody opens by its address is, and so is every refusal."""
    client_as(role).get(path, headers=asked_by)

    assert written == [status for _page, _query, status in _log()]
