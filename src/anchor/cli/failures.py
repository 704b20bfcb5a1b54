"""How a command ends when it does not end well: one sentence, what to do, and an exit code.

==== =====================================================================================
code meaning
==== =====================================================================================
0    done, and where a question was asked, the answer is yes (valid, matching, conforming)
1    the answer is no: an invalid proof, books that differ, values that do not conform
2    the command was typed wrongly
3    refused: the input, the settings or the key are not acceptable; nothing was changed
4    could not be found out: a server, chain or database cannot be reached
5    a strict verification was asked for, and log, chain or customer were not named
70   a fault of Anchor's own: it says nothing about the question that was asked
130  interrupted
==== =====================================================================================
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    NO = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    NOT_STRICT = 5
    INTERNAL = 70
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


SERVER_INSTALL: Final = "pip install '.[server]'"
DEVELOPMENT_INSTALL: Final = "pip install '.[dev]'"

_OPTIONAL_MODULES: Final = {
    "eth_tester": DEVELOPMENT_INSTALL,
    "eth": DEVELOPMENT_INSTALL,
    "web3": DEVELOPMENT_INSTALL,
    "boto3": "pip install '.[aws]'",
} | dict.fromkeys(
    (
        "alembic",
        "cryptography",
        "eth_abi",
        "eth_account",
        "eth_keys",
        "py_ecc",
        "rlp",
        "eth_utils",
        "fastapi",
        "msgspec",
        "prometheus_client",
        "psycopg",
        "sqlalchemy",
        "starlette",
        "uvicorn",
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
                f"in a checkout of Anchor: {install}",
                ExitCode.REFUSED,
                "not_installed",
            )
        return None
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        remedy = "check the path" if place else "check the disk"
        return CommandFailed(f"{place}{error.strerror.lower()}", remedy, code="file")
    if type(error).__module__.startswith("anchor."):
        return _failure_of_a_room(error)
    return None


DEBUG_VARIABLE: Final = "ANCHOR_DEBUG"
"""Set to 1, a fault of ours is shown with its traceback."""


def internal_failure(error: Exception) -> CommandFailed:
    """Return what to tell about a fault of ours: its kind alone, for its text may hold anything."""
    return CommandFailed(
        f"a fault of Anchor's own ({type(error).__name__}); this is no answer to what was asked",
        f"set {DEBUG_VARIABLE}=1 to see where it happened, and report it; look the output through first",
        ExitCode.INTERNAL,
        "internal_error",
    )


_UNAVAILABLE: Final = frozenset(
    {
        "storage_unavailable",
        "overloaded",
        "anchor_unreachable",
        "transport_failed",
        "signer_unavailable",
        "endpoints_disagree",
        "unexpected_answer",
    }
)


def _failure_of_a_room(error: BaseException) -> CommandFailed:
    """Tell what a room's own exception says: its sentence, its code (else its name), its remedy."""
    from anchor.client.errors import AnchorProblem

    if isinstance(error, AnchorProblem):
        told = (error.detail or error.title) + _neighbours(error.document)
        return CommandFailed(
            f"{_option(error.field)}: {told}" if error.field else told,
            error.remedy or "",
            ExitCode.UNAVAILABLE if error.status >= 500 else ExitCode.REFUSED,
            error.code,
        )
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        code = _CAPITAL.sub("_", type(error).__name__).lower()
    remedy = getattr(error, "remedy", "")
    remedy = remedy if isinstance(remedy, str) else ""
    problem = str(error)
    if remedy and problem.endswith(f"; {remedy}"):
        problem = problem.removesuffix(f"; {remedy}")
    unavailable = code in _UNAVAILABLE
    return CommandFailed(problem, remedy, ExitCode.UNAVAILABLE if unavailable else ExitCode.REFUSED, code)


_OPTIONS: Final = {
    "/customerId": "CUSTOMER",
    "customerId": "CUSTOMER",
    "/delta": "DELTA",
    "/reason": "--reason",
    "/referenceId": "--reference",
    "/unit": "--unit",
    "unit": "--unit",
    "/metadata": "--metadata",
    "/occurredAt": "--occurred-at",
    "/adjusts": "--adjusts",
    "/yourBalance": "--yours",
    "/counterpartyBalance": "--theirs",
    "/yourDeltas": "--your-books",
    "/counterpartyDeltas": "--their-books",
    "/asOfIndex": "--as-of-index",
    "asOfIndex": "--as-of-index",
    "asOfTime": "--as-of-time",
    "/fromIndex": "--from",
    "/toIndex": "--to",
    "/period": "--period",
    "/startDate": "--start",
    "/endDate": "--end",
    "fromIndex": "--from",
    "toIndex": "--to",
    "chainId": "--chain-id",
    "/name": "NAME",
    "/scopes": "--scope",
}


def _option(field: str) -> str:
    """Return what a field of the API is called on the command line, with the place inside it."""
    for name, option in _OPTIONS.items():
        if field == name:
            return option
        if field.startswith(f"{name}/"):
            place = field.removeprefix(f"{name}/")
            return option if name in ("/adjusts", "/scopes") else f"{option} {place}"
    return field


def _neighbours(document: dict[str, Any]) -> str:
    """Name the deltas beside an empty span, where the problem has them."""
    sides = [("before", document.get("previousIndex")), ("after", document.get("nextIndex"))]
    told = [f"the last {side} it has index {index}" for side, index in sides[:1] if index is not None]
    told += [f"the first {side} it has index {index}" for side, index in sides[1:] if index is not None]
    return f" ({', '.join(told)})" if told else ""


_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
