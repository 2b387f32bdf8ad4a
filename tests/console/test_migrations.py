"""The tables of the console are those of its models."""

from django.core.management import call_command


def test_the_migrations_make_todays_models(_set_up: None) -> None:
    """Where they do not, Django would write another one, and says so by ending."""
    call_command("makemigrations", "console", check=True, dry_run=True, verbosity=0)
