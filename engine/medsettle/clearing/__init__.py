"""Between two provinces: books compared, months closed, notices paid, prepayments watched.

*Reconciliation* (对账) compares books of the same settlements; *clearing* (清算) is what one fund
owes for a period. Design: [0035](../../decisions/0035-books-items-months.md).
"""
