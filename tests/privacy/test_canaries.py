"""Marked persons, cards and names go in everywhere; nothing that others may read has the mark."""

import contextlib
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.client import Client
from medsettle.errors import SettlementError

from tests.cli.claim_files import stay
from tests.cli.commands import DIRECTORY, ROOT, command, environment, one_area, run
from tests.gateway.till import Till

pytestmark = pytest.mark.slow

_MARK = "CANARY"
_PERSON, _NAME, _CARD = "CANARY000000000001", "CANARYNAME", "CANARYD156000005990000000000001A"
_NUMBER = "990000000000000001"


@dataclass
class _Place:
    """One server with everything beside it, and where what it told is kept."""

    folder: Path
    addresses: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def post(self, infno: str, said: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of the national interface."""
        body = orjson.dumps(Till(None, None).envelope(infno, said))  # type: ignore[arg-type]
        told: dict[str, Any] = orjson.loads(
            _asked(self.addresses["gateway"], "POST", f"/fsi/api/{infno}", body)
        )
        return told


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[_Place]:
    """Yield a server with gateway, console, measurements and a log of all that is slow."""
    directory = folder / "directory"
    shutil.copytree(DIRECTORY, directory)
    for path in directory.glob("*.csv"):
        text = path.read_text("utf-8").replace(_NUMBER, _PERSON).replace("示例1,", f"{_NAME},")
        text = text.replace("990000D156000005990000000000001A", _CARD)
        path.write_text(text.replace("99A000001", "CANARY001"), "utf-8")
    words = ["serve", "--json", "--rules", one_area(folder), "--data", folder / "data"]
    words += ["--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--directory", directory]
    words += ["--metrics", "127.0.0.1:0", "--console", "127.0.0.1:0", "--no-sign-in"]
    words += ["--log", folder / "log.jsonl", "--log-level", "debug", "--slow", "1"]
    with (
        (folder / "stdout").open("wb") as out,
        (folder / "stderr").open("wb") as err,
        subprocess.Popen(
            command(*words), stdout=subprocess.PIPE, stderr=err, env=environment(), cwd=ROOT
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            out.write(line)
            yield _Place(folder, json.loads(line), process)
        finally:
            process.terminate()
            rest, _ = process.communicate(timeout=limits.SHUTDOWN_SECONDS_MAX + 10)
            out.write(rest)


def _asked(address: str, method: str, path: str, body: bytes | None = None) -> bytes:
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path, body, {"content-type": "application/json"})
        return connection.getresponse().read()


def _through_grpc(place: _Place) -> None:
    """Settle, cancel, and be refused in every way that repeats what was sent."""
    with Client(place.addresses["serving"]) as client:
        settled = client.settle(stay(1, person=_PERSON))
        client.cancel(
            str(settled.columns["settlement"]),
            institution=str(settled.columns["institution"]),
            request_id="X1",
        )
        client.settle(stay(2, person=_PERSON))
        refused = [
            stay(1, person=f"{_MARK}OTHER"),
            stay(3, person=f"{_MARK} {_MARK}"),
            stay(4, person=_MARK * limits.PERSON_CHARS_MAX),
            stay(5, person=_PERSON, insurance_type=_MARK),
            stay(
                6,
                person=_PERSON,
                card=_CARD,
                credential_type="03",
                credential_time="2024-05-20T08:00:00Z",
            ),
        ]
        for claim in refused:
            with pytest.raises(SettlementError):
                client.settle(claim)


def _through_the_gateway(place: _Place) -> None:
    """Ask who somebody is, of whom there is one, and of whom there is none."""
    found = place.post(
        "1101",
        {
            "data": {
                "mdtrt_cert_type": "02",
                "mdtrt_cert_no": "990000198503120019",
                "psn_cert_type": "01",
                "certno": "990000198503120019",
                "psn_name": _NAME,
            }
        },
    )
    assert _PERSON in json.dumps(found), found
    for infno, said in (
        ("1101", {"data": {"mdtrt_cert_type": "02", "mdtrt_cert_no": f"{_MARK}NOBODY"}}),
        ("2201", {"data": {"psn_no": f"{_MARK}NOBODY"}}),
        (f"{_MARK}", {"data": {}}),
    ):
        assert place.post(infno, said)["infcode"] != 0
    for body in (b"{", f'{{"input": "{_MARK}"}}'.encode(), b'{"psn_no": "CANARY", '):
        assert b"infcode" in _asked(place.addresses["gateway"], "POST", "/fsi/api/2201", body)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> _Place:
    """Return a place where marked people went in everywhere, after its server has stopped."""
    folder = tmp_path_factory.mktemp("canaries")
    with _served(folder) as place:
        _through_grpc(place)
        _through_the_gateway(place)
        for address in ("console", "metrics"):
            if address in place.addresses:
                _asked(place.addresses[address], "GET", f"/{_MARK}?person={_PERSON}")
        (folder / "metrics").write_bytes(_asked(place.addresses["metrics"], "GET", "/metrics"))
    return place


def test_nothing_that_is_told_has_a_mark(told: _Place) -> None:
    """Neither output, errors, log nor measurements; the log has the calls all the same."""
    for name in ("stdout", "stderr", "log.jsonl", "metrics"):
        text = (told.folder / name).read_text("utf-8")
        assert [] == [line for line in text.splitlines() if _MARK in line], name
    log = (told.folder / "log.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    seen = {line["event"] for line in lines}
    assert {"server_started", "slow_request", "server_stopped"} <= seen
    assert {"R1", "R2"} <= {line.get("request_id") for line in lines}
    assert "medsettle_calls_total" in (told.folder / "metrics").read_text("utf-8")


def test_nothing_that_is_given_away_has_a_mark(told: _Place) -> None:
    """No byte and no value of the audit folder; the ledger has them, so they were there to find."""
    audit = [path for path in (told.data / "audit").rglob("*") if path.is_file()]
    values = [
        value
        for path in audit
        if path.suffix == ".parquet"
        for column in pq.read_table(path).columns
        for value in column.to_pylist()
    ]

    assert [] == [path for path in audit if _MARK.encode() in path.read_bytes()]
    assert len(values) > 100
    assert [] == [value for value in values if _MARK in str(value)]
    assert _MARK.encode() in (told.data / "ledger.db").read_bytes()


def test_with_the_key_a_person_is_found(told: _Place) -> None:
    """`privacy pseudonym` tells a clerk with the key what to ask the audit tables for."""
    ran = run("privacy", "pseudonym", _PERSON, "--data", told.data, "--json")
    (pseudonym,) = ran.json["pseudonyms"]

    sql = f"select count(*) as rows from settlements where person = '{pseudonym}'"
    (row,) = run("audit", "show", "--data", told.data, "--sql", sql, "--json").json

    assert row["rows"] >= 3


def test_a_rotation_over_the_command_line(told: _Place, tmp_path: Path) -> None:
    """The old pseudonym is looked up, histories follow it, and the ledger verifies by both keys."""
    shutil.copytree(told.data, tmp_path / "data")
    (old,) = run("privacy", "pseudonym", _PERSON, "--data", tmp_path / "data", "--json").json[
        "pseudonyms"
    ]
    rotated = run(
        "privacy", "rotate", "--data", tmp_path / "data", "--algorithm", "HMAC-SM3", "--json"
    )
    claims = tmp_path / "claim.json"
    claims.write_text(json.dumps(stay(9, person=_PERSON)))
    settled = run("settle", claims, "--data", tmp_path / "data", "--rules", one_area(tmp_path))
    shown = run("privacy", "show", "--data", tmp_path / "data", "--json").json
    found = run("privacy", "pseudonym", _PERSON, "--data", tmp_path / "data", "--json").json
    made = run("history", "make", tmp_path / "data", "--out", tmp_path / "history", "--json")
    verified = run("ledger", "verify", tmp_path / "data", "--json")

    assert (0, 0, 0) == (rotated.code, settled.code, made.code), (settled.err, made.err)
    assert ["HMAC-SM3", "HMAC-SHA-256"] == [key["algorithm"] for key in shown["keys"]]
    assert rotated.json["key"] == shown["keys"][0]["key"]
    assert [old] == found["pseudonyms"][1:]
    persons = {
        value
        for path in (tmp_path / "history").rglob("*.parquet")
        if "person" in (table := pq.read_table(path)).column_names
        for value in table["person"].to_pylist()
    }
    assert {found["pseudonyms"][0]} == persons
    assert [] == verified.json["findings"]
    assert all(_MARK not in ran.out + ran.err for ran in (rotated, made, verified))
