"""``anchor init``: a data directory with everything a log needs, made once.

``anchor.toml`` is written last: a directory that has it is whole, and one without it may be made again
after what is in it was looked at.
"""

from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from anchor.protocol.identities import IdentityKey
from anchor.server.chain.signers.local import create_keystore
from anchor.server.chain.values import address_text
from anchor.server.ledger.api_keys import Scope, create_key
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.errors import LogMissing
from anchor.server.ledger.log import create_log, open_log
from anchor.server.service.key_files import new_password, write_identity_key, write_private
from anchor.server.service.settings import FILE_NAME, InvalidSettings, parse_settings
from anchor.server.storage.database import Database

IDENTITY_FILE: Final = "identity.key"
SIGNING_FILE: Final = "signing-key.json"
PASSWORD_FILE: Final = "signing-key.password"


@dataclass(frozen=True)
class MadeDirectory:
    """What was made. ``admin_key`` is the text of the first API key, shown this once."""

    directory: Path
    log_id: bytes
    founder: bytes
    signer: str | None
    admin_key: str

    def __repr__(self) -> str:
        return f"MadeDirectory({self.directory})"


@dataclass(frozen=True)
class FirstChain:
    """The chain that the settings are to begin with."""

    name: str
    chain_id: int
    rpc: str


def initialise(
    directory: Path,
    *,
    database_url: str | None = None,
    chain: FirstChain | None = None,
    founder: bytes | None = None,
    with_signing_key: bool = True,
) -> MadeDirectory:
    """Make settings, identity key, signing key, database and the first API key.

    ``founder``: the 20-byte address that may open the log in the contract, the signing key's where none is
    given. Raises ValueError where there is neither, and InvalidSettings where the directory holds anything of
    a log already: nothing is written over.
    """
    if founder is None and not with_signing_key:
        raise ValueError("a log has a founder: name one, or have a signing key made")
    text = _settings_text(database_url, chain)
    settings = parse_settings(text, directory, {})
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    for name in (FILE_NAME, IDENTITY_FILE, SIGNING_FILE, "anchor.db"):
        if (directory / name).exists():
            raise InvalidSettings(
                str(directory / name), "it is there already", "choose another directory, or use this one"
            )
    with closing(Database.open(settings.database_url)) as database:
        # Before there are keys: what cannot be made leaves none that stand in the way of the next try.
        database.migrate()
        _require_no_log(database)
        key = IdentityKey.generate()
        write_identity_key(directory / IDENTITY_FILE, key)
        signer = None
        if with_signing_key:
            password = new_password()
            write_private(directory / PASSWORD_FILE, password + "\n")
            address = create_keystore(directory / SIGNING_FILE, password)
            signer = address_text(address)
            founder = founder or address
        assert founder is not None
        admin_key = _create_log(database, key, founder)
    (directory / FILE_NAME).write_text(text, encoding="utf-8")
    return MadeDirectory(directory, key.log_id(founder), founder, signer, admin_key)


@dataclass(frozen=True)
class SigningKey:
    """A key's address (20 bytes), and its files in the data directory, by name."""

    address: bytes
    file: str
    password_file: str


def another_signing_key(directory: Path) -> SigningKey:
    """Draw a key into files that are not there yet: ``signing-key-2.json``, then 3 ... Raises OSError."""
    stem = next(
        stem
        for number in count(2)
        if not (directory / f"{(stem := f'signing-key-{number}')}.json").exists()
        and not (directory / f"{stem}.password").exists()
    )
    password = new_password()
    write_private(directory / f"{stem}.password", password + "\n")
    address = create_keystore(directory / f"{stem}.json", password)
    return SigningKey(address, f"{stem}.json", f"{stem}.password")


def _require_no_log(database: Database) -> None:
    try:
        open_log(database)
    except LogMissing:
        return
    raise InvalidSettings("[database] url", "this database holds a log already", "name another database")


def _create_log(database: Database, key: IdentityKey, founder: bytes) -> str:
    create_log(database, key, founder, SystemClock())
    issued = create_key(database, SystemClock(), "first key", (Scope.ADMIN, Scope.READ, Scope.WRITE))
    return issued.text


def _settings_text(database_url: str | None, chain: FirstChain | None) -> str:
    text = _TEMPLATE.replace("DATABASE_URL", _quoted(database_url or "sqlite:///anchor.db"))
    if chain is None:
        return text + "".join(f"# {line}\n" if line else "#\n" for line in _CHAIN.splitlines())
    filled = _CHAIN.replace("chains.main", f"chains.{chain.name}")
    filled = filled.replace("chain_id = 1 ", f"chain_id = {chain.chain_id} ")
    return text + filled.replace('"https://…"', _quoted(chain.rpc))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_TEMPLATE: Final = """\
# Anchor's settings. Each key can be set by the environment too: [server] port by ANCHOR_SERVER_PORT.
# Paths are relative to this directory. What every setting means: docs/operating.md

[database]
url = DATABASE_URL          # or "postgresql://USER@HOST/NAME"

[identity]
key_file = "identity.key"   # names the ledgers: keep a copy offline, it cannot be made anew

[server]
host = "127.0.0.1"
port = 8440

[sealing]
interval_seconds = 10       # how often what is new becomes a batch
max_deltas = 100000         # before that where so many deltas wait

# The chains to anchor on; the first is the one whose finality makes a delta VERIFIED.
"""

_CHAIN: Final = """\
[chains.main]
chain_id = 1                # what the node must answer
rpc = ["https://…"]         # several: failover, and they are held against each other
finality = "finalized"      # or "safe", or a number of confirmations
interval = 60               # seconds between anchors
max_fee_gwei = "50"         # wait while gas costs more

[chains.main.signer]
kind = "keystore"           # or "environment", "aws-kms", "remote"
file = "signing-key.json"
password_file = "signing-key.password"
"""
