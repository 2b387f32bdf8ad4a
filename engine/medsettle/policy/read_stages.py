"""Read the stages of a rule document: each payer's five questions."""

from dataclasses import dataclass, field, replace

from medsettle import limits
from medsettle.core import codes
from medsettle.core.codes import Debtor, Payee
from medsettle.policy import amount_keys, keys
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import SETTLEMENT, TOTAL_NAMES
from medsettle.policy.model import (
    Cap,
    CapOn,
    Ceiling,
    Condition,
    Counter,
    Deductible,
    Dimension,
    Excess,
    Rate,
    RateSide,
    ShareOf,
    Source,
    Stage,
    Unit,
)
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.quantity import Quantity
from medsettle.policy.read_amounts import AmountReader
from medsettle.policy.read_facts import cited, read_when
from medsettle.policy.read_rates import RateReader
from medsettle.policy.read_tables import TableReader
from medsettle.policy.references import References
from medsettle.policy.tree import Map, Text, Value
from medsettle.policy.vocabulary import canonical, quoted

__all__ = ["TOTAL_NAMES", "StageReader", "stage_names"]


def stage_names(check: Checker, value: Value | None, key: str = "stage") -> tuple[str, ...]:
    """Return the names of all stages in order, blank where a stage has none."""
    found = []
    for item in check.items(value, f"{key}s in the order of payment"):
        entries = item if isinstance(item, Map) else ()
        named = [entry.value for entry in entries if canonical(entry.key.value) == key]
        found.append(named[0].value.strip() if named and isinstance(named[0], Text) else "")
    return tuple(found)


def _why_unsolvable(rate: Rate | None, *, has_rate: bool) -> str:
    """Return why a payment cannot be solved back for a part of the base; blank where it can."""
    if rate is None:
        return "" if has_rate else "the stage has no rate"
    if rate.side is RateSide.TARGET:
        return "a target is a difference of shares"
    return "a guaranteed payment follows no rate" if rate.floor is not None else ""


