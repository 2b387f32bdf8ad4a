"""The tables of a benchmark run say what the record holds."""

from typing import Any

from benchmarks import report


def _case(
    tool: str, size: int, seconds: float, wrong: int = 0, table: str = "kernel"
) -> dict[str, Any]:
    facts = {"table": table, "tool": tool, "count": size, "wrong_claims": wrong}
    return {"extra_info": facts, "stats": {"median": seconds}}


def test_rates_are_claims_over_the_median() -> None:
    """A rate is the batch over its median round; the worst count of wrong claims is kept."""
    record = {
        "benchmarks": [
            _case("medsettle", 100, 0.001),
            _case("other", 100, 0.002, wrong=0),
            _case("other", 10_000, 0.1, wrong=3),
            _case("other", 100, 0.5, wrong=9, table="lines"),
            {"extra_info": {}, "stats": {"median": 1.0}},
        ]
    }

    rates, wrong = report.read_rates(record, "kernel")

    assert {"medsettle": {100: 100_000.0}, "other": {100: 50_000.0, 10_000: 100_000.0}} == rates
    assert {"medsettle": 0, "other": 3} == wrong


def test_verdict_names_the_faster_too() -> None:
    """A sentence for each size names whom medsettle beats and, as plainly, who beats it."""
    rates = {"medsettle": {1: 10.0}, "slow": {1: 9.0}, "equal": {1: 10.0}, "fast": {1: 11.0}}

    assert ["At 1: medsettle beats slow. As fast or faster: equal; fast."] == report.verdicts(rates)


def test_a_run_without_us_says_so() -> None:
    """Without a case of ours there is nothing to compare, and the report says that."""
    assert ["medsettle itself was not part of this run."] == report.verdicts({"other": {1: 1.0}})
