"""Explanations of what was settled, by the policies that are loaded and those loaded before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Explanation, Settlement
from medsettle.engine.adjustments import explain_adjustment
from medsettle.engine.copies import refuse_copy
from medsettle.ledger.entries import Recorded
from medsettle.ledger.records import decode_inputs, decode_settlement
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.explain import Tracers, explain, explain_by_revision
from medsettle.settle.run import Settled


@dataclass
class Explainer:
    """Explains settlements; policies that have been replaced stay known until the engine ends."""

    rulebook: RuleBook
    _replaced: dict[str, CompiledPolicy] = field(default_factory=dict)
    _tracers: Tracers = field(default_factory=Tracers)

    def replace_rules(self, rulebook: RuleBook) -> None:
        """Explain by another rule book from the next call on."""
        loaded = {compiled.digest for compiled in rulebook.policies}
        for compiled in self.rulebook.policies:
            if compiled.digest not in loaded:
                self._replaced[compiled.digest] = compiled
        self.rulebook = rulebook
        self._tracers = Tracers()

    def recorded(self, recorded: Recorded) -> Explanation:
        """Return the explanation of a recorded settlement that is no cancel, or of an adjustment.

        Raises:
            DecidedElsewhere: It is a copy of what another area's engine decided, who explains it.
            PolicyNotFound: The policy is not loaded, or only a revision of it that would settle
                this otherwise.
            InternalError: Settling again gives other amounts than the record.
        """
        if recorded.kind == "adjust":
            return explain_adjustment(recorded)
        held = decode_settlement(recorded)
        refuse_copy(held, "explain it")
        policy = self._policy(held.columns)
        if policy.digest != held.columns["policy_digest"]:
            return explain_by_revision(policy, held, decode_inputs(recorded), self._tracers)
        return explain(policy, held, decode_inputs(recorded), self._tracers)

    def previewed(
        self, seen: Iterable[Settled | Rejection], *, alone: bool
    ) -> list[tuple[Settlement, Explanation] | Rejection]:
        """Return what was settled a moment ago and is recorded nowhere with its explanation.

        With `alone`, nothing is told of what stood there before.
        """
        return [
            each if isinstance(each, Rejection) else self._settled(each, alone) for each in seen
        ]

    def _settled(self, settled: Settled, alone: bool) -> tuple[Settlement, Explanation]:
        found, inputs = settled.settlement, settled.inputs
        policy = self._policy(found.columns)
        return found, explain(policy, found, inputs, self._tracers, alone=alone)

    def _policy(self, columns: Mapping[str, object]) -> CompiledPolicy:
        """Return the revision that settled something, else the one that is loaded."""
        settled_by = self._replaced.get(str(columns["policy_digest"]))
        return settled_by or self.rulebook.policy(str(columns["policy"]))
