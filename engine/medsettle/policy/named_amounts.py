"""Look up the amounts that stages, counters and gaps name: pots, totals, and what stages leave."""

from dataclasses import dataclass

from medsettle.core.codes import POT_NAMES
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy import keys
from medsettle.policy.amount_of import Base
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import TOTAL_NAMES
from medsettle.policy.model import ACCOUNT_COUNTER, BEFORE, STAGE_AMOUNTS
from medsettle.policy.tree import Map, Value
from medsettle.policy.vocabulary import canonical, quoted, suggestion

# What an amount of a stage holds of the same stage, whatever its caps.
_PARTS_OF = {
    "base": {"kept_back", "deductible", "net", "own_share", "over_cap", "paid"},
    "net": {"own_share", "paid"},
}


@dataclass
class AmountNames:
    """The named amounts of one document.

    `stages` are all its stages in order, payouts last; the first `known` of them may be named so
    far, and of the one after them its `own_parts`. `facts` are no part of the bill: amounts that a
    claim states beside it, and what `counters` held before. Only an amount or a payout may be made
    of them.
    """

    check: Checker
    special_pots: tuple[str, ...]
    stages: tuple[str, ...]
    counters: tuple[str, ...] = ()
    known: int = 0
    own_parts: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Return every amount that may be named so far."""
        before = filter(None, self.stages[: self.known])
        own = [f"{name}.{part}" for name in before for part in STAGE_AMOUNTS]
        own += [f"{self.stages[self.known]}.{part}" for part in self.own_parts]
        return [*TOTAL_NAMES, *POT_NAMES, *self.special_pots, *own]

    def facts(self) -> list[str]:
        """Return every amount that is no part of the bill."""
        return [*CLAIM_AMOUNTS, *(f"{name}.{BEFORE}" for name in (*self.counters, ACCOUNT_COUNTER))]

    def one(self, value: Value | None, *, facts: bool = False) -> str | None:
        """Return the amount that a text names; None after recording a violation."""
        if value is None:
            return None
        word = self.check.text(value)
        name = same_name(word, [*self.names(), *(self.facts() if facts else ())])
        if name is None and word:
            self.check.refuse(value.place, self._unknown(word))
        return name

    def many(self, value: Value | None, *, facts: bool = False) -> tuple[str, ...]:
        """Return the amounts of a list that adds them up: none twice, none inside another."""
        found: list[str] = []
        for item in self.check.items(value, "named amounts"):
            name = self.one(item, facts=facts)
            if name is None:
                continue
            for other in found:
                if name == other:
                    self.check.refuse(
                        item.place, f"{quoted(name)} is listed twice; keep one of the two"
                    )
                elif self._holds(name, other) or self._holds(other, name):
                    part, whole = (other, name) if self._holds(name, other) else (name, other)
                    self.check.refuse(
                        item.place,
                        f"{quoted(part)} is a part of {quoted(whole)} and would count twice; keep "
                        "one of the two",
                    )
            if name not in found:
                found.append(name)
        return tuple(found)

    def base(self, value: Value | None, *, facts: bool = False) -> Base:
        """Return the amounts of a list, or those of `plus` less those of `minus`."""
        if not isinstance(value, Map):
            return Base(self.many(value, facts=facts), ())
        parts = self.check.record(value, keys.BASE)
        plus, minus = (self.many(parts.get(side), facts=facts) for side in ("plus", "minus"))
        return Base(plus, minus)

    def _unknown(self, word: str) -> str:
        """Return why a word names no amount, and what to write."""
        if same_name(word, self.facts()) is not None:
            return (
                f"{quoted(word)} is no part of the bill; only a payout, or an amount that is `of` "
                "it, looks at it"
            )
        head, dot, part = word.partition(".")
        stage = same_name(head, self.stages)
        if not dot:
            if stage is not None:
                return f"{quoted(word)} is a stage; name one of its amounts, like {word}.paid"
            plain = [*TOTAL_NAMES, *POT_NAMES, *self.special_pots]
            return f"no named amount is called {quoted(word)}; {suggestion(word, plain)}"
        if stage is None:
            hint = suggestion(head, self.stages[: self.known])
            return f"no stage before this place is called {quoted(head)}; {hint}"
        if canonical(part) not in STAGE_AMOUNTS:
            hint = suggestion(part, STAGE_AMOUNTS)
            return f"stage {quoted(stage)} has no amount {quoted(part)}; {hint}"
        number = self.stages.index(stage)
        where = "is this very stage" if number == self.known else "stands later"
        return (
            f"stage {quoted(stage)} {where}, and a stage looks only at what stands before it; "
            "change the order or name another amount"
        )

    def _holds(self, whole: str, part: str) -> bool:
        """Return whether one amount is a part of another by what they are."""
        if whole == "total":
            return part in {*POT_NAMES, *self.special_pots, "in_scope_total"}
        if whole == "in_scope_total":
            return part in {"in_scope", *self.special_pots}
        stage, dot, name = whole.rpartition(".")
        other, other_dot, inner = part.rpartition(".")
        same = dot and other_dot and stage == other
        return bool(same) and inner in _PARTS_OF.get(name, set())
