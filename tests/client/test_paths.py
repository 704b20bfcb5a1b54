"""Whatever a customer is called, the client and the command ask a real server about that one."""

import json

from anchor.client import AnchorClient
from anchor.server.api.app import Components, create_app
from anchor.server.ledger.api_keys import Scope, create_key
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.service.background_server import BackgroundServer
from anchor.server.storage.database import Database
from tests.cli.running import anchor_here
from tests.fixtures.logs import open_new_log

NAMES = (".", "..", "...", "a/../b", "%2e", "a b", "ü/?#")


def test_a_customer_of_any_name_can_be_read(sqlite_database: Database) -> None:
    opened = open_new_log(sqlite_database)
    app = create_app(
        Components(
            opened.database, opened.log, opened.identity_key, opened.clock, GroupCommit(opened.recorder)
        )
    )
    key = create_key(opened.database, opened.clock, "all", list(Scope)).text
    server = BackgroundServer(app, "127.0.0.1", 0)
    server.start()
    try:
        with AnchorClient(server.url, key) as client:
            for units, name in enumerate(NAMES, start=1):
                client.emit(name, units)
                assert client.derive(name).recorded.balance == units
                done = anchor_here("derive", name, "--url", server.url, "--key", key, "--json")
                assert json.loads(done.out)["customerId"] == name
    finally:
        server.stop()
