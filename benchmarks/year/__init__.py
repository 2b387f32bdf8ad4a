"""A year of the anchor policy: what each claim pays depends on the person's claims before it."""
