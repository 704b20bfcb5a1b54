"""How a command ends when it does not end well: one sentence, what to do, and an exit code.

==== =====================================================================================
code meaning
==== =====================================================================================
0    done, and where a question was asked, the answer is yes (valid, matching, conforming)
1    the answer is no: an invalid proof, books that differ, values that do not conform
2    the command was typed wrongly
3    refused: the input, the settings or the key are not acceptable; nothing was changed
4    could not be found out: a server, chain or database cannot be reached
130  interrupted
==== =====================================================================================
"""

import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    NO = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


@dataclass(eq=False)
class CommandFailed(Exception):
    """A command that cannot go on. ``code`` is the stable name of the failure."""

    problem: str
    remedy: str = ""
    exit_code: ExitCode = ExitCode.REFUSED
    code: str = "refused"

    def __str__(self) -> str:
        return self.problem


SERVER_INSTALL: Final = "pip install 'anchor-ledger[server]'"
DEVELOPMENT_INSTALL: Final = "pip install 'anchor-ledger[dev]'"

_OPTIONAL_MODULES: Final = {
    "eth_tester": DEVELOPMENT_INSTALL,
    "eth": DEVELOPMENT_INSTALL,
    "boto3": "pip install 'anchor-ledger[aws]'",
} | dict.fromkeys(
    (
        "alembic",
        "cryptography",
        "eth_abi",
        "eth_account",
        "eth_utils",
        "fastapi",
        "msgspec",
        "prometheus_client",
        "psycopg",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "web3",
    ),
    SERVER_INSTALL,
)


def failure_of(error: BaseException) -> CommandFailed | None:
    """Return what to tell about an exception of any room, or None where it is a fault of ours."""
    if isinstance(error, CommandFailed):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CommandFailed("interrupted", "", ExitCode.INTERRUPTED, "interrupted")
    if isinstance(error, ModuleNotFoundError):
        install = _OPTIONAL_MODULES.get((error.name or "").partition(".")[0])
        if install is not None:
            return CommandFailed(
                "this command needs more than the base install",
                f"install it with: {install}",
                ExitCode.REFUSED,
                "not_installed",
            )
        return None
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        reason = error.strerror or type(error).__name__
        return CommandFailed(f"{error.filename}: {reason.lower()}", "check the path", code="file")
    return _failure_of_a_room(error)


def _failure_of_a_room(error: BaseException) -> CommandFailed | None:
    """Name the errors of rooms that are loaded; one that is not loaded cannot have raised."""
    code = getattr(error, "code", None)
    remedy = getattr(error, "remedy", "")
    if not isinstance(code, str) or not type(error).__module__.startswith("anchor."):
        return None
    unavailable = _is(error, "anchor.storage.database", "StorageUnavailable") or code in _UNAVAILABLE
    return CommandFailed(
        str(error),
        remedy if isinstance(remedy, str) else "",
        ExitCode.UNAVAILABLE if unavailable else ExitCode.REFUSED,
        code,
    )


_UNAVAILABLE: Final = frozenset(
    {"storage_unavailable", "overloaded", "server_unreachable", "chain_unreachable"}
)


def _is(error: BaseException, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None)
    return isinstance(kind, type) and isinstance(error, kind)
