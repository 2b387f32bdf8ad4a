"""Made books with planted differences, of which the truth is known."""
