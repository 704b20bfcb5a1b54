"""``anchor dev``: the API, the anchoring loop and a chain in one process, for a laptop.

The chain lives as long as the process, and has an id of its own. Restarted on a directory that was anchored
on another one, the log is anchored anew on the new chain, and that is said.
"""

import math
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from anchor.node.endpoint import NodeRefused, RpcError
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.chain.deploying import Deployment, deploy
from anchor.server.chain.development import DevelopmentChain
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings, SignerSettings
from anchor.server.chain.values import address_text
from anchor.server.service.assembly import OpenLog, open_directory
from anchor.server.service.background_server import BackgroundServer
from anchor.server.service.directory_lock import DirectoryLock
from anchor.server.service.http_app import make_app
from anchor.server.service.initializing import initialise
from anchor.server.service.json_rpc_app import JsonRpcApp
from anchor.server.service.key_files import write_private
from anchor.server.service.settings import FILE_NAME
from anchor.server.storage.anchors import chains_in_use

CHAIN_NAME: Final = "development"
KEY_FILE: Final = "admin.key"
"""The first API key of a development directory, kept for the developer."""


@dataclass(frozen=True)
class Ports:
    """Where to listen; 0 takes any free port."""

    api: int = 8440
    rpc: int = 8545


class Development:
    """A running development service; a context manager that stops it at the end."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        *,
        ports: Ports | None = None,
        anchor_every: float = 2.0,
        anchoring: bool = True,
        lock: DirectoryLock | None = None,
    ) -> None:
        """Open everything. ``anchor_every`` is seconds between batches; without ``anchoring``, a batch
        is made by ``anchor_now`` and ``keep_anchoring`` only. ``lock``: the directory's, where it is held.

        The directory is made where it is not there. Raises AlreadyRunning, InvalidSettings, and whatever
        opening raises.
        """
        ports = ports or Ports()
        self.directory: Final = directory
        with ExitStack() as undo:
            # Before anything is touched.
            self._lock = lock or DirectoryLock(directory)
            undo.callback(self._lock.release)
            self.chain: Final = DevelopmentChain()
            self.made_now: Final = _make(directory, self.chain.signer().address)
            self.log: Final[OpenLog] = open_directory(directory, environment)
            undo.callback(self.log.close)
            self._rpc = BackgroundServer(JsonRpcApp(self._answer), "127.0.0.1", ports.rpc)
            undo.callback(self._rpc.stop)
            self.anchored_elsewhere: Final = self._was_anchored()
            self.deployment: Final[Deployment] = self._deploy()
            self._connection = self._connect(anchor_every)
            self.loop: Final[AnchoringLoop] = self.log.loop([self._connection], seal_interval=anchor_every)
            app = make_app(self.log, [self._connection.settings])
            self._api = BackgroundServer(app, self.log.settings.server.host, ports.api)
            self._anchoring = anchoring
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self.loop.run, args=(self._stop,), name="anchoring", daemon=True
            )
            self._undo = undo.pop_all()

    def start(self) -> "Development":
        """Answer requests and anchor, from now on."""
        self._rpc.start()
        if self.anchored_elsewhere:
            # Before anyone can ask: what the old chain held counts no more.
            self.loop.run_once()
        self._api.start()
        self._lock.tell(self.url)
        if self._anchoring:
            self._thread.start()
        return self

    def anchor_now(self) -> None:
        """Seal, send and confirm everything that is on record. Only where the loop does not run."""
        self.loop.run_once()

    def keep_anchoring(self) -> None:
        """Let the loop run from now on."""
        self._anchoring = True
        self._thread.start()

    def stop(self) -> None:
        """Stop anchoring, answer what is under way, and close."""
        self._stop.set()
        if self._anchoring:
            self._thread.join(10)
        self._api.stop()
        self._undo.close()

    def __enter__(self) -> "Development":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Return the API's URL."""
        return self._api.url

    @property
    def rpc_url(self) -> str:
        """Return the chain's URL."""
        return self._rpc.url

    @property
    def contract(self) -> str:
        """Return the contract's address."""
        return address_text(self.deployment.address)

    @property
    def admin_key(self) -> str:
        """Return the API key that was kept when the directory was made; '' where it was not."""
        path = self.directory / KEY_FILE
        return path.read_text().strip() if path.exists() else ""

    def _answer(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        try:
            return {"result": self.chain.endpoint.call(method, params)}
        except NodeRefused as refused:
            data = None if refused.data is None else "0x" + refused.data.hex()
            return {"error": {"code": refused.code, "message": refused.message, "data": data}}
        except RpcError as error:
            return {"error": {"code": -32603, "message": error.problem}}

    def _was_anchored(self) -> bool:
        with self.log.database.read() as connection:
            return bool(chains_in_use(connection))

    def _deploy(self) -> Deployment:
        signer = self.chain.signer()
        node = Node([self.chain.endpoint], self.chain.chain_id)
        return deploy(
            node, signer, log_id=self.log.log.log_id, owner=signer.address, submitter=signer.address
        )

    def _connect(self, interval: float) -> ChainConnection:
        settings = ChainSettings(
            name=CHAIN_NAME,
            chain_id=self.chain.chain_id,
            rpc=(self._rpc.url,),
            signer=SignerSettings("environment"),
            contract=self.deployment.address,
            finality=FinalityRule(None, 1),
            interval=interval,
            poll=0.2,
            # It makes a block only where there is something to put in.
            no_block_after=math.inf,
            development=True,
        )
        return ChainConnection(settings, [self.chain.endpoint], self.chain.signer())


def _make(directory: Path, founder: bytes) -> bool:
    """Make the directory where it is not there; True where it was made now."""
    if (directory / FILE_NAME).exists():
        return False
    made = initialise(directory, founder=founder, with_signing_key=False)
    write_private(directory / KEY_FILE, made.admin_key + "\n")
    return True
