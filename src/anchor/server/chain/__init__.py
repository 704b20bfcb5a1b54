"""The way to an EVM chain: the contract's binding, endpoints, signers, fees and finality."""

import sys

import py_ecc  # noqa: F401

# eth-account brings py_ecc (by eth-keyfile), which lets Python recurse 100,000 deep: a hostile body of
# nested JSON would then overflow the C stack and end the process, where it should be refused. Imported
# here, once, it cannot do so again.
sys.setrecursionlimit(min(sys.getrecursionlimit(), 3_000))
