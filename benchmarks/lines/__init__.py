"""Charge lines: what of every line of a bill the insurance looks at, summed for each claim."""
