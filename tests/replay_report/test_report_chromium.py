"""A browser shows the page: on a screen, on a narrow one, in the dark, and on paper."""

import shutil
import subprocess
from pathlib import Path

import pytest
from medsettle.replay.compare_folders import Results
from medsettle.replay.report import write_report

from tests.replay_report.conftest import Replayed

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> str:
    """Return the path of a Chromium."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no chromium: `apt-get install chromium` has pages shown by a browser")
    return found


@pytest.fixture(scope="module")
def page(replayed: Replayed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the small replay."""
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    return write_report(results, tmp_path_factory.mktemp("shown")).page


def _run(browser: str, folder: Path, *options: str) -> str:
    """Return what a browser without a window and without a network says on its standard output."""
    always = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run")
    offline = ("--proxy-server=127.0.0.1:9", "--disable-background-networking")
    told = subprocess.run(
        [browser, *always, *offline, f"--user-data-dir={folder / 'profile'}", *options],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return told.stdout


def test_a_browser_lays_the_page_out(browser: str, page: Path, tmp_path: Path) -> None:
    """Nothing is wider than a narrow screen but what scrolls for itself; charts have a size.

    Heads begin right below what stands above their table, however tall one out of sight is, and a
    line says that tables scroll.

    The page runs no script, so the question is asked from a page around it.
    """
    around = page.with_name("around.html")
    around.write_text(_AROUND.replace("PAGE", page.name), encoding="utf-8")

    told = _run(
        browser,
        tmp_path,
        "--allow-file-access-from-files",
        "--virtual-time-budget=10000",
        "--dump-dom",
        around.as_uri(),
    )

    wanted = "<title>0 too wide, 16 charts, least 300, 0 heads below a band, hint shown</title>"
    assert wanted in told, told[:400]


_AROUND = """<!DOCTYPE html><title>waiting</title>
<iframe src="PAGE" style="width:420px;height:900px;border:0"></iframe>
<script>
document.querySelector("iframe").onload = (event) => {
  const page = event.target.contentDocument;
  const charts = [...page.querySelectorAll("svg")].map((each) => each.getBoundingClientRect());
  const least = Math.min(...charts.map((each) => each.width));
  const whole = page.documentElement;
  const low = [...page.querySelectorAll("thead th")].filter((each) => {
    const words = page.createRange();
    words.selectNodeContents(each);
    const band = words.getBoundingClientRect().top - each.parentNode.getBoundingClientRect().top;
    return band > 20;
  });
  const hint = page.querySelector("p.narrow");
  document.title = whole.scrollWidth - whole.clientWidth + " too wide, " + charts.length +
    " charts, least " + Math.floor(least / 100) * 100 + ", " + low.length +
    " heads below a band, hint " + (hint && hint.offsetHeight ? "shown" : "hidden");
};
</script>"""


@pytest.mark.parametrize("size", ["1280,2000", "500,2000"])
def test_a_browser_draws_the_page(browser: str, page: Path, tmp_path: Path, size: str) -> None:
    """A picture at the width of a desk and at a narrow one, with more in it than paper."""
    shot = tmp_path / "shot.png"
    _run(browser, tmp_path, f"--window-size={size}", f"--screenshot={shot}", page.as_uri())

    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 50_000


def test_a_browser_prints_the_page(browser: str, page: Path, tmp_path: Path) -> None:
    """On sheets of A4: 595 by 842 points."""
    paper = tmp_path / "paper.pdf"
    _run(browser, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    raw = paper.read_bytes()

    assert raw.startswith(b"%PDF")
    assert raw.count(b"/Type /Page\n") + raw.count(b"/Type/Page\n") > 5
    assert b"/MediaBox [0 0 594.95996 841.91998]" in raw or b"/MediaBox [0 0 595" in raw
