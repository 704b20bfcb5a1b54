"""``anchor name-submitter``, ``hand-over`` and ``new-signer``: who may anchor, and who may say so."""

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from anchor.cli.chain_options import ChainName, address_of, chosen_chain
from anchor.cli.failures import CommandFailed
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output
from anchor.cli.worker_lease import no_worker

if TYPE_CHECKING:
    from anchor.server.chain.contract import AnchorLog
    from anchor.server.chain.settings import ChainSettings
    from anchor.server.chain.signers.signer import Signer
    from anchor.server.chain.unfinished import UnfinishedTransaction
    from anchor.server.service.assembly import OpenLog

PASSWORD_VARIABLE: Final = "ANCHOR_OWNER_PASSWORD"

OwnerKeystore = Annotated[
    Path | None,
    typer.Option(
        "--owner-keystore",
        metavar="FILE",
        help="The owner's key, where the signer of the settings is not the owner.",
    ),
]
OwnerPassword = Annotated[
    Path | None,
    typer.Option(
        "--owner-password-file",
        metavar="FILE",
        help=f"Its password; else ${PASSWORD_VARIABLE}.",
    ),
]
Unsigned = Annotated[
    bool,
    typer.Option("--unsigned", help="Show the transaction for a wallet or a multisig. Nothing is sent."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("name-submitter", rich_help_panel="Operate")(name_submitter)
    app.command("hand-over", rich_help_panel="Operate")(hand_over)
    app.command("new-signer", rich_help_panel="Operate")(new_signer)


@dataclass(frozen=True)
class _Wish:
    """What the contract is told: ``done`` and ``already`` say so to a person."""

    by: bytes
    calldata: bytes
    already: bool
    done: str


@dataclass(frozen=True)
class _Means:
    """By whom it is told."""

    keystore: Path | None
    password_file: Path | None
    unsigned: bool


@dataclass(frozen=True)
class _Contract:
    """The contract of one chain of a data directory, read."""

    opened: "OpenLog"
    settings: "ChainSettings"
    log: "AnchorLog"
    unfinished: "UnfinishedTransaction"


def name_submitter(
    data: DataDirectory,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Who may anchor from now on; zero: nobody.")
    ],
    chain: ChainName = None,
    owner_keystore: OwnerKeystore = None,
    owner_password_file: OwnerPassword = None,
    unsigned: Unsigned = False,
    json_: Json = False,
) -> None:
    """Let the contract's owner name the key that anchors: another one, or none."""
    output = Output(json_)
    contract = _open(output, data, chain)
    from anchor.server.chain.ownership import name_submitter_call
    from anchor.server.chain.values import address_text

    submitter = address_of(address)
    wish = _Wish(
        by=contract.log.owner(),
        calldata=name_submitter_call(submitter),
        already=contract.log.submitter() == submitter,
        done=f"{address_text(submitter)} may anchor" if any(submitter) else "nobody may anchor",
    )
    _carry_out(output, contract, wish, _Means(owner_keystore, owner_password_file, unsigned))


def hand_over(
    data: DataDirectory,
    address: Annotated[
        str | None, typer.Argument(metavar="ADDRESS", help="The next owner, once it has accepted.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept what was offered, with the next owner's key.")
    ] = False,
    chain: ChainName = None,
    owner_keystore: OwnerKeystore = None,
    owner_password_file: OwnerPassword = None,
    unsigned: Unsigned = False,
    json_: Json = False,
) -> None:
    """Offer the contract to another owner, or accept it. The owner names who may anchor."""
    output = Output(json_)
    if accept == (address is not None):
        raise typer.BadParameter("give the next owner's ADDRESS, or --accept.")
    contract = _open(output, data, chain)
    from anchor.server.chain.ownership import accept_call, hand_over_call
    from anchor.server.chain.values import address_text

    owner, offered = contract.log.owner(), contract.log.pending_owner()
    if address is not None:
        next_owner = address_of(address)
        if next_owner == owner:
            raise CommandFailed(
                f"{address_text(owner)} owns the contract", "name another owner", code="owner_already"
            )
        wish = _Wish(
            by=owner,
            calldata=hand_over_call(next_owner),
            already=offered == next_owner,
            done=f"the contract is offered to {address_text(next_owner)}, which has yet to accept it"
            if any(next_owner)
            else "the contract is offered to nobody",
        )
    else:
        if not any(offered):
            raise CommandFailed(
                "the contract is offered to nobody",
                "let its owner run `anchor hand-over ADDRESS` first",
                code="nothing_to_accept",
            )
        wish = _Wish(
            by=offered,
            calldata=accept_call(),
            already=False,
            done=f"{address_text(offered)} owns the contract",
        )
    _carry_out(output, contract, wish, _Means(owner_keystore, owner_password_file, unsigned))


def new_signer(data: DataDirectory, json_: Json = False) -> None:
    """Draw another signing key into the data directory. Nothing uses it before the settings name it."""
    output = Output(json_)
    with output.progress("drawing a key", None):
        from anchor.server.chain.values import address_text
        from anchor.server.service.initializing import another_signing_key
        from anchor.server.service.settings import load_settings

        load_settings(data, os.environ)
        made = another_signing_key(data)
    address = address_text(made.address)
    if json_:
        output.json({"address": address, "file": made.file, "passwordFile": made.password_file})
        return
    output.line(f"[green]✓[/] [bold]{address}[/]")
    output.say(
        "  Fund it, let the owner name it, and then put this into the signer's section of anchor.toml:"
    )
    output.line(f'  file = "{made.file}"')
    output.line(f'  password_file = "{made.password_file}"')
    output.line(f"  Next: anchor name-submitter {address} --data {data}")


def _open(output: Output, data: Path, chain: str | None) -> _Contract:
    """Return the contract, having seen that it is this log's."""
    with output.progress(f"opening {data}", None):
        from anchor.node.endpoint import HttpEndpoint
        from anchor.server.anchoring.owning import forget_mined
        from anchor.server.chain.contract import AnchorLog
        from anchor.server.chain.node import Node
        from anchor.server.chain.unfinished import UnfinishedTransaction
        from anchor.server.chain.values import address_text
        from anchor.server.service.assembly import open_directory

        opened = open_directory(data, os.environ)
    wanted = chosen_chain(opened.settings, chain)
    if wanted.contract is None:
        raise CommandFailed(
            f"the settings of {wanted.name} name no contract", "anchor deploy", code="no_contract"
        )
    endpoints = [HttpEndpoint(url, timeout=wanted.timeout) for url in wanted.rpc]
    node = Node(endpoints, wanted.chain_id, agreement=wanted.agreement)
    log = AnchorLog(node, wanted.contract)
    unfinished = UnfinishedTransaction(data / f"owner-{wanted.chain_id}.transaction")
    with output.progress(f"asking {wanted.name}", None):
        node.begin_cycle()
        forget_mined(node, unfinished)
        found = log.deployed_log_id()
    if found != opened.log.log_id:
        raise CommandFailed(
            f"the contract at {address_text(wanted.contract)} is not this log's",
            "see what anchor doctor says",
            code="wrong_log",
        )
    return _Contract(opened, wanted, log, unfinished)


def _carry_out(output: Output, contract: _Contract, wish: _Wish, means: _Means) -> None:
    from anchor.server.chain.values import address_text

    told: dict[str, object] = {
        "chain": contract.settings.name,
        "chainId": contract.settings.chain_id,
        "from": address_text(wish.by),
        "to": address_text(contract.log.address),
        "data": "0x" + wish.calldata.hex(),
    }
    if means.unsigned:
        _show_unsigned(output, told)
        return
    transaction = None
    if not wish.already:
        transaction = _send(output, contract, wish, _signer(contract, means))
    if output.as_json:
        output.json({**told, "transactionHash": transaction})
        return
    before = "already: " if transaction is None else ""
    output.line(f"[green]✓[/] {before}{wish.done}")
    if transaction is not None:
        output.line(f"  transaction {transaction}")


def _show_unsigned(output: Output, told: dict[str, object]) -> None:
    if output.as_json:
        output.json(told)
        return
    output.say(f"Nothing was sent. A transaction on chain {told['chainId']} for any wallet:")
    for name in ("from", "to", "data"):
        output.line(f"  {name:<4}  {told[name]}")
    output.line("  value 0")


def _signer(contract: _Contract, means: _Means) -> "Signer":
    from anchor.server.chain.signers.local import signer_from_keystore
    from anchor.server.chain.signers.opening import open_signer

    if means.keystore is None:
        return open_signer(contract.settings.signer, environment=os.environ)
    password = os.environ.get(PASSWORD_VARIABLE)
    if means.password_file is not None:
        password = means.password_file.read_text("utf-8").strip()
    if password is None:
        raise CommandFailed(
            "the owner's keystore needs its password",
            f"give --owner-password-file, or set {PASSWORD_VARIABLE}",
            code="no_password",
        )
    return signer_from_keystore(means.keystore, password)


def _send(output: Output, contract: _Contract, wish: _Wish, signer: "Signer") -> str:
    """Send it, and return the transaction's hash. A key that anchors is used by one process at a time."""
    from anchor.server.anchoring.owning import say_as_owner
    from anchor.server.chain.values import hexadecimal

    settings = contract.settings
    anchors = contract.log.submitter() == signer.address
    with (
        no_worker(contract.opened) if anchors else nullcontext() as lease,
        output.progress(f"waiting for {settings.name}", None),
    ):
        receipt = say_as_owner(
            contract.log,
            signer,
            wish.calldata,
            by=wish.by,
            settings=settings,
            unfinished=contract.unfinished,
            lease=lease,
        )
    return hexadecimal(receipt.transaction_hash)
