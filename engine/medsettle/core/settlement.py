"""The answers of the engine: settlements, explanations, persons and policies.

Rows are plain dictionaries keyed by the column names of `medsettle.core.schema`, so that the
service, the ledger record and the audit tables carry the same words.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from medsettle.core.codes import BILL

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a claim before it is paid (支付前核查), and what is to be done about it.

    `code` is stable and machine readable; `check` is the name in the document of the area. `beside`
    is the settlement or the registration (kind/number) that it was found by, empty for none.
    """

    code: str
    check: str
    reason_en: str
    reason_zh: str
    remedy_en: str
    remedy_zh: str
    clause: str
    beside: str = ""

    def __str__(self) -> str:
        return f"{self.reason_en}. {self.remedy_en}"


@dataclass(frozen=True, slots=True)
class Settlement:
    """One settled claim, or the negative record that takes one back.

    `columns` holds the SETTLEMENT columns, `payers` a PAYER_DETAIL row for each stage in order,
    `lines` a LINE_SPLIT row for each line, `relatives` a RELATIVE_SHARE row for each relative whose
    money a stage took. `amounts` are the named amounts of the waterfall in fen
    (`pooled_fund.over_cap`). A preview has no `seq`, `settlement` or `create_time`. `warnings` are
    what was found before payment and did not stop it.
    """

    columns: Row
    payers: Sequence[Row]
    lines: Sequence[Row]
    amounts: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    duplicate: bool = False
    relatives: tuple[Row, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def fen(self, column: str) -> int:
        """Return an amount column, such as `cash_fen`."""
        value = self.columns[column]
        assert isinstance(value, int)
        return value

    def paid_by_fund(self) -> dict[str, int]:
        """Return what each national fund code pays of the bill, in fen."""
        paid: dict[str, int] = {}
        for row in self.payers:
            if row["payee"] == BILL:
                code, fen = str(row["fund_pay_type"]), row["paid_fen"]
                assert isinstance(fen, int)
                paid[code] = paid.get(code, 0) + fen
        return paid

    @property
    def accounts_fen(self) -> int:
        """What personal accounts pay, that of relatives among them (acct_pay)."""
        return self.fen("account_fen") + self.fen("mutual_aid_fen")


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a record is: the institution that sent it, and the pooling area that decided."""

    institution: str
    pooling_area: str


@dataclass(frozen=True, slots=True)
class Step:
    """One line of arithmetic in an explanation: what, how much, and the numbers behind it."""

    label: str
    amount_fen: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """Why one payer pays one amount: the sentence, the clause, and the arithmetic in steps.

    `payee` is `bill` for a share of the bill; otherwise the amount is paid beside it, to whom it
    says, and is no part of the total. `rate` is the one rate that was paid at, None where several
    were or none is stated; it is for the national answer, and clients over gRPC have it in the
    steps alone, so that it decides no equality.
    """

    payer: str
    stage: str
    text_en: str
    text_zh: str
    amount_fen: int
    clause: str
    steps: tuple[Step, ...]
    payee: str = BILL
    rate: Fraction | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every fen of one settlement with the clause behind it.

    The amounts of the sentences whose payee is the bill add up to the total.
    """

    settlement: str
    sentences: tuple[Sentence, ...]

    def total_fen(self) -> int:
        """Return what the sentences share out of the bill."""
        return sum(each.amount_fen for each in self.sentences if each.payee == BILL)


@dataclass(frozen=True, slots=True)
class LineTerm:
    """How one charge line was split, and by what, as the national answer tells it.

    - `parts_fen`: its parts by the names of `codes.POT_NAMES`, which add up to its amount;
    - `ceiling_e6`: the ceiling price in micro-yuan, 0 for a ceiling of nothing, None for none;
    - `pre_self_pay_ppm`: the first-self-pay ratio in parts per million, 1,000,000 where the whole
      line is own expense, whatever makes it so; None where the catalogue that split it is not here;
    - `item_class`: 01 to 03, 03 for an item that is not listed; `charge_type`, `list_type` and
      `name` are empty for one;
    - `restricted`: whether its use is restricted;
    - `cut_en`, `cut_zh`: why less than the whole line is in scope, first-self-pay apart; empty
      where nothing was cut.
    """

    parts_fen: dict[str, int]
    ceiling_e6: int | None
    pre_self_pay_ppm: int | None
    item_class: str
    charge_type: str
    list_type: str
    name: str
    restricted: bool
    cut_en: str
    cut_zh: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One settlement under the numbers that an institution gave the attempts to settle one bill.

    `number` counts the attempts from 0; `cancel` is the id of what took `settlement` back, None
    where it stands.
    """

    number: int
    settlement: str
    cancel: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """What a person brings along when an area moves to this engine in mid-year.

    `counters` are (counter, period, value): fen for amounts, plain numbers for counts.
    """

    institution: str
    request_id: str
    pooling_area: str
    person: str
    account_fen: int
    counters: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PersonState:
    """Account balance and counters of one person in one pooling area."""

    pooling_area: str
    person: str
    account_fen: int
    counters: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """One loaded policy: where it applies, since when, and how far its values can be trusted."""

    policy: str
    title: str
    pooling_area: str
    insurance_type: str
    visit_types: tuple[str, ...]
    in_force_from: date
    in_force_until: date | None
    digest: str
    confidence: str
