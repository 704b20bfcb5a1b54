"""From the settings to a signer.

Each kind is imported where it is opened: what signs takes longer to import than all of a server, which
signs nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from anchor.node.endpoint import HttpEndpoint
from anchor.server.chain.settings import SignerSettings
from anchor.server.chain.signers.signer import Signer, SignerMisconfigured


def open_signer(settings: SignerSettings, *, environment: Mapping[str, str]) -> Signer:
    """Return the signer that the settings name.

    Raises SignerMisconfigured; SignerUnavailable and SignerRefused where KMS does not show its key.
    """
    if settings.kind == "keystore":
        from anchor.server.chain.signers.local import signer_from_keystore

        assert settings.keystore is not None
        return signer_from_keystore(settings.keystore, read_password(settings, environment))
    if settings.kind == "environment":
        from anchor.server.chain.signers.local import signer_from_environment

        assert settings.key_variable is not None
        return signer_from_environment(settings.key_variable, environment)
    if settings.kind == "aws-kms":
        from anchor.server.chain.signers.aws_kms import KmsSigner, kms_client

        assert settings.kms_key_id is not None
        client = kms_client(settings.kms_region, settings.kms_endpoint)
        return KmsSigner(client, settings.kms_key_id, address=settings.address)
    from anchor.server.chain.signers.remote import RemoteSigner

    assert settings.url is not None
    assert settings.address is not None
    return RemoteSigner(HttpEndpoint(settings.url), settings.address, method=settings.method)


def read_password(settings: SignerSettings, environment: Mapping[str, str]) -> str:
    """Return a keystore's password from its file or variable. Raises SignerMisconfigured."""
    name = f"keystore file {settings.keystore}"
    if settings.password_variable is not None:
        password = environment.get(settings.password_variable)
        if password is None:
            raise SignerMisconfigured(
                name, f"${settings.password_variable} is not set", "set it to the password"
            )
        return password
    path: Path | None = settings.password_file
    if path is None:
        raise SignerMisconfigured(name, "there is no password", "set password_file or password_variable")
    try:
        # Editors end a file with a line break that is no part of the password.
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise SignerMisconfigured(
            name, f"{path} cannot be read ({type(error).__name__})", "check password_file"
        ) from None
