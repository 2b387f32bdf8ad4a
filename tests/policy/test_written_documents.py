"""A policy that is written as a document and read again is the same policy."""

from hypothesis import assume, given
from medsettle.policy import tree
from medsettle.policy.model import Policy
from medsettle.policy.read_policy import read_policy

from tests.policy.writing import document_text
from tests.settle.nowhere import AREA
from tests.settle.strategies import policies

# A drawn document may say what no claim can reach, which is proved of its numbers, not its form.
_FOR_NOBODY = (
    "could look at more than",
    "looks at",
    "never pays",
    "never shows",
    "no claim has",
    "nothing is left to pay",
    "was solved back",
)


@given(policies())
def test_a_written_policy_reads_as_itself(policy: Policy) -> None:
    """The reader loses and adds nothing, and tests draw no document of a form it refuses."""
    document, faults = tree.parse(document_text(policy).encode(), "random.yaml")
    read, violations = read_policy(document, AREA, faults)
    found = [violation.message for violation in violations]

    assert [] == [told for told in found if not any(word in told for word in _FOR_NOBODY)]
    assume(not found)
    assert policy == read