def _exclude_one_another(one: Condition, other: Condition) -> bool:
    """Return whether no claim can meet both conditions."""
    return any(
        name == also and not set(classes) & set(others)
        for name, classes in one
        for also, others in other
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What of a document is read before its stages, and may be named by them."""

    tables: TableReader
    counters: dict[str, Counter]
    dimensions: dict[str, Dimension]
    quantities: dict[str, Quantity]
    sources: dict[str, Source]


@dataclass
class StageReader:
    """Reads the stages in order, then the payouts; each may only name what stands before it.

    `beside` is whether payouts are being read, which may look at what is no part of the bill.
    """

    check: Checker
    known: Known
    amounts: AmountNames
    stages: list[Stage] = field(default_factory=list)
    refs: References = field(init=False)
    rates: RateReader = field(init=False)
    stated: AmountReader = field(init=False)
    beside: bool = False

    def __post_init__(self) -> None:
        known = self.known
        self.refs = References(self.check, known.tables, known.counters, known.quantities)
        self.rates = RateReader(self.check, self.refs, self.amounts)
        self.stated = AmountReader(self.refs, self.amounts)

    def read(self, value: Value | None) -> tuple[Stage, ...]:
        """Return the stages in the order of payment."""
        items = value.items if value is not None and not isinstance(value, Text | Map) else ()
        if isinstance(value, Text) and value.value:
            self.check.refuse(value.place, f"found {quoted(value.value)}; list the stages")
        if len(items) > limits.STAGES_PER_POLICY_MAX and value is not None:
            most = limits.STAGES_PER_POLICY_MAX
            self.check.refuse(value.place, f"{len(items)} stages, more than {most}; join some")
        for item in items:
            parts = self.check.record(item, keys.STAGE)
            if parts:
                self.stages.append(self._stage(item, parts))
            self.amounts.known += 1
        return tuple(self.stages)

    def read_payouts(self, value: Value | None) -> tuple[Stage, ...]:
        """Return what funds pay beside the bill; read after the stages of the bill."""
        self.beside = True
        items = self.check.items(value, "payouts")
        if len(items) > limits.PAYOUTS_PER_POLICY_MAX and value is not None:
            most = limits.PAYOUTS_PER_POLICY_MAX
            self.check.refuse(value.place, f"{len(items)} payouts, more than {most}; join some")
        found = []
        for item in items:
            parts = self.check.record(item, keys.PAYOUT)
            if parts:
                found.append(self._payout(item, parts))
                self.stages.append(found[-1])
            self.amounts.known += 1
        return tuple(found)

    def _payout(self, item: Value, parts: dict[str, Value]) -> Stage:
        """Return a payout: a stage with a payee, of an amount or of a base."""
        check = self.check
        if "amount" in parts and "base" in parts:
            check.refuse(
                parts["base"].place,
                "`amount` and `base` both say what it looks at; keep one of the two",
            )
        if "amount" not in parts and "base" not in parts:
            says = "what it is, whatever the bill, or `base`, the named amounts it looks at"
            check.refuse_missing(item.place, "amount", says)
        amount = None
        if "amount" in parts:
            body = check.record(parts["amount"], amount_keys.AMOUNT)
            check.text(body.get("note"))
            amount = self.stated.read(parts["amount"], body)
        instead = self.amounts.many(parts.get("instead_of"))
        for name in instead:
            if not name.endswith(".paid"):
                check.refuse(
                    parts["instead_of"].place,
                    f"{name} is no share that a stage pays; name one, like pool.paid",
                )
        payout = replace(
            self._stage(item, {"stage": parts["payout"], **parts} if "payout" in parts else parts),
            payee=check.choice(parts.get("payee"), Payee, Payee.PERSON),
            amount=amount,
            instead_of=instead,
        )
        for other in self.stages:
            both = [name for name in instead if name in other.instead_of]
            if both and not _exclude_one_another(payout.when, other.when):
                check.refuse(
                    parts["instead_of"].place,
                    f"{quoted(other.name)} is paid in place of {both[0]} already, and both may be "
                    "paid of one claim; give them conditions of which only one can hold",
                )
        return payout

    def _payer(self, value: Value | None) -> str | None:
        """Return who pays; beside the bill only a fund does."""
        payer = self.check.known(value, codes.PAYER_NAMES, "payer")
        if self.beside and payer is not None and payer not in codes.FUND_NAMES and value:
            funds = ", ".join(codes.FUND_NAMES)
            self.check.refuse(
                value.place, f"{payer} is no fund, and only funds pay beside the bill: {funds}"
            )
        return payer

    def _stage(self, item: Value, parts: dict[str, Value]) -> Stage:
        check = self.check
        name = self._name(parts.get("stage"))
        payer = self._payer(parts.get("payer"))
        rate = self.rates.rate(parts.get("rate"))
        unsolvable = _why_unsolvable(rate, has_rate="rate" in parts)
        caps = tuple(
            self._cap(entry, unsolvable) for entry in check.items(parts.get("caps"), "caps")
        )
        self._refuse_mixed_excess(parts.get("caps"), caps)
        bands = self.rates.bands(parts.get("bands"), has_deductible="deductible" in parts)
        self.rates.refuse_unlike(item, parts, bands, rate)
        return Stage(
            name=name,
            payer=payer or codes.PAYER_NAMES[0],
            title=check.text(parts.get("title")) or name,
            source=cited(check, parts.get("source"), self.known.sources) or "",
            base=self.amounts.base(parts.get("base"), facts=self.beside),
            when=read_when(check, parts.get("when"), self.known.dimensions),
            keep_back=self._keep_back(parts.get("keep_back")),
            deductible=self._deductible(parts.get("deductible")),
            bands=bands,
            rate=rate,
            caps=tuple(cap for cap in caps if cap is not None),
            rounding=self.rates.rounding(item, parts, rate),
            account_limited=self._limit(item, parts.get("limit"), payer),
            advance_for=self._advance(parts.get("advance_for"), payer),
            place=item.place,
            note=check.text(parts.get("note")),
        )

    def _name(self, value: Value | None) -> str:
        name = self.check.text(value)
        if value is None or not name:
            return name
        self.check.check_name(name, value.place)
        if (other := same_name(name, [stage.name for stage in self.stages])) is not None:
            self.check.refuse(
                value.place, f"{quoted(other)} is the name of an earlier stage; rename one"
            )
        if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
            self.check.refuse(
                value.place, f"{quoted(other)} is the name of an amount; rename the stage"
            )
        return name

    def _limit(self, item: Value, value: Value | None, payer: str | None) -> bool:
        """Return whether a stage pays what its payer's account or relatives' limits hold."""
        word = keys.BALANCE_LIMITS.get(payer or "")
        words = [*keys.BALANCE_LIMITS.values()] if word is None else [word]
        limited = self.check.one_of(value, words) is not None
        if self.beside:
            return False
        if word is not None and value is None:
            self.check.refuse(
                item.place, f"the payer `{payer}` pays from a balance; write `limit: {word}`"
            )
        if payer is not None and word is None and value is not None:
            payers = " and ".join(f"`{name}`" for name in keys.BALANCE_LIMITS)
            self.check.refuse(value.place, f"only {payers} have a balance; delete `limit`")
        return limited

    def _advance(self, value: Value | None, payer: str | None) -> Debtor | None:
        """Return who owes back what the stage pays; only a fund pays for somebody else."""
        word = self.check.one_of(value, [debtor.value for debtor in Debtor])
        if value is not None and payer is not None and payer not in codes.FUND_NAMES:
            self.check.refuse(value.place, f"{payer} is no fund, and only funds pay in advance")
        return None if word is None else Debtor(word)

    # --- the questions -----------------------------------------------------------------------

    def _keep_back(self, value: Value | None) -> str | None:
        name = self.refs.rate_table(value)
        if name is not None:
            self.refs.refuse_above_one(name)
        return name

    def _deductible(self, value: Value | None) -> Deductible | None:
        parts = self.check.record(value, keys.DEDUCTIBLE)
        self.check.text(parts.get("note"))
        # Its highest amount is one of a period and no part of the amount.
        own = {word: part for word, part in parts.items() if word != "at_most"}
        amount = None if value is None else self.stated.read(value, own)
        per = self.refs.counter(parts.get("per"), or_settlement=True)
        share_of = self._share_of(parts.get("share_of"))
        at_most = self._ceiling(parts.get("at_most"))
        if amount is None or per is None:
            return None
        return Deductible(amount, None if per == SETTLEMENT else per, share_of, at_most)

    def _share_of(self, value: Value | None) -> ShareOf | None:
        parts = self.check.record(value, keys.SHARE_OF)
        base = self.amounts.base(parts.get("base"), facts=self.beside)
        rate = self.refs.rate_table(parts.get("rate"))
        if rate is None:
            return None
        self.refs.refuse_above_one(rate)
        return ShareOf(base, rate)

    def _ceiling(self, value: Value | None) -> Ceiling | None:
        parts = self.check.record(value, keys.CEILING)
        table = self.refs.table(parts.get("table"), Unit.AMOUNT)
        per = self.refs.counter(parts.get("per"), or_settlement=True)
        if table is None or per is None:
            return None
        return Ceiling(table, None if per == SETTLEMENT else per)

    def _cap(self, value: Value, unsolvable: str) -> Cap | None:
        check = self.check
        parts = check.record(value, keys.CAP)
        check.text(parts.get("note"))
        amount = self.stated.read(value, parts)
        on = check.choice(parts.get("on"), CapOn, CapOn.PAYMENT)
        per = self.refs.counter(parts.get("per"), or_settlement=True)
        if on is CapOn.PAYMENT and "on" in parts and "excess" not in parts:
            says = "`back_solve` or `unpaid_share`: what becomes of a payment above the cap"
            check.refuse_missing(value.place, "excess", says)
        if on is CapOn.BASE and "excess" in parts:
            check.refuse(
                parts["excess"].place,
                "above a cap on the base nothing is paid that could exceed it; delete `excess`",
            )
        excess = check.choice(parts.get("excess"), Excess, Excess.UNPAID_SHARE)
        if excess is Excess.BACK_SOLVE and unsolvable:
            check.refuse(
                parts["excess"].place, f"nothing to solve back: {unsolvable}; write `unpaid_share`"
            )
        if amount is None or per is None:
            return None
        return Cap(amount, on, None if per == SETTLEMENT else per, excess)

    def _refuse_mixed_excess(self, value: Value | None, caps: tuple[Cap | None, ...]) -> None:
        rules = {cap.excess for cap in caps if cap is not None and cap.on is CapOn.PAYMENT}
        if len(rules) > 1 and value is not None:
            self.check.refuse(
                value.place, "all caps on payment of one stage have the same `excess`; choose one"
            )
