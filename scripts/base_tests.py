"""Print the test files that need nothing but the base install, one a line.

A file needs what it imports, and what the modules of ``tests`` that it imports need. The fixtures that all
tests share start servers and nodes: a file that takes one of those is left out too.
"""

import ast
import re
import sys
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("protocol", "proof", "compare", "verify")
BASE: Final = frozenset(
    {"anchor", "tests", "httpx", "msgspec", "nacl", "rfc8785", "rich", "sha3", "typer"}  # the base install
    | {"pytest", "hypothesis", "jsonschema", "referencing"}  # what scripts/test-base installs beside it
    | set(sys.stdlib_module_names)
)


def base_tests() -> list[str]:
    """Return the files, by their paths from the repository's root."""
    files = sorted(file for room in ROOMS for file in (ROOT / "tests" / room).rglob("test_*.py"))
    return [
        str(file.relative_to(ROOT))
        for file in files
        if not _parameters(file) & _shared_fixtures() and needs_only_the_base(file)
    ]


@cache
def needs_only_the_base(file: Path) -> bool:
    """Return whether a module of the tests runs on the base install, with all that it imports of them."""
    return all(map(_is_of_the_base, _imported(file)))


def _is_of_the_base(module: str) -> bool:
    if module.partition(".")[0] not in BASE or module.startswith("anchor.server"):
        return False
    file = ROOT / (module.replace(".", "/") + ".py")
    return not module.startswith("tests.") or not file.exists() or needs_only_the_base(file)


def _imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def _parameters(file: Path) -> set[str]:
    """Return what the tests of a file take, but for fixtures of its own."""
    functions = [
        node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    return {taken.arg for function in functions for taken in function.args.args} - {
        function.name for function in functions
    }


@cache
def _shared_fixtures() -> frozenset[str]:
    fixture = re.compile(r"^@pytest\.fixture.*\n(?:@.*\n)*def (\w+)", re.MULTILINE)
    files = [*(ROOT / "tests/fixtures").glob("*.py"), ROOT / "tests/cli/base_install.py"]
    return frozenset(name for file in files for name in fixture.findall(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    print(*base_tests(), sep="\n")
