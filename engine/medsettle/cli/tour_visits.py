"""The second act of `medsettle demo`, as a person wants to read it."""

from rich.console import Console
from rich.markup import escape

from medsettle import errors
from medsettle.cli.exits import Exit, Quit
from medsettle.cli.show import print_table, waterfall
from medsettle.cli.visit_words import routes_table, sums_table
from medsettle.core.money import yuan_from_fen
from medsettle.core.visits import Visit
from medsettle.demo.showcase import LIMIT_FEN, Showcase


def second_act(console: Console, showcase: Showcase) -> None:
    """Show one visit over several schemes twice, a purchase paid by a relative, and a lost card.

    Raises:
        Quit: A lost card was not refused as one.
    """
    console.print("\n[bold cyan]8. Second act, in an invented area: one card, all schemes[/]")
    console.print("   A delivery of twins with complications, and drugs for another illness")
    _print(console, showcase.delivery())
    console.print("\n   A stay after a work injury, with a diabetes drug in it")
    _print(console, showcase.injury())
    settlement, relation = showcase.purchase()
    console.print("\n   A father buys drugs; his daughter has set 150 yuan aside for him")
    assert LIMIT_FEN == relation.limit_fen + relation.used_fen
    print_table(console, waterfall(settlement, "who pays which yuan"))
    console.print(
        f"   the daughter's limit: {yuan_from_fen(relation.used_fen)} used, "
        f"{yuan_from_fen(relation.limit_fen)} left"
    )
    refusal = showcase.lost()
    console.print(f"   the card is reported lost: [red]{escape(str(refusal))}[/]", soft_wrap=True)
    if not isinstance(refusal, errors.CardLost):
        raise Quit(Exit.FINDING)


def _print(console: Console, visit: Visit) -> None:
    print_table(console, sums_table(visit))
    print_table(console, routes_table(visit))
