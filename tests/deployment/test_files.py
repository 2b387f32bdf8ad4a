"""What is deployed names nothing that is not there: options, settings, ports, files, packages."""

import configparser
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployment import locks
from medsettle.cli.exits import Exit
from medsettle.cli.serve_command import identity_of
from medsettle.configuration.reading import effective
from medsettle.configuration.setting import Kind
from medsettle.configuration.table import BY_NAME, OTHER_VARIABLES
from ruamel.yaml import YAML

from tests.cli.commands import ROOT, run

_DEPLOYMENT = ROOT / "engine" / "deployment"
_MANIFESTS = sorted((_DEPLOYMENT / "kubernetes").glob("*.yaml"))
_UNIT = _DEPLOYMENT / "medsettle@.service"
_CONTAINER = (_DEPLOYMENT / "Containerfile").read_text(encoding="utf-8")
_PORTS = {50051: "listen", 9464: "metrics"}
_PROBES = {"startupProbe": "/livez", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
_ETC = Path("/etc/medsettle")
# What a server of a production site states beside its rules, data and addresses.
_GUARDED = (
    *("tls_certificate", "tls_key", "tls_authority", "seal_key", "seal_origin", "pseudonym_keys"),
    *("log", "slow", "metrics"),
)


def _objects(path: Path) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))


def _of_kind(path: Path, *kinds: str) -> list[dict[str, Any]]:
    return [each for each in _objects(path) if each["kind"] in kinds]


def _pods(path: Path) -> Iterator[dict[str, Any]]:
    for each in _of_kind(path, "StatefulSet", "Deployment"):
        yield each["spec"]["template"]["spec"]


def _settings(text: str, folder: Path) -> dict[str, str]:
    file = folder / "medsettle.toml"
    file.write_text(text, encoding="utf-8")
    found = effective(file, {})
    return {name: str(found.values[name]) for name in found.values}


