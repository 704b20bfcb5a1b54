"""``anchor deploy`` and ``anchor doctor``: the contract on a chain, and everything before the first send."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output, plain

if TYPE_CHECKING:
    from anchor.server.chain.settings import ChainSettings
    from anchor.server.service.settings import Settings

ChainName = Annotated[
    str | None, typer.Option("--chain", metavar="NAME", help="Which chain, where the settings have several.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("deploy", rich_help_panel="Operate")(deploy)
    app.command("doctor", rich_help_panel="Operate")(doctor)


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
        from anchor.server.service._fold_settings_file import write_contract
        from anchor.server.service.assembly import connect_chain, open_directory

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


def doctor(data: DataDirectory, chain: ChainName = None, json_: Json = False) -> None:
    """Check everything that can be checked before the first send. Nothing is sent."""

    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.anchoring.doctor import Doctor
        from anchor.server.service.assembly import connect_chain, open_directory

        opened = open_directory(data, os.environ)
    chosen = [chosen_chain(opened.settings, chain)] if chain else _some(opened.settings)
    verdicts = {}
    for one in chosen:
        connection = connect_chain(one, os.environ)
        with output.progress(f"examining {one.name}", None):
            verdicts[one.name] = Doctor(
                connection, log_id=opened.log.log_id, database=opened.database, clock=opened.clock
            ).examine()
    good = all(verdict.outcome != "bad" for found in verdicts.values() for verdict in found)
    if json_:
        output.json(
            {
                "ready": good,
                "chains": {
                    name: [
                        {
                            "check": verdict.check,
                            "outcome": verdict.outcome,
                            "found": verdict.found,
                            "remedy": verdict.remedy,
                        }
                        for verdict in found
                    ]
                    for name, found in verdicts.items()
                },
            }
        )
    else:
        marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[bold red]✗[/]"}
        for name, found in verdicts.items():
            table = output.table("", "check", "found", title=f"[bold]{plain(name)}[/]")
            for verdict in found:
                told = plain(verdict.found)
                if verdict.remedy:
                    told += f"\n[dim]→ {plain(verdict.remedy)}[/]"
                table.add_row(marks[verdict.outcome], plain(verdict.check), told)
            output.console.print(table)
        output.say("[green]Ready to send.[/]" if good else "[red]Not ready: nothing would be sent.[/]")
    if not good:
        raise typer.Exit(ExitCode.NO)


def _some(settings: "Settings") -> tuple["ChainSettings", ...]:
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
    chains = _some(settings)
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
