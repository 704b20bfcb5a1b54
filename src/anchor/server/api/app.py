"""The HTTP face, put together: hot routes in front, FastAPI for the rest, problems for all.

Nothing is global: an app holds what it was given, and two may live in one process.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, RedirectResponse

# What signs transactions raises the recursion limit so far that deeply nested JSON would crash the process;
# this import puts it back, whatever else is imported.
import anchor.server.chain  # noqa: F401
from anchor import __version__
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.status import read_status
from anchor.server.api.access import Access
from anchor.server.api.asgi import (
    BODY_MEMORY,
    BodyMemory,
    Receive,
    Scope,
    Send,
    address_problem,
    as_get,
    without_body,
)
from anchor.server.api.authentication import Authenticator
from anchor.server.api.documentation import DOCS_PATH, OPENAPI_PATH, openapi_of, serve_documentation
from anchor.server.api.errors import answer_problems, problem_response
from anchor.server.api.metrics import IngestFigures, metrics_registry
from anchor.server.api.public_checks import AskedChain
from anchor.server.api.routes import (
    checkpoints,
    comparing,
    deriving,
    erasures,
    exchange,
    keys,
    operating,
    proofs,
    public_log,
    records,
    replicas,
    samples,
    verifying,
)
from anchor.server.api.routes import emitting as emission_documentation
from anchor.server.api.routes.emitting import Emitting
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.ledger.model import Log
from anchor.server.ledger.reconciling import Reconciler
from anchor.server.storage.database import Database
from anchor.wire.status import StatusResponse


@dataclass(frozen=True)
class Components:
    """What an app is made of.

    ``chains`` are the chains that a public verification asks, the primary one first.
    ``verifier_page`` is the HTML of the verifier that runs in a browser.
    """

    database: Database
    log: Log
    identity_key: IdentityKey
    clock: Clock
    group_commit: GroupCommit
    chains: tuple[AskedChain, ...] = ()
    verifier_page: str | None = None
    authenticator: Authenticator | None = None
    """In place of the one that asks for API keys."""
    body_memory: int = BODY_MEMORY
    """Bytes of request bodies that may be held at a time."""

    def read_status(self) -> StatusResponse:
        """Return how the log and its anchoring stand."""
        return read_status(self.database, self.clock)


class AnchorApp(FastAPI):
    """FastAPI with the hot routes in front of its routing."""

    def __init__(self, emitting: Emitting, routers: Sequence[APIRouter], **settings: Any) -> None:
        super().__init__(**settings)
        self._hot: Final = emitting.routes
        self._routers: Final = routers
        for router in routers:
            self.include_router(router)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "http":
            if scope["method"] == "HEAD":
                scope, send = as_get(scope), without_body(send)
            handle = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
            if handle is not None:
                await handle(scope, receive, send)
                return
            problem = address_problem(scope)
            if problem is not None:
                await problem_response(problem)(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi_of(self, self._routers)
        return self.openapi_schema


def create_app(components: Components) -> FastAPI:
    """Return the app. Its lifespan starts and stops the group commit."""
    database, clock = components.database, components.clock
    registry = metrics_registry(components.read_status)
    authenticator = components.authenticator or Authenticator(database, clock)
    bodies = BodyMemory(components.body_memory)
    emitting = Emitting(components.group_commit, authenticator, clock, IngestFigures(registry), bodies)
    access = Access(authenticator)
    routers = (
        emission_documentation.routes(emitting),
        deriving.routes(database, clock, access),
        comparing.routes(database, access),
        checkpoints.routes(database, components.log, clock, access),
        records.routes(database, components.log, access),
        replicas.routes(database, components.log, access),
        proofs.routes(database, components.log, components.identity_key, access),
        samples.routes(database, components.log, access),
        exchange.routes(Reconciler(database), access),
        public_log.routes(database, components.log),
        verifying.routes(database, components.log, components.chains),
        erasures.routes(database, components.log, clock, access),
        keys.routes(database, clock, access),
        operating.routes(database, components.read_status, registry, access),
    )
    app = AnchorApp(
        emitting,
        routers,
        # A path with a slash too many is not found, as any other that does not exist.
        redirect_slashes=False,
        title="Anchor",
        version=__version__,
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(components.group_commit),
    )
    app.state.bodies = bodies
    answer_problems(app)
    serve_documentation(app)
    _serve_pages(app, components.verifier_page)
    return app


def _lifespan(group_commit: GroupCommit) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        group_commit.start()
        try:
            yield
        finally:
            group_commit.stop()

    return lifespan


_UNFRAMED: Final = {"content-security-policy": "frame-ancestors 'none'", "x-content-type-options": "nosniff"}
"""No other page may frame the verifier and paint over its verdict: a policy within a page cannot say that."""


def _serve_pages(app: FastAPI, verifier_page: str | None) -> None:
    async def home() -> RedirectResponse:
        return RedirectResponse(DOCS_PATH)

    app.add_api_route("/", home, include_in_schema=False)
    if verifier_page is not None:
        page: str = verifier_page

        async def verifier() -> HTMLResponse:
            return HTMLResponse(page, headers=_UNFRAMED)

        app.add_api_route("/verify", verifier, include_in_schema=False)
