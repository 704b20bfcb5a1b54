"""The identity key is readable by its owner only, never written over, and never part of a message."""

from pathlib import Path

import pytest

from anchor.protocol.identities import IdentityKey
from anchor.server.service.key_files import read_identity_key, write_identity_key
from anchor.server.service.settings import InvalidSettings

KEY = IdentityKey(bytes(range(32)))


def test_a_written_key_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    write_identity_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_identity_key(path, {}).secret == KEY.secret


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    write_identity_key(path, KEY)
    with pytest.raises(FileExistsError):
        write_identity_key(path, IdentityKey.generate())
    assert read_identity_key(path, {}).secret == KEY.secret


def test_the_environment_may_hold_the_key(tmp_path: Path) -> None:
    environment = {"ANCHOR_IDENTITY_KEY": KEY.secret.hex()}
    assert read_identity_key(tmp_path / "none", environment).secret == KEY.secret


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    write_identity_key(path, KEY)
    path.chmod(0o640)
    with pytest.raises(InvalidSettings, match="chmod 600"):
        read_identity_key(path, {})


@pytest.mark.parametrize("text", ["", "00" * 31, "zz" * 32, KEY.secret.hex() + "00"])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identity.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InvalidSettings) as raised:
        read_identity_key(path, {})
    assert not text or text not in str(raised.value)


def test_a_lost_key_is_told_from_a_wrong_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="backup"):
        read_identity_key(tmp_path / "identity.key", {})
