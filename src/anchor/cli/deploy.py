"""``anchor deploy``: the contract on a chain."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output

if TYPE_CHECKING:
    pass
from anchor.cli.chain_options import ChainName, address_of, chosen_chain


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("deploy", rich_help_panel="Operate")(deploy)


def deploy(
    data: DataDirectory,
    chain: ChainName = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Who may replace the submitter; best a key kept offline."),
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same address on every chain (CREATE2).")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Deploy although the settings name a contract.")
    ] = False,
    json_: Json = False,
) -> None:
    """Put the contract on a chain, and write its address into anchor.toml."""
    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.chain.deploying import created_address, deploy_deterministic
        from anchor.server.chain.deploying import deploy as deploy_plainly
        from anchor.server.chain.node import Node
        from anchor.server.chain.unfinished import UnfinishedTransaction
        from anchor.server.chain.values import address_text
        from anchor.server.service.assembly import connect_chain, open_directory
        from anchor.server.service.settings import write_contract

        opened = open_directory(data, os.environ)
    wanted = chosen_chain(opened.settings, chain)
    if wanted.contract is not None and not again:
        raise CommandFailed(
            f"chain {wanted.name} has a contract: {address_text(wanted.contract)}",
            "add --again to put another one on the chain",
            code="contract_exists",
        )
    connection = connect_chain(wanted, os.environ)
    submitter = connection.signer.address
    owned_by = submitter if owner is None else address_of(owner)
    node = Node(connection.endpoints, wanted.chain_id, agreement=wanted.agreement)
    unfinished = UnfinishedTransaction(data / f"deploying-{wanted.chain_id}.transaction")
    begun = unfinished.kept()
    if begun is not None and created_address(begun.sender, begun.transaction.nonce) == wanted.contract:
        # That one is done, and its address written down.
        unfinished.forget()
    make = deploy_deterministic if deterministic else deploy_plainly
    with output.progress(f"waiting for {wanted.name}", None):
        node.begin_cycle()
        made = make(
            node,
            connection.signer,
            log_id=opened.log.log_id,
            owner=owned_by,
            submitter=submitter,
            limits=wanted.fees,
            unfinished=unfinished,
        )
    address = address_text(made.address)
    written = write_contract(data, wanted.name, address)
    if written:
        unfinished.forget()
    if json_:
        receipt = made.receipt
        output.json(
            {
                "chain": wanted.name,
                "chainId": wanted.chain_id,
                "contract": address,
                "owner": address_text(owned_by),
                "submitter": address_text(submitter),
                "logId": opened.log.log_id,
                "transactionHash": None if receipt is None else receipt.transaction_hash,
                "gasUsed": None if receipt is None else receipt.gas_used,
                "writtenToSettings": written,
            }
        )
        return
    gas = "it was there already" if made.receipt is None else f"gas used: {made.receipt.gas_used:,}"
    output.line(f"[green]✓[/] AnchorLog is at [bold]{address}[/] on chain {wanted.chain_id}; {gas}")
    if written:
        output.line(f"  anchor.toml now names it. Next: anchor doctor --data {data}")
    else:
        output.say(f'  Put this into the section of {wanted.name}: contract = "{address}"')
