"""Every page stands in a browser, and soon: at a million settlements as with a day of them."""

import json
from statistics import median
from typing import Final

import pytest
from medsettle.core.settlement import Settlement

from tests.console.conftest import AREA, DAY, Day, Window

pytestmark = pytest.mark.slow

# Told by the browser itself: what is asked again and again is evaluated, which the pages forbid.
_PAINTED: Final = """() => new Promise(tell => new PerformanceObserver(list => {
  const [found] = list.getEntriesByName('first-contentful-paint');
  if (found) tell(found.startTime);
}).observe({type: 'paint', buffered: true}))"""
_ROUNDS: Final = 3
_MS_MAX: Final = 500


def _paths(day: Day) -> dict[str, str]:
    """Return every page by what it shows, with lists narrowed in each way."""
    one: Settlement = day.settled[5]
    columns = one.columns
    institution, settlement = columns["institution"], columns["settlement"]
    far = int(str(columns["seq"])) // 2
    listed = "/settlements/?"
    return {
        "today": "/today/",
        "settlements, the newest": "/settlements/",
        "settlements, half way down": f"{listed}before={far}",
        "settlements of an institution": f"{listed}institution={institution}",
        "settlements of an area": f"{listed}pooling_area={AREA}",
        "settlements of one kind, cancels": f"{listed}kind=cancel",
        "settlements of one kind, settled": f"{listed}kind=settle",
        "settlements of a kind that there is none of": f"{listed}kind=adjust",
        "settlements of a day of service": f"{listed}service_date={DAY}",
        "settlements of a day and institution": (
            f"{listed}service_date={DAY}&institution={institution}"
        ),
        "settlements of a day without any": f"{listed}service_date=1999-12-31",
        "search by settlement": f"{listed}q={settlement}",
        "search by request id alone": f"{listed}q={columns['request_id']}",
        "search by request id and institution": (
            f"{listed}q={columns['request_id']}&institution={institution}"
        ),
        "search by person": f"{listed}q={columns['person']}",
        "search for nothing": f"{listed}q=nothing-is-called-so",
        "a settlement": f"/settlements/{settlement}",
        "a slip": f"/settlements/{settlement}/slip",
        "try a claim": "/trial/",
        "policies": "/policies/",
        "a policy": f"/policies/named/{columns['policy']}/",
        "drafts": "/policies/drafts/",
        "reconciliation": "/reconciliation/",
        "runs": "/reconciliation/runs/",
        "new run": "/reconciliation/runs/begin",
        "clearing": "/clearing/",
        "close a month": "/clearing/close",
        "notices": "/clearing/notices",
        "bank": "/clearing/bank",
        "prepayments": "/clearing/prepayments",
        "hospitals": "/clearing/hospitals",
        "statements": "/clearing/statements",
        "replays": "/replays/",
        "new replay": "/replays/new",
        "audit": "/audit/",
        "query": "/audit/query/",
        "access": "/audit/access/",
        "people": "/people/",
    }


def test_every_page_is_painted_soon(
    window: Window, day: Day, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its heading stands; with `--console-settlements` the middle of three paints is in time.

    The first of the three may have to read rules or make what later ones find, and is told beside.
    """
    large = pytestconfig.getoption("--console-settlements") > 0
    paints: dict[str, list[int]] = {}
    for name, path in _paths(day).items():
        for _ in range(_ROUNDS if large else 1):
            page = window.open(path)
            assert 1 == page.locator("h1").count(), name
            painted = page.evaluate(_PAINTED)
            paints.setdefault(name, []).append(round(painted))
    # The search for nothing answers that nothing is there, of which a browser complains.
    assert all("404" in each for each in window.complaints), window.complaints
    window.complaints.clear()
    if large:
        with capsys.disabled():
            pytestconfig.get_terminal_writer().line(json.dumps(paints, indent=1))
        late = {name: each for name, each in paints.items() if median(each) >= _MS_MAX}
        assert {} == late
