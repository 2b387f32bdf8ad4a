"""What is loaded, in short."""

from medsettle.core.settlement import PolicySummary
from medsettle.policy.rule_book import RuleBook


def policy_summaries(rulebook: RuleBook) -> list[PolicySummary]:
    """Return a summary of every policy of a rule book, in its order."""
    return [
        PolicySummary(
            policy=policy.name,
            title=policy.title,
            pooling_area=policy.pooling_area,
            insurance_type=policy.insurance_type,
            visit_types=policy.visit_types,
            in_force_from=policy.in_force_from,
            in_force_until=policy.in_force_until,
            digest=compiled.digest,
            confidence=compiled.confidence,
        )
        for compiled in rulebook.policies
        for policy in [compiled.policy]
    ]
