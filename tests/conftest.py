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
    """Undo what py_ecc did to the recursion limit when a plugin above imported web3: see anchor.chain."""
    import sys

    sys.setrecursionlimit(min(sys.getrecursionlimit(), 3_000))
