"""Signing in and out.

Source: field models of public clients, spec text carried in their comments.
"""

from medsettle.gateway import signing
from medsettle.gateway.fields import Node, moment, text
from medsettle.gateway.transactions import Transaction

_SIGN_IN = Node(
    "signIn",
    "签到",
    (
        text("opter_no", 20, "操作员编号", required=True),
        text("mac", 20, "签到MAC地址", required=True),
        text("ip", 20, "签到IP地址", required=True),
    ),
)
_SIGN_OUT = Node(
    "signOut",
    "签退",
    (
        text("sign_no", 30, "签到编号", required=True),
        text("opter_no", 20, "操作员编号", required=True),
    ),
)

TRANSACTIONS = (
    Transaction(
        "9001",
        "签到",
        (_SIGN_IN,),
        (
            Node(
                "signinoutb",
                "签到",
                (moment("sign_time", "签到时间"), text("sign_no", 30, "签到编号")),
            ),
        ),
        signing.sign_in,
        service="signInSignOutService",
        moves=True,
        signed_in=False,
    ),
    Transaction(
        "9002",
        "签退",
        (_SIGN_OUT,),
        (Node("signoutoutb", "签退", (moment("sign_time", "签退时间"),)),),
        signing.sign_out,
        service="signInSignOutService",
        moves=True,
        signed_in=False,
    ),
)
