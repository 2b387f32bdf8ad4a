"""Hold a stated settlement to what the policy settles for the same claim."""

from medsettle.policy.receipts import Receipt
from medsettle.settle.explain import explain
from medsettle.settle.prove import amounts_of, settle_visit
from medsettle.settle.run import Settler
from medsettle.settle.stated import Check


def policy_checks(settler: Settler, receipt: Receipt) -> list[Check]:
    """Return the printed amounts beside those of the policy; none where no claim is stated.

    Amounts that the policy does not know by that name are left to the receipt's own rules.

    Raises:
        PolicyNotFound: No policy of that name is loaded.
        SettlementError: The claim is rejected; the error says why.
    """
    if receipt.visit is None or receipt.policy is None:
        return []
    policy = settler.book.policy(receipt.policy)
    refuse_gaps = not receipt.visit.preview
    _, result = settle_visit(settler, policy, receipt.visit, {}, refuse_gaps=refuse_gaps)
    decided_by = settler.book.policy(str(result.settlement.columns["policy"]))
    told = explain(decided_by, result.settlement, result.inputs).sentences
    found = []
    for name, fen in amounts_of(result.settlement).items():
        if name not in receipt.amounts:
            continue
        said = "; ".join(f"{each.text_en} ({each.clause})" for each in told if each.payer == name)
        rule = f"by {decided_by.policy.name}: {said or 'its settlement of this claim'}"
        found.append(Check(name, receipt.amounts[name], fen, fen, rule))
    return found
