"""Queries of an auditor: what they may take, and what is answered."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.identity.roles import Role

from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]

# Long enough for a machine that does ten other things; what nothing ends takes hours.
_SECONDS_MAX = 120


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("select list_sum(range(300000000))", id="a-list"),
        pytest.param(
            "select levenshtein(repeat('a', 600000), repeat('b', 600000))", id="inside-one-call"
        ),
    ],
)
def test_a_query_that_nothing_interrupts_is_ended(day: Day, sql: str) -> None:
    """With its process, whose time and memory are bounded by the system."""
    script = """
import resource, sys
from pathlib import Path
from medsettle.console.asking import ask
try:
    ask(Path(sys.argv[1]), sys.argv[2])
except Exception as error:
    print(error)
for who in resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN:
    print(resource.getrusage(who).ru_maxrss)
"""
    words = [sys.executable, "-c", script, str(day.data / "audit"), sql]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS_MAX)
    *said, own, others = told.stdout.splitlines()

    assert re.search("took more than 10 seconds|memory", " ".join(said), re.IGNORECASE)
    # The program itself is in memory besides.
    assert max(int(own), int(others)) * 1024 < limits.CONSOLE_QUERY_MEMORY_BYTES_MAX * 3 // 2


def test_values_of_every_kind_are_answered(client_as: ClientAs) -> None:
    """Numbers as numbers, whatever their size; times in China's, and what is none of these."""
    sql = (
        "select 170141183460469231731687303715884105727 as a, -1.50::decimal(9, 2) as b, true as c,"
        " null as d, 'nan'::double as e, timestamptz '2026-03-10 00:00:00+00' as f,"
        " date '2026-03-10' as g, [1, 2] as h, '-x' as i"
    )
    answer = client_as(Role.AUDITOR).get("/audit/query/", {"sql": sql, "as": "csv"})
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    row = next(csv.reader(io.StringIO(content.splitlines()[1])))

    assert ["170141183460469231731687303715884105727", "-1.50", "True", "", "NaN"] == row[:5]
    assert ["2026-03-10 08:00:00.000+08:00", "2026-03-10", "[1, 2]", "'-x"] == row[5:]
