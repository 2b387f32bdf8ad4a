"""The slow oracle of days: whether a document states a value for each of its tables on a day."""

from datetime import date

from medsettle.policy.model import Policy, Table


def states_values(policy: Policy, day: date) -> bool:
    """Return whether every table of a policy has values that are known to hold on a day."""
    return all(_states(table, day) for table in policy.tables.values())


def _states(table: Table, day: date) -> bool:
    """Return whether the last version that has begun has not ended."""
    begun = [version for version in table.versions if version.start <= day]
    return bool(begun) and (begun[-1].until is None or day < begun[-1].until)
