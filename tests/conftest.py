"""Fixtures that more than one folder of tests uses, each kind in its own plugin."""

# A plugin stands before those that import it, so that pytest can rewrite its assertions.
pytest_plugins = [
    "tests.cli.base_install",
    "tests.fixtures.anvil",
    "tests.fixtures.anchoring",
    "tests.fixtures.databases",
    "tests.fixtures.eth_tester",
    "tests.fixtures.logs",
    "tests.fixtures.properties",
    "tests.fixtures.rpc_proxy",
    "tests.fixtures.service",
]


def pytest_configure() -> None:
    """Put back the recursion limit (see anchor.server.chain)."""
    import sys

    sys.setrecursionlimit(min(sys.getrecursionlimit(), 3_000))
