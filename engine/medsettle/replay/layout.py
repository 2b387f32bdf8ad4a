"""The tables of a history, which a replay reads, and of its results, in one list for all.

A **history** is a folder of numbered parts. A person's claims lie in one part, in the order in
which they were settled, so that parts are replayed one by one, on any thread or machine:

    history.json                    what it holds, and the digest of each file
    claims/part-00000.parquet       a row a claim, sorted by pooling area, person and order
    lines/part-00000.parquet        the lines of these claims, in their order
    moves/part-00000.parquet        what else moved the counters of these persons; may be missing
    stages/part-00000.parquet       what the stages of recorded claims paid; may be missing
    splits/part-00000.parquet       lines that another engine split; may be missing

The **results** of a replay are a folder with the same parts, by world: `baseline`, and each reform
by the name of its overlay:

    replay.json                     policies, digests, versions, options; parts that are finished
    claims/<world>/part-00000.parquet
    lines/<world>/part-00000.parquet    splits of lines, where they are wanted; those of a reform
                                        only where its catalogue is another one
    differences/part-00000.parquet  claims that the baseline does not settle as they were recorded
"""

from typing import Final

import pyarrow as pa

from medsettle.core import codes, columns, schema
from medsettle.core.columns import Column, Kind

HISTORY_TABLES: Final = ("claims", "lines", "moves", "stages", "splits")
BASELINE: Final = "baseline"
RESULTS_MANIFEST: Final = "replay.json"
DIFFERENCES: Final = "differences"
"""Names the table of results with what does not come out as recorded."""

WRITTEN_BY: Final = "written_by"
"""Says in the manifest of results who wrote them, where that was not one machine."""

HISTORY_FOLDER: Final = "history"
"""Where a replay keeps a history that it made itself, in the folder of its results."""


CLAIM: Final[Column] = Column("claim", Kind.INTEGER, "Number of the claim in its history, from 0.")
"""Numbers rise over the parts and their rows; lines and results name their claim by them."""

ORDER: Final[Column] = Column(
    "order",
    Kind.INTEGER,
    "Place in time among all that happened to a person: the ledger's seq where there was one. It "
    "rises strictly among the claims and moves of a person.",
)

_RECORDED_CODES: Final = ("settlement", "policy", "policy_digest", "catalogue_digest")
AMOUNTS: Final[tuple[str, ...]] = (
    "total_fen",
    *(f"{name}_fen" for name in codes.POT_NAMES),
    "deductible_fen",
    *(f"{name}_fen" for name in codes.PAYER_NAMES),
    "fund_total_fen",
    "person_total_fen",
    "cash_fen",
    "account_balance_fen",
    "payouts_fen",
)
"""The amounts of a settlement, in the order of `schema.SETTLEMENT`."""

RECORDED: Final = "recorded_"
"""Begins the names of columns that say how a claim was settled; null where it never was."""

HISTORY_CLAIM: Final[tuple[Column, ...]] = (
    CLAIM,
    ORDER,
    Column("line_count", Kind.INTEGER, "Lines of the claim."),
    Column(
        "taken_back",
        Kind.INTEGER,
        "The order at which the settlement was cancelled or reversed; absent, it stands.",
        required=False,
    ),
    *schema.CLAIM,
    *(
        columns.code(f"{RECORDED}{name}", "As recorded.", required=False)
        for name in _RECORDED_CODES
    ),
    *(Column(f"{RECORDED}{name}", Kind.FEN, "As recorded.", required=False) for name in AMOUNTS),
)

HISTORY_LINE: Final[tuple[Column, ...]] = (CLAIM, *schema.LINE)

MOVE: Final[tuple[Column, ...]] = (
    columns.code("pooling_area", "统筹区 of the person."),
    columns.code("person", "参保人."),
    ORDER,
    columns.code(
        "kind",
        "Kind of the ledger entry: opening, relation, adjust; `cancel` for what one moved besides "
        "giving back to its person what its settlement had moved.",
    ),
    columns.code("counter", "Name under which the ledger keeps the counter."),
    Column("period", Kind.INTEGER, "Its period."),
    Column("delta", Kind.FEN, "The change of its value."),
)
"""Moves of counters by anything but a settlement or what takes one back. What takes one back gives
back what it moved to counters of its own person, to a relative's limit while the two are bound;
what it moved besides, such as to the account of a relative who no longer is, is a move here."""

STAGE: Final[tuple[Column, ...]] = (
    CLAIM,
    *(column for column in schema.PAYER_DETAIL if column.name not in {"seq", "settlement"}),
)

SPLIT: Final[tuple[Column, ...]] = (
    CLAIM,
    columns.code("catalogue_digest", "The catalogue by which the place of care split the lines."),
    Column(
        "charge_types",
        Kind.CODES,
        "Charge types of all lines of the claim, as the place of care told them, on its first "
        "line; empty on the others.",
    ),
    Column("position", Kind.INTEGER, "Place of the line in its claim, from 0."),
    columns.code("item_class", "收费项目等级.", values=tuple(codes.ITEM_CLASSES)),
    Column("outside", Kind.BOOLEAN, "Whether the line is left wholly to the person."),
    *(columns.fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
)

PAST_DEDUCTIBLES: Final = "past_deductibles"
PAST_CAPS: Final = "past_caps"
PAST: Final = (PAST_DEDUCTIBLES, PAST_CAPS)
"""Which stages of a claim lie past a limit (`medsettle.replay.stage_limits`)."""

RESULT: Final[tuple[Column, ...]] = (
    CLAIM,
    columns.code("outcome", "`settled`, or the outcome of the refusal; amounts are 0 then."),
    columns.code("policy", "Identifier of the rule document.", required=False),
    *(columns.fen(name, "As in a settlement.") for name in AMOUNTS),
    columns.code(
        PAST_DEDUCTIBLES,
        "Stages of the bill, in their order with commas between, with a deductible for this claim "
        "and something left above it, whichever claim met it; absent where there are none.",
        required=False,
    ),
    columns.code(
        PAST_CAPS,
        "Stages of the bill, likewise, with a part of their base above a cap or the last band.",
        required=False,
    ),
)

RESULT_LINE: Final[tuple[Column, ...]] = (
    CLAIM,
    columns.code("item_class", "收费项目等级.", values=tuple(codes.ITEM_CLASSES)),
    columns.code("pot", "Where the in-scope part went."),
    *(columns.fen(f"{pot.name}_fen", f"{pot.chinese}.", pot.field) for pot in codes.POTS),
)
"""The split of a line, in the order of the history's lines."""

DIFFERENCE: Final[tuple[Column, ...]] = (
    CLAIM,
    columns.code("settlement", "As recorded."),
    columns.code(
        "stage",
        "The first stage that differs. Where all recorded stages come out and the recorded "
        "settlement contradicts them, the first of those that its column adds up. Absent where the "
        "bill was split otherwise, where it is refused now, for sums of payers, cash and the "
        "balance of the account, and where no stages were recorded or are wanted.",
        required=False,
    ),
    columns.code(
        "column",
        "The first column that differs: of the stage, or of the settlement where no stage differs.",
    ),
    columns.code("recorded", "Its recorded value, as text.", required=False),
    columns.code("replayed", "Its value now, as text.", required=False),
)


def arrow_schema(table: tuple[Column, ...]) -> pa.Schema:
    """Return the Arrow schema of a table of this file; codes may come as dictionaries as well."""
    return schema.arrow_schema(table)
