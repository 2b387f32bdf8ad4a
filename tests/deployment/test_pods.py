"""A pod as the manifests have it: their settings, secrets as they are mounted, and their probes."""

import http.client
import json
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import pytest
from medsettle.audit import seals
from medsettle.cli.exits import Exit
from ruamel.yaml import YAML

from tests.cli.claim_files import stay, write_claims
from tests.cli.commands import ROOT, command, environment, one_area, run

pytestmark = pytest.mark.slow

_MANIFESTS: Final = ROOT / "engine" / "deployment" / "kubernetes"
_H: Final = "H11000000001"
_SECONDS_MAX: Final = 60


def _objects(path: Path) -> dict[str, dict[str, Any]]:
    found = YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8"))
    return {each["kind"]: each for each in found}


def _made(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each secret by their keys, made by the commands of the page."""
    ca, seal, keys = (folder / name for name in ("ca", "seal", "pseudonyms"))
    for words in (
        ("access", "certificates", "--out", ca, "--server", "medsettle", "--institution", _H),
        ("audit", "key", "log", "--origin", "example.cn/audit/110000", "--out", seal),
        ("privacy", "key", "--pseudonym-keys", keys),
    ):
        ran = run(*words)
        assert Exit.OK == ran.code, ran.err
    again = run("privacy", "key", "--pseudonym-keys", keys)
    assert (Exit.FINDING, True) == (again.code, "privacy rotate" in again.err)
    names = {"tls.crt": "medsettle.pem", "tls.key": "medsettle.key", "ca.crt": "ca.pem"}
    return {
        "medsettle-tls": {name: ca / file for name, file in names.items()},
        "medsettle-seal": {"log.key.pem": seal / "log.key.pem"},
        "medsettle-pseudonyms": {path.name: path for path in keys.iterdir()},
    }


def _mounted(files: dict[str, Path], at: Path) -> None:
    """Lay files where a volume of a secret has them: links to links, read by owner and group."""
    kept = at / "..2026_01_01"
    kept.mkdir(parents=True)
    for name, file in files.items():
        shutil.copy(file, kept / name)
        (kept / name).chmod(0o440)
        (at / name).symlink_to(Path("..data") / name)
    (at / "..data").symlink_to(kept.name)


def _page(address: str) -> str:
    with closing(http.client.HTTPConnection(address, timeout=_SECONDS_MAX)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def _settings(text: str, root: Path) -> Path:
    """Return a file of the same settings, with paths below a folder and free ports of loopback."""
    file = root / "medsettle.toml"
    text = re.sub(r'"0\.0\.0\.0:\d+"', '"127.0.0.1:0"', text)
    file.write_text(text.replace('"/', f'"{root}/'), encoding="utf-8")
    return file


def _persons(path: Path) -> set[str]:
    table = pq.read_table(path)
    return set(table["person"].to_pylist()) if "person" in table.column_names else set()


def _asked(address: str, path: str) -> int:
    with closing(http.client.HTTPConnection(address, timeout=_SECONDS_MAX)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


@pytest.mark.parametrize("name", ["file-ledger", "postgres-ledger"])
def test_a_pod_serves_by_its_manifest(tmp_path: Path, name: str) -> None:
    """Probes say that it is well, calls need a certificate, tables are sealed under its key."""
    kinds = _objects(_MANIFESTS / f"{name}.yaml")
    owner = kinds.get("StatefulSet") or kinds["Deployment"]
    pod = owner["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    places = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    made = _made(tmp_path)
    for volume in pod["volumes"]:
        if "secret" in volume:
            at = tmp_path / places[volume["name"]].lstrip("/")
            _mounted(made[volume["secret"]["secretName"]], at)
    file = _settings(kinds["ConfigMap"]["data"]["medsettle.toml"], tmp_path)
    shutil.move(one_area(tmp_path), tmp_path / "etc" / "medsettle" / "rules")
    words = command(*container["args"][:-1], file)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path
    ) as process:
        try:
            assert process.stdout is not None
            at = json.loads(process.stdout.readline())
            probes = [
                _asked(at["metrics"], container[probe]["httpGet"]["path"])
                for probe in ("startupProbe", "readinessProbe", "livenessProbe")
            ]
            assert "medsettle_seal_behind_entries" in _page(at["metrics"])
            healthy = run("health", "--metrics", at["metrics"], "--json")
            claims = write_claims(tmp_path / "c.json", [stay(1)])
            stranger = run("settle", claims, "--server", at["serving"])
            pair = ("--certificate", tmp_path / "ca" / f"{_H}.pem")
            key = ("--key", tmp_path / "ca" / f"{_H}.key")
            shown = ("--tls-authority", tmp_path / "ca" / "ca.pem", *pair, *key)
            settled = run("settle", claims, "--server", at["serving"], *shown)
        finally:
            process.terminate()
            assert 0 == process.wait(_SECONDS_MAX)
    gone = run("health", "--metrics", at["metrics"])

    assert [200, 200, 200] == probes
    assert (Exit.OK, "SERVING") == (healthy.code, healthy.json["status"])
    assert (Exit.UNAVAILABLE, Exit.OK) == (stranger.code, settled.code), settled.err
    assert (Exit.UNAVAILABLE, True) == (gone.code, "UNREACHABLE" in gone.out)
    assert "refused" in gone.out
    data = tmp_path / "var" / "lib" / "medsettle"
    assert not (data / "keys").exists(), "the mounted key tells persons"
    (made_key,) = (path.stem for path in (tmp_path / "pseudonyms").glob("*.key"))
    written = list((data / "audit").rglob("*.parquet"))
    persons = {person for path in written for person in _persons(path)}
    assert {made_key} == {person.rpartition("-")[0] for person in persons}
    sealed = run(
        "audit",
        "seal",
        "--data",
        data,
        "--now",
        "--origin",
        "example.cn/audit/110000",
        "--key",
        tmp_path / "etc/medsettle/seal/log.key.pem",
    )
    assert (Exit.OK, 1) == (sealed.code, len(seals.checkpoint_paths(data / "audit"))), sealed.err
