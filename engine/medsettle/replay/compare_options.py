"""What a comparison of replays is asked for beside its figures: thresholds, and a response.

Shares of cost at which a burden counts as heavy: 10 and 25 % are those of indicator 3.8.2 of the
Sustainable Development Goals, 40 % that of the World Health Organization. Both divide by what a
household spends or can pay, which claims do not tell, so here they are shares of a person's cost;
a report says so. Amounts in yuan are invented, and options for that reason.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from medsettle import limits
from medsettle.core.money import FEN_PER_YUAN, plain_yuan
from medsettle.errors import Fault, InvalidRequest

CHANGE_FEN: Final = tuple(yuan * FEN_PER_YUAN for yuan in (100, 500, 1_000, 5_000, 10_000))
BURDEN_PERCENT: Final = (10, 25, 40)
BURDEN_FEN: Final = tuple(yuan * FEN_PER_YUAN for yuan in (5_000, 10_000, 30_000))

CASES: Final = ("low", "central", "high")

_ELASTICITY = re.compile(r"-?(\d{1,2})(?:\.(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Response:
    """How far people use more where they pay less: an assumption, off unless it is given.

    Args:
        elasticities: Low, central and high, each 0 or below, from the weakest to the strongest.
        since: The first day of service whose claims respond.
        source: Where the elasticities come from, or that they are assumed, and of when.

    Raises:
        InvalidRequest: They are no three elasticities in order, or nothing is said of their source.
    """

    elasticities: tuple[Fraction, Fraction, Fraction]
    since: date
    source: str

    def __post_init__(self) -> None:
        faults = []
        least = Fraction(-limits.ELASTICITY_PERCENT_MAX, 100)
        low, central, high = self.elasticities
        if not least <= high <= central <= low <= 0:
            told = ", ".join(str(each) for each in self.elasticities)
            words = f"are {told}; give three from the weakest to the strongest, from 0 down to "
            faults.append(Fault("elasticities", f"{words}{least}, such as -0.1,-0.2,-0.3"))
        most = limits.RESPONSE_SOURCE_CHARS_MAX
        if not 1 <= len(self.source.strip()) or len(self.source) > most:
            words = f"has {len(self.source)} characters; say in 1 to {most} who found these "
            words += "elasticities and when, or that they are assumed"
            faults.append(Fault("source", words))
        if faults:
            raise InvalidRequest(faults)


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Thresholds of a comparison, each list rising, and the response.

    Args:
        change_fen: Gains and losses of a person that are counted, in fen.
        burden_percent: Shares of cost, in percent.
        burden_fen: What a person bears, in fen.
        response: None for amounts alone, as if everybody went on as before.

    Raises:
        InvalidRequest: A list is empty, too long, not rising or out of range.
    """

    change_fen: tuple[int, ...] = CHANGE_FEN
    burden_percent: tuple[int, ...] = BURDEN_PERCENT
    burden_fen: tuple[int, ...] = BURDEN_FEN
    response: Response | None = None

    def __post_init__(self) -> None:
        most = limits.AMOUNT_FEN_MAX
        faults = [
            *_threshold_faults("change_fen", self.change_fen, most),
            *_threshold_faults("burden_percent", self.burden_percent, 99),
            *_threshold_faults("burden_fen", self.burden_fen, most),
        ]
        if faults:
            raise InvalidRequest(faults)


def _threshold_faults(name: str, found: Sequence[int], most: int) -> list[Fault]:
    faults = []
    count = limits.COMPARE_THRESHOLDS_MAX
    if not 1 <= len(found) <= count:
        faults.append(Fault(name, f"has {len(found)} thresholds; give 1 to {count}"))
    if list(found) != sorted(set(found)):
        faults.append(Fault(name, "does not rise; give each threshold once, the least first"))
    if any(not 1 <= each <= most for each in found):
        shown = plain_yuan(most) + " yuan" if name.endswith("_fen") else f"{most} %"
        faults.append(Fault(name, f"has a threshold that is not above 0 and up to {shown}"))
    return faults


def elasticity(text: str) -> Fraction:
    """Return an elasticity as it is written, exactly.

    Raises:
        ValueError: The text is no decimal number of at most six decimals.

    >>> elasticity("-0.2")
    Fraction(-1, 5)
    """
    found = _ELASTICITY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no elasticity; write it like -0.2")
    return Fraction(text.strip())
