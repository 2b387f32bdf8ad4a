"""The site is made of all pages without a fault, and reads without a network."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.cli.commands import ROOT, environment
from tests.guides.reading import GUIDES

pytestmark = pytest.mark.slow

# What a browser fetches by itself; a link that somebody may follow is none of it.
_FETCHED: Final = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["'](?:https?:)?//[^"']+"""
    r"""|<link\b(?![^>]*\brel=["'](?:canonical|next|prev|author|search)["'])"""
    r"""[^>]*\bhref=["'](?:https?:)?//[^"']+"""
    r"""|(?:@import|url\()\s*["']?(?:https?:)?//[^"')]+""",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the site as `make site` does: a warning, such as of a link that leads nowhere, fails."""
    out = tmp_path_factory.mktemp("site")
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-c", "engine/site", ".", str(out)]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(),
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr)
    return out


def test_every_guide_and_decision_is_a_page(site: Path) -> None:
    """So are the pages that are generated; the first one leads to the guides."""
    pages = [*GUIDES.glob("*.md"), *(ROOT / "engine").glob("*.md")]
    pages += (ROOT / "engine" / "decisions").glob("*.md")
    missing = [
        page.name
        for page in pages
        if not (site / page.relative_to(ROOT)).with_suffix(".html").is_file()
    ]

    assert [] == missing
    assert "engine/guides/index.html" in (site / "index.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No page, style or script names something of another machine that a browser would load."""
    fetched = {
        f"{file.relative_to(site)}: {found[0]}"
        for file in site.rglob("*")
        if file.suffix in {".html", ".css"}
        for found in _FETCHED.finditer(file.read_text(encoding="utf-8"))
    }

    assert set() == fetched


@pytest.mark.parametrize(
    "asset",
    [
        '<script src="https://cdn.example.com/a.js">',
        '<link rel="stylesheet" href="//cdn.example.com/a.css">',
        "@import 'https://cdn.example.com/a.css'",
        "url(https://cdn.example.com/a.woff2)",
        '<img alt="" src="http://example.com/a.png">',
    ],
)
def test_what_would_be_fetched_is_known(asset: str) -> None:
    """The look for what is fetched finds each kind of it, and no mere link."""
    assert _FETCHED.search(asset)
    assert not _FETCHED.search('<a href="https://example.com/">there</a>')
