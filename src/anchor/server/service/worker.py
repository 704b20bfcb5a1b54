"""``anchor worker``: the anchoring loop in a process of its own, until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO

from anchor.server.service.assembly import connect_chains, open_directory
from anchor.server.service.settings import InvalidSettings


def run_worker(
    directory: Path,
    environment: Mapping[str, str],
    *,
    lines: TextIO,
    announce: Callable[[Sequence[str]], None] = lambda _names: None,
) -> None:
    """Seal, send and confirm until SIGTERM or SIGINT; returns within five seconds of it.

    ``lines`` takes a line for each change; ``announce`` is told the chains' names at the beginning.

    Raises InvalidSettings where no chain is set, or one has no contract yet.
    """
    opened = open_directory(directory, environment)
    try:
        chains = connect_chains(opened.settings, environment)
        if not chains:
            raise InvalidSettings(
                "anchor.toml: chains", "there is no chain to anchor on", "add a section [chains.NAME]"
            )
        for chain in chains:
            if chain.settings.contract is None:
                name = chain.settings.name
                raise InvalidSettings(
                    f"anchor.toml: chains.{name}.contract",
                    "there is no contract yet",
                    f"put one on the chain with: anchor deploy --chain {name}",
                )
        log_lines_to(lines)
        stop = stop_on_signals()
        announce([chain.settings.name for chain in chains])
        opened.loop(chains).run(stop)
    finally:
        opened.close()


def log_lines_to(stream: TextIO) -> None:
    """Print the anchoring loop's lines, each a JSON object, as they are."""
    logger = logging.getLogger("anchor.anchoring")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    return stop
