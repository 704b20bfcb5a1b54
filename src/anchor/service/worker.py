"""``anchor worker``: the anchoring loop in a process of its own, until it is told to stop."""

import logging
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from anchor.service.assembly import connect_chains, open_directory
from anchor.service.settings_values import InvalidSettings


def run_worker(directory: Path, environment: Mapping[str, str]) -> None:
    """Seal, send and confirm until SIGTERM or SIGINT; returns within five seconds of it.

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
        log_lines_to_standard_output()
        stop = stop_on_signals()
        opened.loop(chains).run(stop)
    finally:
        opened.close()


def log_lines_to_standard_output() -> None:
    """Print the anchoring loop's lines, each a JSON object, as they are."""
    logger = logging.getLogger("anchor.anchoring")
    handler = logging.StreamHandler(sys.stdout)
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
