"""Read the kinds of registration of a document, whichever of an area's documents it is."""

from collections.abc import Callable

from medsettle.policy.checker import Checker
from medsettle.policy.key_types import Shape
from medsettle.policy.registration_kinds import About, RegistrationKind
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted


def read_kinds(
    check: Checker, value: Value | None, shape: Shape, clause: Callable[[Value | None], str]
) -> dict[str, RegistrationKind]:
    """Return the kinds by name.

    Args:
        check: Collects what is wrong.
        value: The block that declares them.
        shape: The keys of a kind; where they do not say whom it is about, it is a person.
        clause: Reads the source of a kind.
    """
    found: dict[str, RegistrationKind] = {}
    entries = check.named(value, "kinds of registration")
    names = [name for name, _, _ in entries]
    for name, _, body in entries:
        parts = check.record(body, shape)
        check.text(parts.get("note"))
        clause(parts.get("source"))
        continues = check.known(parts.get("continues"), names, "kind of registration")
        if continues == name:
            check.refuse(parts["continues"].place, f"{quoted(name)} continues itself")
        about = check.choice(parts.get("about"), About, About.PERSON)
        found[name] = RegistrationKind(name, check.text(parts.get("title")), continues, about)
    return found