@pytest.mark.parametrize("path", _MANIFESTS, ids=lambda path: path.stem)
def test_manifests_lock_their_pods(path: Path) -> None:
    """Not root, a root that cannot be written, no rights, no token, bounds, and probes."""
    pods = list(_pods(path))
    assert 1 == len(pods)
    for pod in pods:
        assert not pod["automountServiceAccountToken"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert "RuntimeDefault" == pod["securityContext"]["seccompProfile"]["type"]
        for container in pod["containers"]:
            locked = container["securityContext"]
            assert locked["readOnlyRootFilesystem"]
            assert not locked["allowPrivilegeEscalation"]
            assert ["ALL"] == locked["capabilities"]["drop"]
            assert "memory" in container["resources"]["limits"]
            ports = {each["name"]: each["containerPort"] for each in container["ports"]}
            for probe, told in _PROBES.items():
                # At the port of calls a certificate would have to be shown.
                asked = container[probe]["httpGet"]
                assert (told, "metrics") == (asked["path"], _PORTS[ports[asked["port"]]])


@pytest.mark.parametrize("path", _MANIFESTS, ids=lambda path: path.stem)
def test_what_manifests_name_exists(path: Path, tmp_path: Path) -> None:
    """Volumes, secrets, ports, options and settings are those that are there."""
    kinds = {each["kind"]: each for each in _objects(path)}
    assert {"ServiceAccount", "ConfigMap", "Service", "NetworkPolicy"} <= set(kinds)
    settings = _settings(kinds["ConfigMap"]["data"]["medsettle.toml"], tmp_path)
    (pod,) = _pods(path)
    (container,) = pod["containers"]
    volumes = {each["name"] for each in pod["volumes"]}
    volumes |= {
        each["metadata"]["name"]
        for owner in _of_kind(path, "StatefulSet")
        for each in owner["spec"]["volumeClaimTemplates"]
    }
    assert volumes == {each["name"] for each in container["volumeMounts"]}
    assert settings["data"] in {each["mountPath"] for each in container["volumeMounts"]}
    assert settings["rules"] in {each["mountPath"] for each in container["volumeMounts"]}
    for each in container["ports"]:
        assert settings[_PORTS[each["containerPort"]]].endswith(f":{each['containerPort']}")
    opened = {each["containerPort"] for each in container["ports"]}
    assert opened == {each["port"] for each in kinds["Service"]["spec"]["ports"]}
    allowed = [rule["ports"] for rule in kinds["NetworkPolicy"]["spec"]["ingress"]]
    assert opened == {each["port"] for ports in allowed for each in ports}
    assert opened <= {int(port) for port in re.findall(r"\d+", _line(_CONTAINER, "EXPOSE"))}
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    secret = {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each}
    assert secret.keys() == {"tls", "seal", "pseudonyms"}
    # For nobody but the account: fsGroup lets its group read what root owns.
    assert {0o400} == {each["defaultMode"] for each in secret.values()}
    for name in _GUARDED:
        assert settings[name] not in {"", "None", "0"}, name
        if BY_NAME[name].kind is Kind.PATH and name != "pseudonym_keys":
            assert mounted[str(Path(settings[name]).parent)] in secret, name
    assert mounted[settings["pseudonym_keys"]] in secret
    for each in container.get("env", []):
        assert each["name"] in {setting.variable for setting in BY_NAME.values()}
        named = each["valueFrom"]["secretKeyRef"]
        assert named["name"] == kinds["Secret"]["metadata"]["name"]
        assert named["key"] in kinds["Secret"]["stringData"]
    _assert_options_exist(container["args"])
    grace = pod["terminationGracePeriodSeconds"]
    assert int(settings["drain_seconds"]) + 60 <= grace


def test_pods_of_a_shared_ledger_go_one_after_another() -> None:
    """One more than there are to be, none fewer, and no drain of machines takes the last one."""
    path = _DEPLOYMENT / "kubernetes" / "postgres-ledger.yaml"
    (deployment,) = _of_kind(path, "Deployment")
    (budget,) = _of_kind(path, "PodDisruptionBudget")

    assert {"maxSurge": 1, "maxUnavailable": 0} == deployment["spec"]["strategy"]["rollingUpdate"]
    assert 2 <= deployment["spec"]["replicas"]
    assert 1 == budget["spec"]["minAvailable"]
    assert deployment["spec"]["selector"] == budget["spec"]["selector"]


def test_a_ledger_in_a_file_has_one_pod() -> None:
    """Two writers are a mistake, so there is one pod and a volume that one pod mounts."""
    path = _DEPLOYMENT / "kubernetes" / "file-ledger.yaml"
    (owner,) = _of_kind(path, "StatefulSet")
    (claim,) = owner["spec"]["volumeClaimTemplates"]

    assert 1 == owner["spec"]["replicas"]
    assert ["ReadWriteOncePod"] == claim["spec"]["accessModes"]


def test_the_unit_is_hardened_and_names_what_exists() -> None:
    """Sections and keys are known, the command exists, and nothing it needs is forbidden."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(_UNIT.read_text(encoding="utf-8"))
    service = parser["Service"]

    assert {"Unit", "Service", "Install"} == set(parser.sections())
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/medsettle")
    _assert_options_exist(words)
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RemoveIPC"):
        assert "yes" == service[name], name
    assert "strict" == service["ProtectSystem"]
    assert "" == service["CapabilityBoundingSet"]
    # Machine code is made in memory: it may be written and run.
    assert "MemoryDenyWriteExecute" not in service
    assert service["Environment"].partition("=")[0] in OTHER_VARIABLES
    state = effective(_DEPLOYMENT / "medsettle.toml", {}).path("data")
    assert Path("/var/lib") / service["StateDirectory"] == state
    drain = effective(_DEPLOYMENT / "medsettle.toml", {}).number("drain_seconds")
    assert drain + 60 <= int(service["TimeoutStopSec"])


def test_the_example_states_what_a_production_site_does() -> None:
    """Who calls, who signs, whose pseudonyms, what is logged; nothing lets everybody in.

    What it names lies in /etc, and its absence there is all that is wrong.
    """
    file = _DEPLOYMENT / "medsettle.toml"
    checked = run("config", "check", file, "--json")
    found = effective(file, {})

    if checked.code != Exit.OK:
        assert [] == [each for each in checked.json["messages"] if "does not exist" not in each]
    for name in (*_GUARDED, "revoked", "access_tokens", "token_listen", "drain_seconds"):
        assert found.values[name], name
        assert str(file) in found.origins[name], name
    assert not found.truth("insecure")
    assert found.path("tls_certificate") == _ETC / "tls" / "tls.crt"
    identity_of(found).check(found.text("listen") or "", has_peers_beside=False)
    for port in re.findall(r'"0\.0\.0\.0:(\d+)"', file.read_text(encoding="utf-8")):
        assert port in _line(_CONTAINER, "EXPOSE").split(), port


def test_commands_of_the_page_exist() -> None:
    """Each command of the page is one, with all the options that it is given there."""
    page = (_DEPLOYMENT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in page.splitlines() if line.startswith("medsettle ")]
    lines += re.findall(r"[`\"](medsettle (?:health|ledger) [^`\"]*)[`\"]", page)

    assert 8 <= len(lines)
    for line in lines:
        _assert_options_exist(shlex.split(line)[1:])


def test_the_container_names_what_exists() -> None:
    """Files that are copied, options, variables; it runs as nobody special and tells its health."""
    for line in re.findall(r"^COPY (?!--from)(.+)$", _CONTAINER, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    for name in re.findall(r"MEDSETTLE_[A-Z_]+", _CONTAINER):
        assert name in OTHER_VARIABLES | {each.variable for each in BY_NAME.values()}
    assert re.search(r"^USER 10001:10001$", _CONTAINER, re.MULTILINE)
    health = re.search(r"^HEALTHCHECK [^\n]*\\\n\s*CMD (\[.+\])$", _CONTAINER, re.MULTILINE)
    assert health is not None
    program, *words = YAML(typ="safe", pure=True).load(health[1])
    assert "medsettle" == program
    _assert_options_exist(words)
    stage = _CONTAINER.rpartition("FROM ")[2]
    assert "pip install" not in stage, "what builds does not run"


def test_locks_of_the_container_are_parts_of_the_lock() -> None:
    """Nothing is installed that was not tested, and nothing that a server needs is missing."""
    for name, wanted in (
        ("server", locks.server_requirements(ROOT)),
        ("build", locks.build_requirements(ROOT)),
    ):
        found = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert locks.part(ROOT / "requirements" / "dev.txt", wanted) == found


def _line(text: str, word: str) -> str:
    (found,) = re.findall(rf"^{word} (.+)$", text, re.MULTILINE)
    return str(found)


def _assert_options_exist(words: list[str]) -> None:
    """Assert that a command has all options that are given it."""
    options = [word for word in words if word.startswith("--")]
    named = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
    helped = run(*named, "--help")
    assert Exit.OK == helped.code, named
    for word in options:
        assert re.search(rf"{word}\b", helped.out), f"{' '.join(named)} has no {word}"
