"""Write `engine/metrics.md`, the page of all measurements, from `medsettle.service.measuring`.

`make schema` runs it, and a test compares the page with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle.service.measuring import MEASUREMENTS

_INTRODUCTION: Final = """\
# Measurements

Written by `make schema` from `engine/medsettle/service/measuring.py`; change that file, not this
page.

`medsettle serve --metrics HOST:PORT` tells them at `/metrics`, in the text form of Prometheus;
without it, and without `--console`, nothing is measured. The port is open to whoever reaches it. No
label names a person, an institution or anything else that a caller chooses. Taking them costs a
call some microseconds. A dashboard is `engine/grafana/medsettle.json`, rules for alerts are
`engine/grafana/alerts.yml`, what is logged is in [logs](logs.md).

The same port tells how the server is: `/livez` answers 200 while the process answers at all, and
`/readyz` while calls are to be sent here (it records, its audit tables are written, it is not
stopping), else 503 with a line for each part. gRPC health tells the same as `live` and `ready`.

What is asked for most, with Prometheus:

- calls a second: `sum by (method) (rate(medsettle_calls_total[1m]))`
- the 99th of a hundred settlements: `histogram_quantile(0.99, sum by (le)
  (rate(medsettle_call_seconds_bucket{method="CreateSettlement"}[5m])))`
- to be woken by: `medsettle_writes_well == 0`, `medsettle_projection_well == 0`, and
  `medsettle_projection_behind_entries > 100000` for ten minutes; by day also
  `medsettle_seal_behind_entries` that rises and does not fall for a quarter of an hour

| name | kind | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the whole page as Markdown, ending in a newline."""
    return _INTRODUCTION + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for each in MEASUREMENTS:
        labels = ", ".join(f"`{label}`" for label in each.labels) or "–"
        steps = f" Steps: {', '.join(f'{step:g}' for step in each.steps)}." if each.steps else ""
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.doc}{steps} |"


def main() -> None:
    """Write the page to the file named on the command line."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
