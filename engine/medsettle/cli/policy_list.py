"""The list of loaded policies, for a terminal of eighty columns."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.markup import escape

from medsettle.policy.compiled import CompiledPolicy


def policy_rows(policies: Iterable[CompiledPolicy]) -> list[dict[str, str]]:
    """Return what the list says of each policy, as texts by name."""
    return [
        {
            "policy": each.policy.name,
            "title": each.policy.title,
            "area": each.policy.pooling_area,
            "insurance_type": each.policy.insurance_type,
            "visit_types": " ".join(each.policy.visit_types),
            "from": each.policy.in_force_from.isoformat(),
            "digest": each.digest,
            "confidence": each.confidence,
        }
        for each in policies
    ]


def policy_lines(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield two lines for each policy; names are never cut, so that they can be copied."""
    wide = max((cell_len(row["policy"]) for row in rows), default=0)
    for row in rows:
        name = escape(row["policy"]) + " " * (wide - cell_len(row["policy"]))
        head = f"{row['area']} {row['insurance_type']} {row['from']} {row['confidence']}"
        yield f"[bold]{name}[/] {escape(head)}"
        yield f"  [dim]{escape(row['title'])}, visits {row['visit_types']}[/]"
