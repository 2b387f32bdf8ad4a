"""The wheel has everything that a server needs: installed alone it serves and settles."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from medsettle.client import Client

from tests.cli.commands import ROOT
from tests.engine.engines import RULES
from tests.service.claims import claim

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this source, made without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    """Templates, styles, translations, migrations, vocabularies: what is tracked is in it."""
    package = ROOT / "engine"
    expected = {
        path.relative_to(package).as_posix()
        for path in (package / "medsettle").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert expected == found
    for needed in (".html", ".css", ".js", ".mo", ".sql", ".yaml", "py.typed"):
        assert any(name.endswith(needed) for name in found), needed


def test_an_installed_wheel_serves_and_settles(wheel: Path, tmp_path: Path) -> None:
    """Installed without an index into a folder of its own, it is what is imported and served."""
    site = tmp_path / "site"
    install = ("install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel))
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PYTHONPATH": str(site),
    }
    where = [sys.executable, "-c", "import medsettle.console as c; print(c.__file__)"]
    told = subprocess.run(where, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert told.stdout.decode().startswith(str(site))

    words = [sys.executable, str(site / "bin" / "medsettle"), "serve", "--json"]
    words += ["--rules", str(RULES), "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        try:
            address = json.loads(process.stdout.readline())["serving"]
            with Client(address) as client:
                settled = client.settle(claim(1))
                assert settled == client.get(str(settled.columns["settlement"]))
        finally:
            process.terminate()
            assert 0 == process.wait(60)
    assert (tmp_path / "data" / "ledger.db").is_file()
