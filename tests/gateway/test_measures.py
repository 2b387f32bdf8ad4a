"""Calls of the national interface, counted by transaction and outcome."""

from pathlib import Path

from medsettle.service.measures import Measures
from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.bills import credential
from tests.gateway.till import EMPLOYEE, open_till


def _calls(measures: Measures) -> dict[tuple[str, str], float]:
    """Return the calls by transaction and outcome."""
    return {
        (sample.labels["method"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families(measures.page().decode())
        for sample in family.samples
        if sample.name == "medsettle_calls_total" and sample.labels["way"] == "gateway"
    }


def test_calls_are_counted_by_transaction_and_outcome(tmp_path: Path) -> None:
    """A number that is none of ours, and what is no envelope, make no series of their own."""
    measures = Measures()
    with open_till(tmp_path / "ledger.db", measuring=measures) as till:
        till.done("1101", {"data": credential(EMPLOYEE)})
        till.done("1101", {"data": credential(EMPLOYEE)})
        till.refused(
            "1101", {"data": credential(EMPLOYEE) | {"mdtrt_cert_no": "110101190001010009"}}
        )
        till.ask("9999", {})
        till.loop.run_until_complete(till.dispatch.answer(b"{"))
        till.dispatch.overloaded()

    assert {
        ("9001", "OK"): 1,
        ("1101", "OK"): 2,
        ("1101", "PERSON_UNKNOWN"): 1,
        ("unknown", "TRANSACTION_UNKNOWN"): 1,
        ("unknown", "INVALID_REQUEST"): 1,
        ("unknown", "OVERLOADED"): 1,
    } == _calls(measures)
