"""`medsettle ledger`: look into the ledger itself."""

import typer

from medsettle.cli.books_command import books

app = typer.Typer(no_args_is_help=True, help="Look into the ledger: its books in double entry.")
app.command()(books)
