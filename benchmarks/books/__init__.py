"""What compares three books, each tool in a process of its own."""
