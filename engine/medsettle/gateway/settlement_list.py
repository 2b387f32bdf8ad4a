"""The settlement list (医保结算清单): what a hospital reports of a bill after it was settled.

A list is kept as the message that sent it, about the settlement; sent again it takes the place of
the one before, and what it says of money must be what was settled.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from medsettle import errors
from medsettle.core import codes
from medsettle.core.messages import MessageState
from medsettle.core.settlement import Settlement
from medsettle.engine.messages import Messages
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.aliases import fund_pay_type
from medsettle.gateway.fields import Node, Values, decimal_text
from medsettle.gateway.office import Office
from medsettle.gateway.reading import read_row
from medsettle.gateway.recording import message_of, recalled
from medsettle.gateway.settling import own_settlement
from medsettle.gateway.transactions import Answer, Asked, Handler

UPLOAD: Final = "4101"
STATUS: Final = "4102"
STATES_MAX: Final = 100
"""Settlement lists whose state one call may change."""

_FUNDS: Final = {each.fund_pay_type for each in codes.PAYERS if each.fund}


async def upload(office: Office, asked: Asked) -> Answer:
    """Take a settlement list (4101, 4101A)."""
    said = asked.input["setlinfo"]
    institution = asked.envelope.institution
    _check_form(asked)
    settlement = own_settlement(office, institution, said)

    def decide() -> Mapping[str, Any]:
        now = own_settlement(office, institution, said)
        _check_standing(now)
        differences = list(_differences(now, asked))
        if differences:
            raise errors.SumsDiffer("; ".join(differences), settlement=said["setl_id"])
        return {}

    message = message_of(
        asked,
        UPLOAD,
        asked.input,
        subject=said["setl_id"],
        person=str(settlement.columns["person"]),
        pooling_area=str(settlement.columns["pooling_area"]),
    )
    recorded = await office.record(message, decide)
    number = {"setl_list_id": Messages.id_of(recorded.message)}
    return Answer({"": number, "data": number})


def mark(states: Node) -> Handler:
    """Return what changes the state of settlement lists (4102); `states` says what a row has."""

    async def handler(office: Office, asked: Asked) -> Answer:
        rows = _rows(states, asked)
        held = [_own_list(office, asked, row) for row in rows]
        for at, (row, settlement) in enumerate(zip(rows, held, strict=True)):
            message = message_of(
                asked,
                STATUS,
                row,
                subject=row["setl_id"],
                person=str(settlement.columns["person"]),
                pooling_area=str(settlement.columns["pooling_area"]),
                # One message is about one settlement.
                part=at,
            )
            await office.record(message, dict)
        return Answer()

    return handler


def query(nodes: Sequence[Node]) -> Handler:
    """Return what tells a settlement list as it was sent last (4103), by the nodes of 4101."""

    async def handler(office: Office, asked: Asked) -> Answer:
        said = asked.input["data"]
        person = _own_list(office, asked, said).columns["person"]
        sent, state = _last(office, said["setl_id"])
        assert sent is not None
        content: Mapping[str, Any] = sent.message.content
        output: dict[str, Any] = {
            node.name: [recalled(node.fields, row) for row in content.get(node.name, ())]
            if node.many
            else recalled(node.fields, content[node.name])
            for node in nodes
        }
        number = Messages.id_of(sent.message)
        output["setlinfo"] |= {"setl_list_sn": number, "stas_type": state, "psn_no": person}
        return Answer(output)

    return handler


def _rows(states: Node, asked: Asked) -> list[Values]:
    """Return the rows of a change of states; clients send them inside of `data` or beside it."""
    inside = (asked.input["data"] or {}).get("stastinfo")
    if inside is None:
        rows = list(asked.input[states.name])
        faults = [] if rows else [Fault(states.name, f"missing; {states.meaning}")]
    else:
        listed = inside if isinstance(inside, list) else [inside]
        faults = []
        if not 1 <= len(listed) <= states.most:
            faults.append(Fault("data.stastinfo", f"{len(listed)} rows; send 1 to {states.most}"))
        rows = [
            read_row(states.fields, row, f"data.stastinfo[{at}]", faults)
            for at, row in enumerate(listed[: states.most])
        ]
    if faults:
        raise InvalidRequest(faults)
    return rows


def _own_list(office: Office, asked: Asked, said: Values) -> Settlement:
    """Return the settlement of a list that the institution has sent.

    Raises:
        NotFound: It has sent none for that settlement.
    """
    settlement = own_settlement(office, asked.envelope.institution, said)
    if _last(office, said["setl_id"])[0] is None:
        raise errors.NotFound(
            f"no settlement list was sent for {said['setl_id']}; send it by {UPLOAD}",
            settlement=said["setl_id"],
        )
    return settlement


def _last(office: Office, settlement: str) -> tuple[MessageState | None, str | None]:
    """Return the list that was sent last for a settlement, and its state."""
    sent: MessageState | None = None
    state: str | None = None
    for each in office.messages(settlement):
        content: Mapping[str, Any] = each.message.content
        if each.message.kind == UPLOAD:
            sent, state = each, content["setlinfo"].get("stas_type")
        elif each.message.kind == STATUS:
            state = content["stas_type"]
    return sent, state


def _check_form(asked: Asked) -> None:
    """Refuse what no settlement list can say, whatever was settled."""
    said = asked.input["setlinfo"]
    faults = []
    if not asked.input["diseinfo"] and not asked.input["opspdiseinfo"]:
        faults.append(Fault("diseinfo", "has no rows; send the diagnoses, or opspdiseinfo"))
    for first, last in (("setl_begn_date", "setl_end_date"), ("adm_time", "dscg_time")):
        if said[first] and said[last] and said[last] < said[first]:
            faults.append(Fault(f"setlinfo.{last}", f"{said[last]} is before {said[first]}"))
    for at, row in enumerate(asked.input["icuinfo"]):
        if row["scs_cutd_exit_time"] < row["scs_cutd_inpool_time"]:
            text = f"{row['scs_cutd_exit_time']} is before {row['scs_cutd_inpool_time']}"
            faults.append(Fault(f"icuinfo[{at}].scs_cutd_exit_time", text))
    if said["fixmedins_code"] not in {None, asked.envelope.institution}:
        text = f"{said['fixmedins_code']}; the message is of {asked.envelope.institution}"
        faults.append(Fault("setlinfo.fixmedins_code", text))
    if faults:
        raise InvalidRequest(faults)


def _check_standing(settlement: Settlement) -> None:
    """Refuse a settlement that owes nothing.

    Raises:
        AlreadyCancelled: It is a cancel, or was cancelled since.
    """
    number = str(settlement.columns["settlement"])
    if settlement.columns["kind"] != "settle" or settlement.notices:
        raise errors.AlreadyCancelled(
            f"{number} is cancelled; send the settlement list of the one that stands",
            settlement=number,
        )


def _differences(settlement: Settlement, asked: Asked) -> Iterator[str]:
    """Yield what the list says of money that is not what was settled."""
    said = asked.input["setlinfo"]
    yield from _unequal("setlinfo.acct_pay", said["acct_pay"], settlement.accounts_fen)
    yield from _unequal("setlinfo.psn_cashpay", said["psn_cashpay"], settlement.fen("cash_fen"))
    items = asked.input["iteminfo"]
    if items:
        total = sum(row["amt"] for row in items)
        yield from _unequal("iteminfo.amt", total, settlement.fen("total_fen"))
        for at, row in enumerate(items):
            parts = [row[name] for name in _ITEM_PARTS]
            if None not in parts:
                yield from _unequal(f"iteminfo[{at}].amt", row["amt"], sum(parts))
    if asked.input["payinfo"]:
        yield from _fund_differences(settlement, asked.input["payinfo"])


_ITEM_PARTS: Final = ("claa_sumfee", "clab_amt", "fulamt_ownpay_amt", "oth_amt")


def _fund_differences(settlement: Settlement, rows: Sequence[Values]) -> Iterator[str]:
    """Yield the payers that are stated otherwise, and the funds that are left out.

    Whether accounts and hospital shares are listed beside the funds differs between clients.
    """
    paid, stated = settlement.paid_by_fund(), Counter[str]()
    for row in rows:
        stated[fund_pay_type(row["fund_pay_type"])] += row["fund_payamt"]
    for fund in sorted({*stated, *(paid.keys() & _FUNDS)}):
        yield from _unequal(f"payinfo.fund_payamt {fund}", stated[fund], paid.get(fund, 0))


def _unequal(name: str, stated: int | None, settled: int) -> Iterator[str]:
    if stated is not None and stated != settled:
        yield f"{name} {decimal_text(stated, 2)} != {decimal_text(settled, 2)}"
