"""The transactions of the national interface, a module a family; each has `TRANSACTIONS`."""
