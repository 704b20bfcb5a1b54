"""Which chain, and whose address: options that several of the operator's commands take."""

from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed

if TYPE_CHECKING:
    from anchor.server.chain.settings import ChainSettings
    from anchor.server.service.settings import Settings


ChainName = Annotated[
    str | None, typer.Option("--chain", metavar="NAME", help="Which chain, where the settings have several.")
]


def configured_chains(settings: "Settings") -> tuple["ChainSettings", ...]:
    """Return the chains that the settings name. Raises CommandFailed where they name none."""
    if not settings.chains:
        raise CommandFailed(
            "the settings name no chain", "add a section [chains.NAME] to anchor.toml", code="no_chain"
        )
    return settings.chains


def address_of(text: str) -> bytes:
    """Return the 20 bytes of an address that was typed. Raises CommandFailed."""
    from anchor.server.chain.values import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise CommandFailed(str(error), "give an address: 0x and 40 digits", code="not_an_address") from None


def chosen_chain(settings: "Settings", name: str | None) -> "ChainSettings":
    """Return the chain of this name, or the only one. Raises CommandFailed."""
    chains = configured_chains(settings)
    if name is None and len(chains) == 1:
        return chains[0]
    for chain in chains:
        if chain.name == name:
            return chain
    raise CommandFailed(
        "the settings name several chains" if name is None else f"the settings name no chain {name!r}",
        f"choose one with --chain: {', '.join(chain.name for chain in chains)}",
        code="which_chain",
    )
