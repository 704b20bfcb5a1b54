"""Fixtures that more than one folder of tests uses, each kind in its own plugin."""

# A plugin stands before those that import it, so that pytest can rewrite its assertions.
pytest_plugins = [
    "tests.cli.base_install",
    "tests.fixtures.anvil",
    "tests.fixtures.anchoring",
    "tests.fixtures.databases",
    "tests.fixtures.eth_tester",
    "tests.fixtures.logs",
    "tests.fixtures.rpc_proxy",
    "tests.fixtures.service",
]


def pytest_configure() -> None:
    """Let no example of a property be timed, and put back the recursion limit (see anchor.server.chain)."""
    import sys

    from hypothesis import settings

    # A busy machine makes a quick example slow now and then: that is no failure of the claim.
    settings.register_profile("anchor", deadline=None)
    settings.load_profile("anchor")
    sys.setrecursionlimit(min(sys.getrecursionlimit(), 3_000))
