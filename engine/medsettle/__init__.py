"""medsettle: real-time medical settlement for China's social security card.

Says, for one claim, who pays which fen: the funds, the personal account, the institution, and last
the patient's cash; records it once, durably, and explains it clause by clause.

    from medsettle import Client

    with Client("127.0.0.1:50051") as client:
        settlement = client.settle(claim)  # a dict, or medsettle.client.Claim
        print(settlement.fen("cash_fen"))
        for sentence in client.explain(str(settlement.columns["settlement"])).sentences:
            print(sentence.text_en)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medsettle.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    # On demand: gRPC takes a tenth of a second to load, and a replay needs none of it.
    if name == "Client":
        from medsettle.client import Client  # noqa: PLC0415

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
