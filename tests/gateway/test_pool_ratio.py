"""The ratio of the pool (pool_prop_selfpay) is told where it paid at one, 0 where at several."""

from decimal import Decimal

import pytest

from tests.gateway.bills import PLAIN, admitted, line, to_settle
from tests.gateway.till import RETIRED, Till


@pytest.mark.parametrize(
    ("yuan", "paid", "ratio"),
    [
        # Nothing above the deductible of 1,300.
        pytest.param("1300.00", "0", "0", id="nothing-paid"),
        # The retired bear 60 % of the 15 % of the first band.
        pytest.param("1300.10", "0.09", "0.91", id="one-band"),
        # 28,700 at 91 % and, above 30,000, 100 at 94 %.
        pytest.param("30100.00", "26211.00", "0", id="two-bands"),
    ],
)
def test_the_ratio_of_the_pool(till: Till, yuan: str, paid: str, ratio: str) -> None:
    """A stay in one band has its ratio; one in two bands has none."""
    stay = admitted(till)
    common = {"psn_no": RETIRED, "fee_ocur_time": "2024-05-21 10:00:00"}
    till.done("2301", {"feedetail": [line(stay, "1", PLAIN, yuan, **common)]})
    told = till.done("2303", {"data": to_settle(stay, RETIRED)})["setlinfo"]

    assert (Decimal(paid), Decimal(ratio)) == (told["hifp_pay"], told["pool_prop_selfpay"])
