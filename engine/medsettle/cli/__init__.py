"""The command `medsettle`."""

from medsettle.cli.app import main

__all__ = ["main"]
