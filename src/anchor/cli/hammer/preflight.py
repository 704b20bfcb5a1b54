"""What the hammer asks before it writes: that everything it was pointed at is what it has to be."""

from collections.abc import Sequence
from typing import Final

from anchor.client.client import AnchorClient
from anchor.client.errors import ClientError
from anchor.node.view import ChainView

SECONDS: Final = 5.0
"""How long one of these questions may take; none is asked twice."""


class HammerRefused(ClientError):
    """The hammer was pointed at what it cannot be used on. Nothing was written."""

    code: Final = "hammer_refused"

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy: Final = remedy


def check_before(
    servers: Sequence[tuple[str, AnchorClient]], chain: ChainView, contract: bytes | None
) -> None:
    """Ask every server and the chain what they are, and write nothing.

    ``servers`` are URLs with clients that give up soon. Raises HammerRefused, ClientError, and
    ChainUnavailable where no node answers as one does.
    """
    logs: dict[str, str] = {}
    for url, client in servers:
        client.require_ready()
        # Refused to a key that may not read, or that is for one customer only.
        client.status()
        logs.setdefault(client.log_id(), url)
    if len(logs) > 1:
        told = ", ".join(f"{url} has {log_id}" for log_id, url in logs.items())
        raise HammerRefused(f"these servers are of different logs: {told}", "name servers of one log")
    chain.chain_id()
    if contract is None:
        return
    (log_id,) = logs
    found = chain.log_id(contract)
    if found is None:
        raise HammerRefused(
            f"there is no contract of a log at 0x{contract.hex()} on this chain",
            "check --contract and --rpc",
        )
    if "0x" + found.hex() != log_id:
        raise HammerRefused(
            f"the contract holds log 0x{found.hex()}, the server's is {log_id}", "check --contract"
        )
