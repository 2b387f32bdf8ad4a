"""What would move if provinces paid differences only: exact, and never more than what is owed."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from medsettle.clearing.notices.netting import Obligation, by_line, liquidity

# The sums are published (`clearing.md` 3.3: gross 2,811,500, bilateral 791,500, multilateral
# 151,500 with the positions below); the six amounts between the provinces are ours. With these
# sums, positions and signs the three differences can only be 341,500, 260,000 and 190,000.
_PAIRS = [
    ("A", "B", 841_500),
    ("B", "A", 500_000),
    ("B", "C", 560_000),
    ("C", "B", 300_000),
    ("C", "A", 400_000),
    ("A", "C", 210_000),
]


def _owed(line: str = "employee", times: int = 100) -> list[Obligation]:
    return [Obligation(debtor, creditor, line, yuan * times) for debtor, creditor, yuan in _PAIRS]


def test_the_three_provinces_come_out_exactly() -> None:
    """Gross 2,811,500.00, bilateral 791,500.00, multilateral 151,500.00, positions to the fen."""
    view = liquidity(_owed())

    assert (281_150_000, 79_150_000, 15_150_000) == (
        *(view.gross_fen, view.bilateral_fen),
        view.multilateral_fen,
    )
    assert (("A", -15_150_000), ("B", 8_150_000), ("C", 7_000_000)) == view.positions
    assert (("A", "B", 34_150_000), ("B", "C", 26_000_000), ("C", "A", 19_000_000)) == (
        view.bilateral
    )
    # (2,811,500 - 791,500) / 2,811,500 and (2,811,500 - 151,500) / 2,811,500, by hand.
    assert (Fraction(4040, 5623), Fraction(5320, 5623)) == (
        view.bilateral_compression,
        view.multilateral_compression,
    )
    # 71.84… % and 94.61… %, never shown as more than is spared.
    assert (7_184, 9_461) == (view.bilateral_bps, view.multilateral_bps)


def test_lines_are_looked_at_apart() -> None:
    """What employee funds owe one way and resident funds the other does not cancel in a line."""
    obligations = [
        Obligation("A", "B", "employee", 70),
        Obligation("B", "A", "resident", 50),
    ]
    lines = by_line(obligations)

    assert {"employee": 70, "resident": 50} == {
        line: view.multilateral_fen for line, view in lines.items()
    }
    assert (120, 20) == (
        liquidity(obligations).gross_fen,
        liquidity(obligations).multilateral_fen,
    )


def test_what_is_owed_back_is_owed_the_other_way() -> None:
    """A sum below zero counts for the other direction; what stays inside a province does not."""
    view = liquidity([Obligation("A", "B", "x", -30), Obligation("A", "A", "x", 99)])

    assert (30, (("B", "A", 30),), (("A", 30), ("B", -30))) == (
        *(view.gross_fen, view.bilateral),
        view.positions,
    )


def test_nothing_owed_is_compressed_to_nothing() -> None:
    """Without an obligation no ratio is divided by zero."""
    view = liquidity([])

    assert (0, Fraction(0)) == (view.multilateral_fen, view.multilateral_compression)


_OBLIGATIONS = st.lists(
    st.builds(
        Obligation,
        st.sampled_from("ABCDE"),
        st.sampled_from("ABCDE"),
        st.sampled_from(["employee", "resident"]),
        st.integers(-(10**13), 10**13),
    ),
    max_size=40,
)


@given(_OBLIGATIONS)
def test_positions_add_up_to_zero_and_netting_never_adds(obligations: list[Obligation]) -> None:
    """Each position is what is received less what is paid, counted here pair by pair."""
    view = liquidity(obligations)
    expected = {
        name: sum(
            each.amount_fen * ((each.creditor == name) - (each.debtor == name))
            for each in obligations
        )
        for name in "ABCDE"
    }

    assert {name: fen for name, fen in expected.items() if fen} == {
        name: fen for name, fen in view.positions if fen
    }
    assert 0 == sum(fen for _, fen in view.positions)
    assert view.multilateral_fen <= view.bilateral_fen <= view.gross_fen
    assert view.gross_fen == sum(each.gross_fen for each in by_line(obligations).values())
