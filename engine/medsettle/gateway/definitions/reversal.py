"""Reversal of a message whose answer did not arrive (2601).

Source: spec text in comments of public clients. There is no output node.
"""

from medsettle.gateway import reversing
from medsettle.gateway.definitions.nodes import person_number
from medsettle.gateway.fields import Node, text
from medsettle.gateway.transactions import Transaction

TRANSACTIONS = (
    Transaction(
        "2601",
        "冲正交易",
        (
            Node(
                "data",
                "冲正",
                (
                    person_number(),
                    text("omsgid", 30, "原发送方报文ID", required=True),
                    text("oinfno", 6, "原交易编号", required=True),
                ),
            ),
        ),
        (),
        reversing.reverse,
        service="reverseService",
        moves=True,
    ),
)
