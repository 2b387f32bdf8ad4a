"""The conformance kit: right endpoints pass it, and each kind of wrong one does not."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from medsettle.cli.exits import Exit
from medsettle.conformance.endpoint import Endpoint, OutOfReach
from medsettle.conformance.filling import NotKept, filled, unzipped, zipped
from medsettle.conformance.identities import broken_identities
from medsettle.conformance.matching import differences
from medsettle.conformance.running import Kit, Outcome, Verdict
from medsettle.conformance.scenarios import Unreadable, read_names, read_scenarios

from tests.cli.commands import ROOT, run

SCENARIOS = ROOT / "fixtures" / "conformance"

Tamper = Callable[[str, dict[str, Any]], None]


def _kit(address: str) -> Kit:
    return Kit(Endpoint(f"http://{address}"), read_names(SCENARIOS))


def _outcome(address: str, name: str) -> Outcome:
    (scenario,) = read_scenarios(SCENARIOS, [name])
    return _kit(address).run(scenario)


def _faults(outcome: Outcome) -> list[str]:
    return [fault for each in outcome.steps for fault in each.faults]


@pytest.mark.slow
def test_every_scenario_passes_and_leaves_nothing_behind(address: str) -> None:
    """The gateway passes everything, and again: what a scenario did is undone at its end."""
    kit = _kit(address)
    for scenario in read_scenarios(SCENARIOS) * 2:
        outcome = kit.run(scenario)
        assert [] == _faults(outcome), scenario.scenario
        assert outcome.passed
    ran = run("conform", f"http://{address}", "--only", "pharmacy-purchase", "--json")

    assert Exit.OK == ran.code
    assert ("pharmacy-purchase", True) == (ran.json["scenario"], ran.json["passed"])


@contextmanager
def _tampering(address: str, tamper: Tamper) -> Iterator[str]:
    """Yield the address of a platform that changes what the one behind it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            behind = HTTPConnection(address)
            sent = self.rfile.read(int(self.headers["content-length"]))
            behind.request("POST", self.path, sent, {"content-type": "application/json"})
            answer = json.loads(behind.getresponse().read())
            behind.close()
            tamper(self.path.removeprefix("/"), answer)
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _amount(infno: str, name: str, fen: int) -> Tamper:
    """Return what moves an amount of a settlement by some fen."""

    def tamper(asked: str, answer: dict[str, Any]) -> None:
        if asked == infno and answer["output"]:
            row = answer["output"]["setlinfo"]
            row[name] = f"{(row[name] * 100 + fen) / 100:.2f}"

    return tamper


def _line(asked: str, answer: dict[str, Any]) -> None:
    if asked == "2204" and answer["output"]:
        answer["output"]["result"][0]["overlmt_amt"] += 1


def _twice() -> Tamper:
    """Return what answers a repeated settlement as if it had been made once more."""
    before: list[str] = []

    def tamper(asked: str, answer: dict[str, Any]) -> None:
        if asked == "2207" and answer["output"]:
            row = answer["output"]["setlinfo"]
            before.append(row["setl_id"])
            row["setl_id"] += "" if len(before) == 1 else "-2"

    return tamper


def _forgiving(_: str, answer: dict[str, Any]) -> None:
    answer |= {"infcode": 0, "err_msg": ""}


def _wordless(_: str, answer: dict[str, Any]) -> None:
    answer["err_msg"] = answer["err_msg"].rpartition("]")[2]


