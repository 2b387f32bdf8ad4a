"""Names of people who decide, and when two of them are one person."""


def same_person(one: str | None, other: str | None) -> bool:
    """Return whether two names are of one person: the case of letters tells nobody apart.

    >>> same_person("Li", "li"), same_person("li", "wang"), same_person(None, None)
    (True, False, False)
    """
    return one is not None and other is not None and one.casefold() == other.casefold()
