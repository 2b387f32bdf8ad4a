"""Read an amount and what changes it (`medsettle.policy.amount_of`)."""

from collections.abc import Mapping
from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import FEN_PER_YUAN, Rounding
from medsettle.policy import amount_keys, keys
from medsettle.policy.amount_of import AmountOf, AmountRounding, Base, Bound
from medsettle.policy.checker import same_name
from medsettle.policy.model import Unit
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.references import References
from medsettle.policy.tree import Map, Place, Text, Value

_Terms = tuple[tuple[str, str | None], ...]
_TO_FEN = {keys.FEN: 1, keys.YUAN: FEN_PER_YUAN}


@dataclass(frozen=True)
class AmountReader:
    """Reads the amounts of one document: deductibles, caps, payouts."""

    refs: References
    amounts: AmountNames

    def read(self, block: Value, parts: Mapping[str, Value]) -> AmountOf | None:
        """Return the amount that `table` or `of` and `amount_keys.AMOUNT_OF` say.

        Args:
            block: The block, for faults of what is missing in it.
            parts: Its values by keyword; what is no part of an amount is not looked at.

        Returns:
            None where a table cannot be read.
        """
        refs = self.refs
        table, of = self._source(block, parts)
        least, most = self._within(parts.get("within"))
        times, counts = self._times(parts.get("times"))
        factor = refs.rate_table(parts.get("factor"))
        rounding = self._rounding(block, parts)
        plus = self._terms(parts.get("plus"), Unit.AMOUNT)
        at_most = refs.table(parts.get("at_most"), Unit.AMOUNT)
        if table is None and of is None:
            return None
        return AmountOf(table, times, factor, plus, at_most, of, least, most, counts, rounding)

    def _source(self, block: Value, parts: Mapping[str, Value]) -> tuple[str | None, Base | None]:
        check = self.refs.check
        if not parts:
            return None, None
        if "table" in parts and "of" in parts:
            check.refuse(
                parts["of"].place,
                "`table` and `of` both say what the amount is; keep one of the two",
            )
        if "table" not in parts and "of" not in parts:
            check.refuse_missing(
                block.place, "table", "the table of amounts, or `of` named amounts"
            )
        table = self.refs.table(parts.get("table"), Unit.AMOUNT)
        of = self.amounts.base(parts["of"], facts=True) if "of" in parts else None
        return table, of

    def _within(self, value: Value | None) -> tuple[Bound | None, Bound | None]:
        check = self.refs.check
        parts = check.record(value, amount_keys.WITHIN)
        if isinstance(value, Map) and value.readable and not parts:
            check.refuse(value.place, "nothing bounds the amount; write `least` or `most`")
        return self._bound(parts.get("least")), self._bound(parts.get("most"))

    def _bound(self, value: Value | None) -> Bound | None:
        if isinstance(value, Text):
            table = self.refs.table(value, Unit.AMOUNT)
            return None if table is None else Bound(table)
        parts = self.refs.check.record(value, amount_keys.BOUND)
        table = self.refs.table(parts.get("table"), Unit.AMOUNT)
        factor = self.refs.rate_table(parts.get("factor"))
        return None if table is None else Bound(table, factor)

    def _rounding(self, block: Value, parts: Mapping[str, Value]) -> AmountRounding:
        """Return where a product is rounded; asked for where regions differ (Q7)."""
        check, value = self.refs.check, parts.get("rounding")
        if value is None:
            if "times" in parts and "factor" in parts:
                says = "whether the factor is rounded for each unit or once, as regions differ"
                check.refuse_missing(block.place, "rounding", says)
            return AmountRounding()
        found = check.record(value, amount_keys.AMOUNT_ROUNDING)
        at = check.one_of(found.get("at"), (keys.EACH, keys.ONCE))
        to = check.one_of(found.get("to"), (keys.FEN, keys.YUAN)) or keys.FEN
        mode = check.choice(found.get("mode"), Rounding, Rounding.HALF_UP)
        if at == keys.EACH and not ("times" in parts and "factor" in parts):
            check.refuse(
                found["at"].place,
                "it is taken times nothing, or by no factor, so each and once are the same; "
                "write `at: once`",
            )
        return AmountRounding(at == keys.EACH, _TO_FEN[to], mode)

    def _times(self, value: Value | None) -> tuple[str | None, _Terms]:
        """Return the quantity something is taken times, or tables of counts that are added up."""
        if isinstance(value, Text) and same_name(value.value, self.refs.tables.tables) is None:
            return self.refs.quantity(value), ()
        counts = self._terms(value, Unit.COUNT)
        if value is not None:
            self._refuse_many(value.place, counts)
        return None, counts

    def _refuse_many(self, place: Place, counts: _Terms) -> None:
        """Refuse counts that could be more than anything is taken times."""
        tables, quantities = self.refs.tables.tables, self.refs.quantities
        most = 0
        for name, quantity in counts:
            cells = [cell for version in tables[name].versions for cell in version.cells]
            each = int(max(cells, default=0))
            most += each if quantity is None else each * quantities[quantity].most
        if most > limits.TIMES_MAX:
            self.refs.check.refuse(
                place,
                f"the counts together may be up to {most:,}, and nothing is taken more than "
                f"{limits.TIMES_MAX:,} times; give the quantity `at_most`",
            )

    def _terms(self, value: Value | None, unit: Unit) -> _Terms:
        """Return the tables that are added up, some with the quantity they are taken times."""
        refs = self.refs
        found: list[tuple[str, str | None]] = []
        items = refs.check.items(value, f"tables of {unit}s")
        if len(items) > limits.AMOUNT_TERMS_MAX and value is not None:
            most = limits.AMOUNT_TERMS_MAX
            refs.check.refuse(value.place, f"{len(items)} additions, more than {most}; join some")
        for item in items:
            if not isinstance(item, Map):
                name = refs.table(item, unit)
                found += [] if name is None else [(name, None)]
                continue
            parts = refs.check.record(item, amount_keys.TIMES)
            table = refs.table(parts.get("table"), unit)
            times = refs.quantity(parts.get("times"))
            if table is not None and times is not None:
                found.append((table, times))
        return tuple(found)
