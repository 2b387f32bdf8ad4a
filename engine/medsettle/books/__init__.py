"""The books (账簿): every entry in double entry, and whether everything still adds up."""
