"""From charge lines and counters to who pays which fen: pure functions over columns."""
