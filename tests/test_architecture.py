"""docs/architecture.md says where each room stands; import-linter holds the code to the same order."""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LINTER: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def rows_of_the_page() -> list[set[str]]:
    """Return the rooms of each row of the page's table, from the first row down."""
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()]
    return [{name.strip("/") for name in re.findall(r"`([^`]+)`", cell)} for cell in cells]


def layers_of_the_linter() -> list[set[str]]:
    """Return the rooms of each layer, from the one that imports nothing up."""
    (layers,) = [contract["layers"] for contract in LINTER if contract["type"] == "layers"]
    return [
        {name.strip().removeprefix("anchor.").replace(".", "/") for name in layer.split("|")}
        for layer in reversed(layers)
    ]


def test_the_page_and_the_linter_say_the_same_order() -> None:
    assert rows_of_the_page() == layers_of_the_linter()


def test_every_room_has_its_place() -> None:
    source = ROOT / "src/anchor"
    folders = {path.name for path in source.iterdir() if (path / "__init__.py").is_file()}
    rooms = folders - {"server"} | {
        f"server/{path.name}" for path in (source / "server").iterdir() if (path / "__init__.py").is_file()
    }
    assert rooms == set().union(*layers_of_the_linter())


def test_the_base_install_is_every_room_outside_the_server_and_the_command_line() -> None:
    (forbidden,) = [
        contract for contract in LINTER if "anchor.server" in contract.get("forbidden_modules", ())
    ]
    held = {name.removeprefix("anchor.") for name in forbidden["source_modules"]}
    assert held == {name for name in set().union(*layers_of_the_linter()) if "/" not in name} - {"cli"}
