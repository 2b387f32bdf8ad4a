"""A filing (备案): a referral, an approved disease, or a chosen institution."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from medsettle.gateway.fields import Values

REFERRAL: Final = "2501"
DISEASE: Final = "2503"
CHOICE: Final = "2505"
"""Transactions that file."""

APPLICATIONS: Final = {"01": "门诊慢特病登记", "03": "就医定点医疗机构登记", "08": "异地安置登记"}
"""业务申请类型 biz_appy_type of a choice, as public clients have it."""


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing: `number` is its 待遇申报明细流水号, `said` what was filed, by national names.

    It counts from `begin` to `end`, both included; None of `end` is for ever. `cancelled` is the
    transaction that took it back; one that is cancelled counts on no day. `seq` is its place in the
    ledger, 0 where the bureau made it; `institution` made it, empty where the bureau did.
    """

    number: str
    kind: str
    person: str
    pooling_area: str
    said: Values
    seq: int
    cancelled: str | None = None
    institution: str = ""

    @property
    def begin(self) -> date:
        """The first day on which it counts."""
        return date.fromisoformat(self.said["begndate"])

    @property
    def end(self) -> date | None:
        """The last day on which it counts."""
        stated = self.said.get("enddate")
        return None if stated is None else date.fromisoformat(stated)

    @property
    def insurance_type(self) -> str | None:
        """险种类型 that it is for; None where it says none and so is for all."""
        return self.said.get("insutype")

    @property
    def subject(self) -> str | None:
        """业务申请类型 of a choice of institution."""
        return self.said.get("biz_appy_type")

    def counts(self, day: date) -> bool:
        """Return whether it counts on a day."""
        return (
            self.cancelled is None and self.begin <= day and (self.end is None or day <= self.end)
        )

    def meets(self, begin: date, end: date | None) -> bool:
        """Return whether it counts on any day of a span, both ends included."""
        return (
            self.cancelled is None
            and (end is None or self.begin <= end)
            and (self.end is None or begin <= self.end)
        )
