"""Which class of a dimension a claim falls into, and what a table states for it."""

import numpy as np
import pytest
from medsettle.policy.compiled import class_of, list_class
from medsettle.policy.model import Dimension
from medsettle.policy.program import Builder

_BEGINNINGS = (("M",), ("M1", "none"), ("M12",))
_ILLNESS = Dimension(
    "illness", "codes", "approved_diseases", ("any", "grave", "worst"), _BEGINNINGS
)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        pytest.param(["M10"], 1, id="the longest beginning counts"),
        pytest.param(["M129"], 2, id="also where three classes begin so"),
        pytest.param(["M12", "M10"], 1, id="of several codes the first class"),
        pytest.param(["M12", "M3"], 0, id="whatever the order of the codes"),
        pytest.param(["X1"], 1, id="a code of no class is none"),
        pytest.param([], 1, id="no code is none"),
    ],
)
def test_a_list_has_the_first_class_of_its_codes(codes: list[str], expected: int) -> None:
    """Each code of a list belongs to the class that it would have alone."""
    assert expected == list_class(_ILLNESS, codes)
    if codes and codes != ["X1"]:
        assert expected == min(class_of(_ILLNESS, code) for code in codes)


def test_a_known_row_of_a_table_is_a_known_value() -> None:
    """Where a class is proved, what a table states for it is one number for every claim."""
    build = Builder()
    table = np.array([130_000, 65_000], dtype=np.int64)

    assert 65_000 == build.gather(table, build.constant(1)).constant
