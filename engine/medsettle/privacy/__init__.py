"""What keeps persons out of places where they have no business: keys, seals and pseudonyms."""
