"""The pages, a module for each subject: views, and what they hand to their templates."""

# Its numbers are named in the addresses of the others.
from medsettle.console.pages import positions

__all__ = ["positions"]
