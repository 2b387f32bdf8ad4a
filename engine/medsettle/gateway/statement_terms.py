"""How an office answers a reconciliation: which codes it speaks, and what it compares."""

from dataclasses import dataclass
from typing import Final

from medsettle.core.reconciliation import Verdict

_SIX_DIGITS: Final = {
    Verdict.FLAT: "000000",
    Verdict.CENTRE_MORE: "000101",
    Verdict.INSTITUTION_MORE: "000102",
    Verdict.DIFFER: "000103",
}
_ONE_DIGIT: Final = {
    Verdict.FLAT: "0",
    Verdict.CENTRE_MORE: "1",
    Verdict.INSTITUTION_MORE: "2",
    Verdict.DIFFER: "3",
}


@dataclass(frozen=True, slots=True)
class StatementTerms:
    """What differs between offices in 3201 and 3202.

    With `six_digits` results are told as 000000, else in the older form of one digit. Without
    `accounts` the money of personal accounts is not compared, whatever institutions state.
    """

    six_digits: bool = True
    accounts: bool = True

    def result(self, verdict: Verdict) -> str:
        """Return stmt_rslt of a verdict.

        >>> StatementTerms().result(Verdict.DIFFER), StatementTerms(False).result(Verdict.DIFFER)
        ('000103', '3')
        """
        return (_SIX_DIGITS if self.six_digits else _ONE_DIGIT)[verdict]
