"""What an operator sets: ``anchor.toml`` in a data directory, with the environment on top.

A key of the file is written ``[section] key``; its variable is ``ANCHOR_SECTION_KEY``, which wins. What
Anchor does not know is refused with its place, so that a typing error is never a silent default. Paths
are relative to the data directory.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from anchor.server.chain.settings import ChainSettings, ChainSettingsError, parse_chains

Section = TypeVar("Section")

# Not 0x…: an address is a text.
_LITERAL: Final = re.compile(r"true|false|[0-9]+(\.[0-9]+)?|\[.*\]|\".*\"", re.DOTALL)
_NAMES: Final = {str: "a text", int: "a whole number", bool: "true or false"}


class InvalidSettings(Exception):
    """A setting that cannot be used: where it is, what is wrong, and what to do."""

    code: Final = "invalid_settings"

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{place}: {problem}; {remedy}")
        self.place = place
        self.problem = problem
        self.remedy = remedy


def toml_value(text: str) -> Any:
    """Return a variable's value as TOML would read it where it is a number, a list or true; else the text."""
    if _LITERAL.fullmatch(text):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            pass
    return text


def within(place: str, value: int, least: int, most: int) -> None:
    """Refuse a number outside its bounds. Raises InvalidSettings."""
    if not least <= value <= most:
        raise InvalidSettings(place, f"it is {value}", f"give a whole number from {least} to {most}")


def parse_section(kind: type[Section], table: Mapping[str, Any], place: str) -> Section:
    """Return the section that a table of the file states. Raises InvalidSettings."""
    types = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in types:
            raise InvalidSettings(
                f"{place}.{key}", "there is no such setting", f"this section has {', '.join(types)}"
            )
        wanted = types[key]
        if type(value) is not wanted:
            raise InvalidSettings(
                f"{place}.{key}",
                f"{value!r} is of the wrong kind",
                f"give {_NAMES[wanted]}",  # type: ignore[index]
            )
    return kind(**table)


def section_from_environment(section: Section, name: str, environment: Mapping[str, str]) -> Section:
    """Return the section with what ``ANCHOR_NAME_KEY`` variables say. Raises InvalidSettings."""
    found: dict[str, Any] = {}
    for field in fields(section):  # type: ignore[arg-type]
        variable = f"ANCHOR_{name.upper()}_{field.name.upper()}"
        text = environment.get(variable)
        if text is not None:
            found[field.name] = _value(text, field.type, f"environment variable {variable}")
    return replace(section, **found) if found else section  # type: ignore[type-var]


def _value(text: str, wanted: Any, place: str) -> Any:
    if wanted is int:
        if text.isascii() and text.isdigit():
            return int(text)
    elif wanted is bool:
        if text in ("true", "false"):
            return text == "true"
    else:
        return text
    raise InvalidSettings(place, f"{text!r} is of the wrong kind", f"give {_NAMES[wanted]}")


FILE_NAME: Final = "anchor.toml"

# Variables of Anchor's that are no settings of a section: the command line's own, and secrets.
OTHER_VARIABLES: Final = frozenset({"ANCHOR_URL", "ANCHOR_API_KEY", "ANCHOR_DATA", "ANCHOR_IDENTITY_KEY"})


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the log is kept."""

    url: str = "sqlite:///anchor.db"
    """``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """The key that names the ledgers. ``ANCHOR_IDENTITY_KEY``, 64 hexadecimal digits, replaces the file."""

    key_file: str = "identity.key"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: int = 8440
    queue_limit: int = 20_000
    """How many deltas may wait for their commit before the server answers 503."""
    body_memory_mib: int = 256
    """How many MiB of request bodies may be held at a time before the server answers 503."""

    def __post_init__(self) -> None:
        within("server.port", self.port, 0, 65_535)
        # Less would not take one batch of the largest size.
        within("server.body_memory_mib", self.body_memory_mib, 16, 1_048_576)
        within("server.queue_limit", self.queue_limit, 1, 10_000_000)


