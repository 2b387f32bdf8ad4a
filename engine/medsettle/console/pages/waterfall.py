"""A settlement as a picture: what flows from the lines of a bill to whoever pays."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.console.languages import is_chinese
from medsettle.console.templatetags.console import payer, yuan
from medsettle.console.versions import stage_titles
from medsettle.core import codes
from medsettle.core.settlement import Settlement
from medsettle.policy.rule_book import RuleBook

_POT_COLOURS: Final = {
    "own_expense": "--accent-5",
    "over_limit": "--accent-3",
    "pre_self_pay": "--accent-4",
    "in_scope": "--accent-1",
}
_CASH: Final = "cash"
_LABELLED: Final = frozenset({"pot", "bill", "payer"})
_STAGE: Final = "stage"
# Of a label of two lines, and of the picture beside the room that its nodes keep apart.
_APART_PIXELS: Final = 30
_FLOW_PIXELS: Final = 200


def parts(found: Settlement, book: RuleBook | None = None) -> dict[str, object]:
    """Return what the amounts of a settlement, recorded or tried, are shown from.

    Args:
        found: The settlement.
        book: The rules that it was tried by; without them it is of those in force.
    """
    titles = titles_of(found, book)
    rows = [row | {"title": titles.get(str(row["stage"]), row["stage"])} for row in found.payers]
    return {
        "settlement": found,
        "columns": found.columns,
        "others": [(name, fen) for name in codes.OTHER_NAMES if (fen := found.fen(f"{name}_fen"))],
        "pots": [(pot.name, found.columns[f"{pot.name}_fen"]) for pot in codes.POTS],
        "payers": [row for row in rows if row["payee"] == codes.BILL],
        "payouts": [row for row in rows if row["payee"] != codes.BILL],
        **_drawn(flows(found, titles)),
    }


def _drawn(made: "Flows") -> dict[str, object]:
    """Return a picture of flows with its height and what of it is heard; none where none flow."""
    if not made.links:
        return {"flow": None}
    stages = [made.told(node) for node in made.of_kind(_STAGE)]
    return {
        "flow": _figure(made),
        "flow_height": _FLOW_PIXELS + _APART_PIXELS * made.longest,
        "flow_stages": "; ".join(stages),
    }


def titles_of(found: Settlement, book: RuleBook | None = None) -> dict[str, str]:
    """Return what stages are called on a Chinese page, by the document of the settlement."""
    return stage_titles(str(found.columns["policy"]), book) if is_chinese() else {}


class Flows:
    """Nodes and links of a picture of flows, each node made when it is first named."""

    def __init__(self) -> None:
        """Begin without any."""
        self.nodes: dict[tuple[str, str], int] = {}
        self.names: list[str] = []
        self.colours: list[str] = []
        self.links: dict[tuple[int, int], int] = defaultdict(int)

    def node(self, kind: str, name: str, label: str, colour: str) -> int:
        """Return the number of a node."""
        if (kind, name) not in self.nodes:
            self.nodes[kind, name] = len(self.nodes)
            self.names.append(label)
            self.colours.append(colour)
        return self.nodes[kind, name]

    def link(self, source: int, target: int, fen: object) -> None:
        """Let fen flow; what flows back, as in a cancel, is shown as it flowed before."""
        assert isinstance(fen, int)
        if fen:
            self.links[source, target] += abs(fen)

    def of_kind(self, kind: str) -> list[int]:
        """Return the numbers of the nodes of a kind."""
        return [number for (each, _name), number in self.nodes.items() if each == kind]

    @property
    def longest(self) -> int:
        """How many nodes stand above one another at most."""
        return max(Counter(kind for kind, _name in self.nodes).values())

    def fen(self, node: int) -> int:
        """Return what flows through a node."""
        into = sum(fen for (_source, target), fen in self.links.items() if target == node)
        out = sum(fen for (source, _target), fen in self.links.items() if source == node)
        return max(into, out)

    def told(self, node: int) -> str:
        """Return a node with its amount."""
        return f"{self.names[node]} {yuan(self.fen(node))} 元"

    def labels(self, *, stages: bool) -> list[str]:
        """Return what stands beside each node; stages, which are long, only where there is room.

        Codes of lines are longer still: a hand over them tells them.
        """
        return [
            f"{self.names[node]}<br>{yuan(self.fen(node))}"
            if stages and kind == _STAGE
            else self.names[node]
            if kind in _LABELLED
            else ""
            for (kind, _name), node in self.nodes.items()
        ]


def flows(found: Settlement, titles: Mapping[str, str]) -> Flows:
    """Return what flows in a settlement: over lines, pots, the bill and stages to payers.

    The lines with most money stand by themselves, the others together; without lines it begins with
    the pots. Nothing flows in a bill of nothing, or where lines take back one another. `titles`
    says what stages are called.
    """
    made = Flows()
    bill = made.node("bill", "", _("the bill"), "--accent-7")
    _add_lines(made, found)
    for pot in codes.POTS:
        fen = found.columns[f"{pot.name}_fen"]
        if fen:
            node = made.node("pot", pot.name, payer(pot.name), _POT_COLOURS[pot.name])
            made.link(node, bill, fen)
    for row in found.payers:
        if row["payee"] != codes.BILL or not row["paid_fen"]:
            continue
        who, name = str(row["payer"]), str(row["stage"])
        stage = made.node(_STAGE, name, titles.get(name, name), "--accent-2")
        made.link(bill, stage, row["paid_fen"])
        made.link(stage, made.node("payer", who, payer(who), "--accent-1"), row["paid_fen"])
    cash = made.node("payer", _CASH, _("cash"), "--accent-5")
    made.link(bill, cash, found.columns["cash_fen"])
    return made


def _add_lines(made: Flows, found: Settlement) -> None:
    amounts: dict[str, int] = defaultdict(int)
    for line in found.lines:
        fen = line["amount_fen"]
        assert isinstance(fen, int)
        amounts[str(line["item_code"])] += abs(fen)
    shown = sorted(amounts, key=lambda item: -amounts[item])[: limits.CONSOLE_LINES_DRAWN]
    for line in found.lines:
        item = str(line["item_code"])
        known = item in shown
        label = item if known else _("other lines")
        node = made.node("line", item if known else "", label, "--accent-8")
        for pot in codes.POTS:
            fen = line[f"{pot.name}_fen"]
            if fen:
                target = made.node("pot", pot.name, payer(pot.name), _POT_COLOURS[pot.name])
                made.link(node, target, fen)


def _figure(made: Flows) -> dict[str, Any]:
    """Return flows as a figure of Plotly; what nodes and links are titled is shown by a hand too.

    The labels of `meta` stand in a picture that is too narrow for those of stages.
    """
    pairs = list(made.links)
    return {
        "data": [
            {
                "type": "sankey",
                "arrangement": "snap",
                "meta": {"narrow": made.labels(stages=False)},
                "node": {
                    "label": made.labels(stages=True),
                    "customdata": [made.told(node) for node in range(len(made.names))],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "color": made.colours,
                    "pad": _APART_PIXELS,
                    "thickness": 16,
                    "line": {"width": 0},
                },
                "link": {
                    "source": [source for source, _target in pairs],
                    "target": [target for _source, target in pairs],
                    # Yuan, for the eye alone; the table beside it has every fen.
                    "value": [made.links[pair] / 100 for pair in pairs],
                    "customdata": [
                        f"{made.names[source]} → {made.names[target]} {yuan(fen)} 元"
                        for (source, target), fen in made.links.items()
                    ],
                    "hovertemplate": "%{customdata}<extra></extra>",
                    "color": [f"{made.colours[source]}/35" for source, _target in pairs],
                },
            }
        ]
    }
