"""Writing to ``anchor.toml`` what Anchor itself found out."""

import os
import re
from pathlib import Path

from anchor.service.settings import FILE_NAME


def write_contract(directory: Path, chain: str, address: str) -> bool:
    """Set ``contract`` in the section of a chain; False where the section is not written plainly.

    The rest of the file, comments included, stays as it is.
    """
    path = directory / FILE_NAME
    text = path.read_text(encoding="utf-8")
    heading = re.compile(
        rf"^\[\s*chains\s*\.\s*(?:{re.escape(chain)}|\"{re.escape(chain)}\")\s*\][^\n]*$", re.M
    )
    found = heading.search(text)
    if found is None:
        return False
    end = re.compile(r"^\s*\[", re.M).search(text, found.end())
    body = text[found.end() : None if end is None else end.start()]
    rest = "" if end is None else text[end.start() :]
    line = f'contract = "{address}"'
    stated = re.compile(r"^\s*contract\s*=[^\n]*$", re.M)
    body = stated.sub(line, body, count=1) if stated.search(body) else f"\n{line}{body}"
    new = path.with_name(f".{FILE_NAME}.new")
    new.write_text(text[: found.end()] + body + rest, encoding="utf-8")
    os.replace(new, path)
    return True
