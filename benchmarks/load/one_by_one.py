"""`medsettle serve` with batches of one claim: a commit for each, on the same transport and store.

python -m benchmarks.load.one_by_one --rules rules --data DATA --listen 127.0.0.1:0 --json
"""

import sys

from medsettle import limits


def main() -> None:
    """Serve with the arguments of `medsettle serve`."""
    # Before anything that reads it; the relation to other bounds still holds.
    limits.CLAIMS_PER_COMMIT_MAX = 1  # type: ignore[misc]
    from medsettle.cli import main as medsettle  # noqa: PLC0415 - reads the bound when it loads

    sys.argv = ["medsettle", "serve", *sys.argv[1:]]
    medsettle()


if __name__ == "__main__":
    main()
