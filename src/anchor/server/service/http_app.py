"""The HTTP API over an opened log: what ``serve`` and ``dev`` answer with."""

import importlib.resources
from collections.abc import Iterable
from typing import Final

from fastapi import FastAPI

from anchor.node.reader import JsonRpcChain, one_chain
from anchor.node.view import Finality
from anchor.server.api.app import Components, create_app
from anchor.server.api.authentication import Authenticator
from anchor.server.api.public_checks import AskedChain
from anchor.server.chain.settings import ChainSettings
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.service.assembly import OpenLog

VERIFIER_PAGE: Final = "verify.html"


def make_app(
    opened: OpenLog, chains: Iterable[ChainSettings], *, authenticator: Authenticator | None = None
) -> FastAPI:
    """Return the app. It starts its committing thread when it is served, and stops it at the end.

    ``authenticator`` replaces the one that asks for API keys.
    """
    return create_app(
        Components(
            database=opened.database,
            log=opened.log,
            identity_key=opened.identity_key,
            clock=opened.clock,
            group_commit=GroupCommit(opened.recorder(), queue_limit=opened.settings.server.queue_limit),
            chains=_asked(chains),
            verifier_page=verifier_page(),
            authenticator=authenticator,
            body_memory=opened.settings.server.body_memory_mib * 1024 * 1024,
        )
    )


def verifier_page() -> str | None:
    """Return the page that verifies proof files in a browser; None where it was not built."""
    page = importlib.resources.files("anchor.web").joinpath(VERIFIER_PAGE)
    return page.read_text(encoding="utf-8") if page.is_file() else None


def _asked(chains: Iterable[ChainSettings]) -> tuple[AskedChain, ...]:
    """Return the chains that have a contract, the primary one first."""
    ordered = sorted(chains, key=lambda chain: not chain.primary)
    return tuple(_asked_chain(chain, chain.contract) for chain in ordered if chain.contract is not None)


def _asked_chain(chain: ChainSettings, contract: bytes) -> AskedChain:
    rule = chain.finality
    finality = Finality.parse(rule.confirmations if rule.tag is None else rule.tag)
    view = one_chain([JsonRpcChain(url, timeout=chain.timeout) for url in chain.rpc])
    return AskedChain(chain.chain_id, contract, view, finality)
