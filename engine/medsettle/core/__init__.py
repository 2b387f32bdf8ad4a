"""Money, dates, codes, columns and outcomes: pure values, no I/O."""
