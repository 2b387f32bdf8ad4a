"""What each defence of `engine/threats.md` is, as a change that takes it out.

The files beside this one list the changes; `python -m tests.defences` makes each in a copy of the
tree and sees that the tests of its threat fail there.
"""
