"""`python -m medsettle.cli` is `medsettle`."""

from medsettle.cli.app import main

main()
