"""Take the pictures of the console that the README shows: `make pictures`.

    python engine/generate_pictures.py OUT

A demonstration day is settled, two invented books are reconciled, a console is started before both,
and a browser (Chromium, `apt-get install chromium`) looks at two pages.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_ROOT: Final = Path(__file__).parents[1]
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BOOKS: Final = ("--rows", "20000", "--differences", "200", "--seed", "9")
# The published stay that the README begins with.
_STAY_FEN: Final = 18_908_585


def main() -> None:
    """Write the pictures into a folder."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _medsettle("demo", "--keep", str(data))
        books = Path(folder) / "books"
        _medsettle("reconcile", "make-books", str(books), *_BOOKS)
        named = ("--insured", str(books / "insured.parquet"), "--care", str(books / "care.parquet"))
        _medsettle("reconcile", "run", *named, "--data", str(data), finds=True)
        with _console(data) as told:
            _take(told, _settlement(data), out)


def _medsettle(*arguments: str, finds: bool = False) -> None:
    words = (sys.executable, "-m", "medsettle.cli", *arguments)
    done = subprocess.run(words, cwd=_ROOT, capture_output=True, check=False)  # noqa: S603 - ours
    if done.returncode not in ({0, 1} if finds else {0}):
        raise SystemExit(f"medsettle {' '.join(arguments)}: {done.stderr.decode()}")


def _settlement(data: Path) -> str:
    from medsettle.audit import query  # noqa: PLC0415 - once the tables are there

    asked = "select settlement from settlements where total_fen = ? and kind = 'settle' limit 1"
    with query.connect(data / "audit") as audit:
        return str(audit.execute(asked, [_STAY_FEN]).fetchall()[0][0])


@contextmanager
def _console(data: Path) -> Iterator[dict[str, Any]]:
    words = (sys.executable, "-m", "medsettle.cli", "console", "--json", "--data", str(data))
    with subprocess.Popen(  # noqa: S603 - our own command
        (*words, "--listen", "127.0.0.1:0"), cwd=_ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _take(told: dict[str, Any], settlement: str, out: Path) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - starts slowly

    base = f"http://{told['console']}"
    browser_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser_path is None:
        raise SystemExit("no Chromium; apt-get install chromium has pages shown by a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        for name, path, scheme in (
            ("settlement", f"/settlements/{settlement}", "light"),
            ("differences", "/reconciliation/", "dark"),
        ):
            context = browser.new_context(
                viewport={"width": 1240, "height": 860},
                locale="en-US",
                color_scheme="light" if scheme == "light" else "dark",
            )
            page = context.new_page()
            _sign_in(page, base, told)
            page.goto(base + path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=out / f"{name}.png")
            context.close()
        browser.close()


def _sign_in(page: "Page", base: str, told: dict[str, Any]) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("#id_username", told["name"])
    page.fill("#id_password", told["password"])
    page.click("input[type=submit]")
    page.wait_for_url("**/today/")


if __name__ == "__main__":
    main()
