"""Opening a data directory: settings, database, log and identity key, and what is built on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.chain.settings import ChainSettings
from anchor.server.chain.signers.opening import open_signer
from anchor.server.ledger.clock import Clock, SystemClock
from anchor.server.ledger.log import check_identity_key, open_log
from anchor.server.ledger.model import Log
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.service.key_files import read_identity_key
from anchor.server.service.settings import Settings, load_settings
from anchor.server.storage.database import Database


@dataclass(frozen=True)
class OpenLog:
    """One log, opened: its database is at this version's schema, and the identity key is its own."""

    settings: Settings
    database: Database
    clock: Clock
    identity_key: IdentityKey
    log: Log

    def recorder(self) -> Recorder:
        """Return what records deltas."""
        return Recorder(self.database, self.log, self.identity_key, self.clock)

    def sealer(self) -> Sealer:
        """Return what seals batches."""
        return Sealer(self.database, self.log, self.identity_key, self.clock)

    def loop(self, chains: Sequence[ChainConnection], *, seal_interval: float | None = None) -> AnchoringLoop:
        """Return the anchoring loop over these chains; ``seal_interval`` in place of the settings'."""
        return AnchoringLoop(
            self.database,
            self.sealer(),
            chains,
            self.clock,
            log_id=self.log.log_id,
            seal_interval=seal_interval or self.settings.sealing.interval_seconds,
            seal_at=self.settings.sealing.max_deltas,
        )

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()


def open_directory(directory: Path, environment: Mapping[str, str]) -> OpenLog:
    """Open a data directory. Raises InvalidSettings, LogMissing, WrongIdentityKey, StorageUnavailable."""
    return open_settings(load_settings(directory, environment), environment)


def open_settings(settings: Settings, environment: Mapping[str, str]) -> OpenLog:
    """Open the log that the settings name, its schema brought to this version's."""
    identity_key = read_identity_key(settings.identity_file, environment)
    database = Database.open(settings.database_url)
    database.migrate()
    log = open_log(database)
    check_identity_key(log, identity_key)
    return OpenLog(settings, database, SystemClock(), identity_key, log)


def connect_chains(settings: Settings, environment: Mapping[str, str]) -> tuple[ChainConnection, ...]:
    """Return every chain of the settings with its endpoints and signer. Nothing is asked of them yet.

    Raises SignerMisconfigured.
    """
    return tuple(connect_chain(chain, environment) for chain in settings.chains)


def connect_chain(chain: ChainSettings, environment: Mapping[str, str]) -> ChainConnection:
    """Return one chain with its endpoints and signer."""
    endpoints = [HttpEndpoint(url, timeout=chain.timeout) for url in chain.rpc]
    return ChainConnection(chain, endpoints, open_signer(chain.signer, environment=environment))
