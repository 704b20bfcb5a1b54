"""Writing to ``anchor.toml`` what Anchor itself found out."""

import os
import re
from contextlib import suppress
from pathlib import Path

from anchor.server.service.settings import FILE_NAME


def write_contract(directory: Path, chain: str, address: str) -> bool:
    """Set ``contract`` in the section of a chain; False where the section is not written plainly.

    The rest of the file, comments included, stays as it is, and so does who may read it. Raises OSError.
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
    stated = re.compile(r"^[ \t]*contract[ \t]*=[^\n]*$", re.M)
    body = stated.sub(line, body, count=1) if stated.search(body) else f"\n{line}{body}"
    _replace(path, text[: found.end()] + body + rest)
    return True


def _replace(path: Path, text: str) -> None:
    """Put a text in the place of a file's, whole or not at all, for the same owner and readers."""
    new = path.with_name(f".{path.name}.new")
    before = path.stat()
    # Until it has the old one's mode, nobody else may read it: a password may be in it.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        with suppress(PermissionError):
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.fchmod(file.fileno(), before.st_mode & 0o777)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
