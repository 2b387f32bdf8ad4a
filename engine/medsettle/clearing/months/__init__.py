"""The calendar of a month, its tables, and how it is closed."""