@dataclass(frozen=True, slots=True)
class SealingSettings:
    """How often the worker makes a batch of what is new. Each chain has its own interval of sending."""

    interval_seconds: int = 10
    max_deltas: int = 100_000
    """Make one before its time where so many deltas wait."""

    def __post_init__(self) -> None:
        within("sealing.interval_seconds", self.interval_seconds, 1, 86_400)
        within("sealing.max_deltas", self.max_deltas, 1, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one data directory."""

    directory: Path
    database: DatabaseSettings = DatabaseSettings()
    identity: IdentitySettings = IdentitySettings()
    server: ServerSettings = ServerSettings()
    sealing: SealingSettings = SealingSettings()
    chains: tuple[ChainSettings, ...] = ()
    """The chains to anchor on, in the file's order."""

    @property
    def database_url(self) -> str:
        """Return the database's URL with a relative SQLite file taken from the data directory."""
        prefix = "sqlite:///"
        url = self.database.url
        if not url.startswith(prefix):
            return url
        return prefix + str((self.directory / url.removeprefix(prefix)).resolve())

    @property
    def identity_file(self) -> Path:
        """Return the identity key's file."""
        return self.directory / self.identity.key_file


_SECTIONS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "database": DatabaseSettings,
        "identity": IdentitySettings,
        "server": ServerSettings,
        "sealing": SealingSettings,
    }
)


def load_settings(directory: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read a data directory's settings. Raises InvalidSettings with the place and what is allowed."""
    path = directory / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidSettings(
            str(path), "there is no such file", f"make one with: anchor init {directory}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(str(path), f"it cannot be read: {error}", "check the file") from None
    return parse_settings(text, directory, os.environ if environment is None else environment, str(path))


def parse_settings(
    text: str, directory: Path, environment: Mapping[str, str], source: str = FILE_NAME
) -> Settings:
    """Parse the text of an ``anchor.toml``, with the environment on top. Raises InvalidSettings."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(source, f"it is not TOML: {error}", "see https://toml.io") from None
    allowed = [*_SECTIONS, "chains"]
    for name, table in tables.items():
        if name not in allowed:
            raise InvalidSettings(
                f"{source}: [{name}]", "there is no such section", f"the sections are {', '.join(allowed)}"
            )
        if not isinstance(table, dict):
            raise InvalidSettings(f"{source}: {name}", "it is not a section", f"write it as [{name}]")
    _refuse_unknown_variables(environment)
    sections: dict[str, Any] = {}
    for name, kind in _SECTIONS.items():
        stated: Any = parse_section(kind, tables.get(name, {}), f"{source}: {name}")
        sections[name] = section_from_environment(stated, name, environment)
    tables_of_chains = _chains(tables.get("chains", {}), environment, source)
    try:
        chains = parse_chains(tables_of_chains, folder=directory)
    except ChainSettingsError as error:
        raise InvalidSettings(f"{source}: {error.key}", error.problem, error.remedy) from None
    return Settings(directory, **sections, chains=chains)


def _chains(tables: Mapping[str, Any], environment: Mapping[str, str], source: str) -> dict[str, Any]:
    """Return the tables of the chains; ``ANCHOR_CHAINS_NAME_KEY`` replaces a chain's key."""
    chains: dict[str, Any] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InvalidSettings(
                f"{source}: chains.{name}", "it is not a section", f"write it as [chains.{name}]"
            )
        prefix = f"ANCHOR_CHAINS_{name.upper().replace('-', '_')}_"
        overrides = {
            variable.removeprefix(prefix).lower(): toml_value(text)
            for variable, text in environment.items()
            if variable.startswith(prefix)
        }
        chains[name] = {**table, **overrides}
    return chains


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    for variable in sorted(environment):
        for name, kind in _SECTIONS.items():
            prefix = f"ANCHOR_{name.upper()}_"
            if not variable.startswith(prefix) or variable in OTHER_VARIABLES:
                continue
            known = [f"{prefix}{one.name.upper()}" for one in fields(kind)]
            if variable not in known:
                raise InvalidSettings(
                    f"environment variable {variable}",
                    "there is no such setting",
                    f"those of this section are {', '.join(known)}",
                )


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
