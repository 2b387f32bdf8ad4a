"""The console as an application of Django."""

from django.apps import AppConfig

from medsettle.console import signing


class ConsoleConfig(AppConfig):
    """Names the application."""

    name = "medsettle.console"
    label = "console"
    verbose_name = "medsettle"

    def ready(self) -> None:
        """Write sign-ins down."""
        signing.write_down()
