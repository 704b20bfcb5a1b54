"""Fixtures that more than one folder of tests uses, each kind in its own plugin."""

pytest_plugins = [
    "tests.fixtures.anchoring",
    "tests.fixtures.anvil",
    "tests.fixtures.databases",
    "tests.fixtures.eth_tester",
    "tests.fixtures.rpc_proxy",
]


def pytest_configure() -> None:
    """Undo what py_ecc did to the recursion limit when a plugin above imported web3: see anchor.chain."""
    import sys

    sys.setrecursionlimit(min(sys.getrecursionlimit(), 3_000))
