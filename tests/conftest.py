"""How every test runs: no deadline on shared machines, and a longer search on request."""

from hypothesis import settings

# A slow machine is not a wrong answer, so no example has a deadline. `--hypothesis-profile=long`
# searches fifty times as far before a release.
settings.register_profile("house", deadline=None, print_blob=True, max_examples=100)
settings.register_profile("long", settings.get_profile("house"), max_examples=5_000)
settings.load_profile("house")
