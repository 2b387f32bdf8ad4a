"""Names that a record uses: of sections, tools and units, and the sizes that goals speak of.

They stand apart so that a record can be read where nothing that it measures is installed.
"""

from typing import Final

# Sections.
MACHINE: Final = "machine"
KERNEL: Final = "kernel"
VERSIONED: Final = "versions"
LINES: Final = "lines"
YEAR: Final = "year"
TOTALS: Final = "year of running totals"
POLICIES: Final = "policies"
CLAIM_LINES: Final = "lines of a claim"
BATCHES: Final = "claims of a batch"
LEDGERS: Final = "persons and settlements there"
COMMITS: Final = "commits"
UNARY: Final = "unary"
OPEN: Final = "open loop"
BATCHED: Final = "batch messages"
BULK: Final = "bulk"
AUDIT: Final = "audit"
START: Final = "start"
SOAK: Final = "soak"
GATEWAY: Final = "gateway"
PROVINCES: Final = "provinces"
DEAD_PEER: Final = "dead peer"
RECONCILE: Final = "reconcile"
REPLAY: Final = "replay"

# Units.
RATE: Final = "claims/s"
REQUESTS: Final = "requests/s"
LINE_RATE: Final = "lines/s"
P50: Final = "µs p50"
P99: Final = "µs p99"
CPU_CALL: Final = "µs CPU/call"
CPU_CLAIM: Final = "µs CPU/claim"
WALL_CLAIM: Final = "µs/claim"
LINE_BYTES: Final = "B/line"
CPU_LINE: Final = "ns CPU/line"
CPU_SETTLEMENT: Final = "ns CPU/settlement"
CPU_REPLAYED: Final = "ns CPU/claim"
PEAK_MIB: Final = "MiB at most"

# Who is measured beside medsettle, outside the anchor policy.
COPY: Final = "memory copy"
SYNC: Final = "fdatasync"
LINE_BLOCKS: Final = "NumPy, blocks by hand"
DUCKDB: Final = "DuckDB over Arrow"
BY_HAND: Final = "numba, sorted by hand"
COUNTING_SORT: Final = "numba, counting sort"
POLARS_YEAR: Final = "Polars, windows"
ECHO: Final = "echo, same messages"
THREADS: Final = "echo, same messages, threads"
EMPTY: Final = "empty echo"
EMPTY_HANDLER: Final = "empty handler"
KEEPING_HANDLER: Final = "bodies kept"
ONE_BY_ONE: Final = "one by one"
FLOOR: Final = "sync and echo"
BARE: Final = "SQLite, bare rows"
DEFAULTS: Final = "pyarrow, defaults"
OURS_PLAIN: Final = "medsettle, from plain texts"
DEFAULTS_PLAIN: Final = "pyarrow, from plain texts"
AUDITED: Final = "medsettle, audited"

# Where a claim between areas is decided, and what the peer of a dead area does.
AT_HOME: Final = "decided where it is asked"
DIRECT: Final = "decided by a peer"
THROUGH_HUB: Final = "decided by a peer, through a hub"
NO_STREAM: Final = "nothing for the other area"
LIVING: Final = "its peer lives and answers"
REFUSING: Final = "its peer refuses connections"
FROZEN: Final = "its peer accepts and never answers"

# What compares books, and what two centres send instead of one.
BARE_JOIN: Final = "DuckDB, bare full join"
SPILLING_JOIN: Final = "DuckDB, bare full join in 2 GiB"
SKETCH: Final = "medsettle, its sketch"
SKETCH_CELL_BYTES: Final = 32
NATION_ROWS: Final = 10_000_000

# What replays a history, and what only reads and writes it.
SAME_COLUMNS: Final = "pyarrow, the same columns read and written"
ONE_REFORM: Final = "medsettle, a reform beside it"
TWO_REFORMS: Final = "medsettle, two reforms beside it"
CHECKED: Final = "medsettle, differences only"

# Sizes.
SIZES: Final = (1, 100, 10_000, 1_000_000)
VERSIONS: Final = 36
MIXED: Final = f"{VERSIONS} versions mixed"
VERSIONED_CLAIMS: Final = 100_000
# Claims of 60 lines: a checkout, a busy second and a day of a city.
LINE_CLAIMS: Final = (1, 100, 20_000)
CACHED_LINES: Final = 6_000
ALL_LINES: Final = 1_200_000
IN_FLIGHT: Final = (1, 16, 64, 256)
WIDE: Final = 64
MESSAGE_CLAIMS: Final = 256
GATEWAY_IN_FLIGHT: Final = WIDE
# Settlements a second where the peer of another area is dead, and requests a second for that area.
BESIDE_DEAD: Final = 100
FOR_DEAD: Final = 20
# Transactions of the national interface stand on the axis by their number, whole visits at 0.
MIXED_DAY: Final = "mixed"
AT_KIND: Final = {
    MIXED_DAY: 0,
    **{kind: int(kind) for kind in ("9001", "2201", "2203", "2204", "2206", "2207", "5203")},
}
