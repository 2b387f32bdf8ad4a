"""How a record stands in the books of care, home and hub, in the simulated areas."""

from medsettle.core.settlement import Settlement
from medsettle.core.visits import Visit
from medsettle.torture.requests import Answer

from tests.peers.moves import CARE, HOME
from tests.peers.simulated import Provinces


def id_of(answer: Answer) -> str:
    """Return the id of what a till was told to be recorded."""
    assert answer.done, answer
    told = answer.told
    if isinstance(told, Visit):
        return str(told.visit)
    assert isinstance(told, Settlement)
    return str(told.columns["settlement"])


def standing(world: Provinces, record: str) -> dict[str, str]:
    """Return how a record is in each book."""
    areas, hub = world.books()
    books = {"care": areas[CARE], "home": areas[HOME], "hub": hub}
    return {
        name: "absent"
        if record not in book.held
        else "stands"
        if book.stands(record)
        else "taken back"
        for name, book in books.items()
    }


def everywhere(word: str) -> dict[str, str]:
    """Return how a record is that is the same in all books."""
    return dict.fromkeys(("care", "home", "hub"), word)


def whole(world: Provinces) -> None:
    """Heal, and see that nothing is open and the books agree."""
    world.heal()
    assert [] == world.open_cases()
    assert [] == world.faults()
