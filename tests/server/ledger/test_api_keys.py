"""API keys: shown once, kept by hash, gone when revoked."""

import pytest
from sqlalchemy import select

from anchor.server.ledger.api_keys import (
    Scope,
    UnknownKey,
    create_key,
    find_key,
    hash_of_key,
    is_key_form,
    list_keys,
    revoke_key,
)
from anchor.server.storage.database import Database
from anchor.server.storage.schema import api_keys
from tests.fixtures.clocks import FixedClock


def test_a_key_is_found_by_its_hash_until_it_is_revoked(database: Database) -> None:
    clock = FixedClock()
    issued = create_key(database, clock, "billing", [Scope.WRITE, Scope.READ])
    assert is_key_form(issued.text)
    assert find_key(database, hash_of_key(issued.text)) == issued.key
    revoked = revoke_key(database, clock, issued.key.id)
    assert revoked.revoked_at == clock.now_ms()
    assert find_key(database, hash_of_key(issued.text)) is None
    assert list_keys(database) == [revoked]


def test_the_database_does_not_hold_the_key_itself(database: Database) -> None:
    issued = create_key(database, FixedClock(), "billing", [Scope.READ], customer_id="acme")
    with database.read() as connection:
        row = connection.execute(select(api_keys)).one()
    assert issued.text not in repr(tuple(row))
    assert issued.text not in repr(issued)


def test_revoking_again_keeps_the_first_time(database: Database) -> None:
    clock = FixedClock()
    issued = create_key(database, clock, "billing", [Scope.READ])
    first = revoke_key(database, clock, issued.key.id)
    clock.advance(1000)
    assert revoke_key(database, clock, issued.key.id) == first


def test_a_key_that_does_not_exist_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(UnknownKey):
        revoke_key(database, FixedClock(), 7)


def test_a_key_has_a_scope_and_one_for_a_customer_cannot_administer(database: Database) -> None:
    with pytest.raises(ValueError):
        create_key(database, FixedClock(), "nothing", [])
    with pytest.raises(ValueError):
        create_key(database, FixedClock(), "too much", [Scope.ADMIN], customer_id="acme")
    assert list_keys(database) == []


def test_what_is_no_key_is_told_by_its_form() -> None:
    assert not is_key_form("ak_short")
    assert not is_key_form("ak_" + "é" * 43)
    assert not is_key_form("")
