"""Fixtures that more than one folder of tests uses, each kind in its own plugin."""

pytest_plugins = [
    "tests.fixtures.anvil",
    "tests.fixtures.eth_tester",
]