_WRONG: dict[str, tuple[str, Tamper, str]] = {
    "amount": ("outpatient-visit", _amount("2206A", "hifob_pay", 1), "output.setlinfo.hifob_pay"),
    "sum": ("outpatient-visit", _amount("2206A", "psn_cash_pay", 1), "identity C"),
    "trial": ("outpatient-visit", _amount("2207A", "inscp_scp_amt", 1), "as in trial"),
    "fund": ("inpatient-stay", _amount("2304", "fund_pay_sumamt", -1), "identity S"),
    "cancel": ("pharmacy-purchase", _amount("2103", "oth_pay", 1), "taking back sell"),
    "line": ("outpatient-visit", _line, "identity L"),
    "twice": ("repeated-msgid", _twice(), "setl_id"),
    "lenient": ("wrong-input", _forgiving, "infcode: 0 where -2 is expected"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", _WRONG)
def test_a_wrong_platform_fails(address: str, name: str) -> None:
    """One fen, one identity, one code or one answer too many is found and named."""
    scenario, tamper, words = _WRONG[name]
    with _tampering(address, tamper) as wrong:
        outcome = _outcome(wrong, scenario)

    assert not outcome.passed
    assert any(words in fault for fault in _faults(outcome)), _faults(outcome)
    # What did go through has been taken back all the same.
    assert _outcome(address, scenario).passed


@pytest.mark.slow
def test_refusals_of_other_platforms_need_no_code(address: str) -> None:
    """A platform without codes fails with exit code 1 and a table, unless any code will do."""
    (scenario,) = read_scenarios(SCENARIOS, ["wrong-input"])
    with _tampering(address, _wordless) as wrong:
        strict = run("conform", f"http://{wrong}", "--only", "wrong-input")
        lenient = replace(_kit(wrong), codes=False).run(scenario)

    assert Exit.FINDING == strict.code
    assert "a number of no transaction" in strict.out
    assert "0 of 1 scenarios passed" in strict.out
    assert lenient.passed


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    """No listener is exit code 3; no address, no scenario and a wrong file are exit code 2."""
    (tmp_path / "names.json").write_text("{}")
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"scenario": "wrong", "title": "", "at": "a", "for": "b", "stepz": []}')

    with pytest.raises(OutOfReach):
        Endpoint("http://127.0.0.1:1").reach()
    with pytest.raises(ValueError, match="is no address"):
        Endpoint("127.0.0.1:8080")
    with pytest.raises(Unreadable, match="no scenario is called x; there are inpatient-stay"):
        read_scenarios(SCENARIOS, ["x"])
    with pytest.raises(Unreadable, match="stepz"):
        read_scenarios(tmp_path)
    wrong.write_text(
        '{"scenario": "w", "title": "", "at": "a", "for": "b",'
        ' "steps": [{"step": "s", "infno": "2207", "same_as": "later"}]}'
    )
    with pytest.raises(Unreadable, match="refers to later, which is no step before"):
        read_scenarios(tmp_path)


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        pytest.param({"a": 1}, {"a": "1.00", "b": 2}, [], id="a number as text"),
        pytest.param({"a": "01"}, {"a": "1"}, ["a: '1' where '01' is expected"], id="a code"),
        pytest.param({"a": None}, {"a": ""}, [], id="nothing"),
        pytest.param(
            {"a": None}, {"a": 0}, ["a: 0 where None is expected"], id="zero is something"
        ),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, [], id="rows in any order"),
        pytest.param({"a": [1]}, {"a": [1, 1]}, ["a: 2 rows where 1 are expected"], id="one more"),
        pytest.param([1, 1], [1, 2], ["[1]: 2 where 1 is expected"], id="each row once"),
        pytest.param({"a": {"b": 1}}, {"a": None}, ["a: None is no object"], id="no node"),
        pytest.param(
            {"a": 1}, {"a": True}, ["a: True where 1 is expected"], id="true is no number"
        ),
    ],
)
def test_answers_are_compared(expected: object, found: object, told: list[str]) -> None:
    """An answer must hold what is expected, as numbers where that is a number."""
    assert told == list(differences(expected, found))


def test_platforms_that_leave_amounts_out_break_no_identity() -> None:
    """What a cancel leaves empty is not added up; what is there must add up."""
    cancelled = {"medfee_sumamt": "-2.00", "fund_pay_sumamt": "-2.00", "psn_part_amt": None}
    assert [] == list(broken_identities({"setlinfo": cancelled}))
    wrong: Mapping[str, Any] = {**cancelled, "psn_part_amt": "-0.01"}
    (told,) = broken_identities({"setlinfo": wrong})
    assert "identity B: medfee_sumamt -2.00 is not the sum -2.01" in told


def test_files_are_packed_and_read() -> None:
    """A table is packed as the interface has it, and comes out again with null for nothing."""
    rows: list[list[str | None]] = [["S1", None, "12.50"], ["示例", "", "0"]]

    assert rows == unzipped(zipped("detail.txt", rows))
    assert {"in": zipped("a.txt", [["7"]])} == filled(
        {"in": {"$zip": {"name": "a.txt", "rows": [["${n}"]]}}}, {"n": 7}
    )
    table = {
        "$unzip": {
            "columns": ["a", "b", "c"],
            "rows": [{"a": "S1", "c": Decimal("12.5")}, {"c": 0}],
        }
    }
    assert [] == list(differences(table, zipped("detail.txt", rows)))
    assert ["f: a row has 1 cells where 3 are expected"] == list(
        differences({"f": table}, {"f": zipped("detail.txt", [["S1"]])})
    )
    with pytest.raises(ValueError, match="no ZIP"):
        unzipped("aGVsbG8=")
    with pytest.raises(NotKept):
        filled("${unknown}", {})


def test_a_scenario_stops_at_its_first_failure() -> None:
    """Without a platform the first step fails, the rest is skipped, and nothing is to be undone."""
    (scenario,) = read_scenarios(SCENARIOS, ["outpatient-visit"])
    outcome = _kit("127.0.0.1:1").run(scenario)

    verdicts = [each.verdict for each in outcome.steps]
    assert [Verdict.FAILED, *[Verdict.SKIPPED] * (len(scenario.steps) - 1)] == verdicts
