"""``anchor follow``: a counterparty's own copy of its ledger, checked as it grows."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Customer, JsonLines, Key, OldestBlock, Unit, Url, as_url, within
from anchor.cli.output import Output, amount, counted, plain

if TYPE_CHECKING:
    from anchor.replica.evidence import Finding
    from anchor.replica.following import Follower, Round
    from anchor.replica.values import Wanted

_LONGEST_PAUSE: Final = 300.0
_LONGEST: Final = 86_400.0
_LONGEST_KEY: Final = 4_096


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("follow", rich_help_panel="Check")(follow)


def follow(
    customer: Customer,
    store: Annotated[
        Path,
        typer.Option(
            "--store", metavar="FILE", help="Your copy: an SQLite file, made where it is not there."
        ),
    ],
    rpc: Annotated[
        list[str],
        typer.Option(
            "--rpc",
            metavar="URL",
            callback=as_url,
            help="A node of a chain of the log's; several are held against each other.",
        ),
    ],
    unit: Unit = "",
    contract: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The agreed contract; else the first that is shown, for good."),
    ] = None,
    ledger_id: Annotated[
        str | None, typer.Option("--ledger", metavar="ID", help="The ledger id that it must be.")
    ] = None,
    log_id: Annotated[
        str | None, typer.Option("--log", metavar="ID", help="The log id that it must be.")
    ] = None,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest, or a number of confirmations.")
    ] = "finalized",
    every: Annotated[
        float, typer.Option(metavar="SECONDS", callback=within(0.1, _LONGEST), help="Between two rounds.")
    ] = 12.0,
    lag: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            callback=within(0, _LONGEST),
            help="How long the server may show an older head than the chain holds.",
        ),
    ] = 60.0,
    oldest_block: OldestBlock = 3600,
    once: Annotated[bool, typer.Option("--once", help="One round, and end.")] = False,
    url: Url = None,
    key: Key = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file that holds the API key.", rich_help_panel="Where"),
    ] = None,
    json_: JsonLines = False,
) -> None:
    """Follow CUSTOMER's ledger into a copy of your own, and check every delta, head and anchor.

    The server is asked, and not believed. What does not fit is told, and saved
    beside the copy for anchor verify; the copy itself stays as it was.

    Exit code with --once: 0 all fits, 1 something does not, 4 no chain could be
    asked, or nothing is anchored yet.
    """
    from anchor.node.reader import open_chain
    from anchor.replica.following import Follower
    from anchor.replica.operator import Operator

    wanted = _wanted(customer, unit, contract, ledger_id, log_id, finality, lag, oldest_block)
    output = Output(json_)
    with ExitStack() as stack:
        chain = open_chain(stack, rpc)
        operator = stack.enter_context(Operator(*_where(url, key, key_file)))
        follower = stack.enter_context(Follower(operator, chain, store, wanted))
        _follow(output, follower, store, unit, contract is not None, every=every, lag=lag, once=once)


def _follow(
    output: Output,
    follower: "Follower",
    store: Path,
    unit: str,
    named: bool,
    *,
    every: float,
    lag: float,
    once: bool,
) -> None:
    import sqlite3

    from anchor.client.errors import AnchorProblem, ClientError, UnexpectedAnswer

    failures, told, patience = 0, "", time.monotonic() + lag
    pinned = _contract(follower)
    while True:
        try:
            with output.progress("copying", 1) as bar:
                went = follower.round(progress=bar.reach)
            failures = 0
        except ClientError as error:
            if isinstance(error, AnchorProblem) and (once or not told):
                raise
            if once:
                code = "unexpected_answer" if isinstance(error, UnexpectedAnswer) else "unavailable"
                raise CommandFailed(
                    str(error), "the copy is as it was; try again", ExitCode.UNAVAILABLE, code
                ) from None
            failures += 1
            output.note(f"[yellow]![/] {plain(error)}")
            time.sleep(min(_LONGEST_PAUSE, every * 2**failures))
            continue
        except sqlite3.Error as error:
            raise file_failed(store, error) from None
        if pinned is None and not named:
            pinned = _contract(follower)
            if pinned is not None:
                output.note(
                    f"[yellow]![/] contract {pinned} is taken for the agreed one from now on: see that it is"
                )
        if once and went.behind and not went.findings and time.monotonic() < patience:
            # A server may be a moment behind the chain: is it more?
            time.sleep(min(every, 1.0))
            continue
        document = _document(went)
        saying = _what_counts(went)
        if once or saying != told:
            told = saying
            _show(output, went, document, store, unit)
        if once:
            raise typer.Exit(_exit_code(went))
        time.sleep(every)


def _what_counts(went: "Round") -> str:
    """Return what has to change for a round to be worth telling."""
    size = None if went.head is None else went.head.head.size
    names = [one.misfit.name for one in went.findings]
    return repr((went.size, size, went.not_checked, went.behind, names))


def _contract(follower: "Follower") -> str | None:
    """Return the contract that the copy is pinned to, if it is."""
    chain = None if follower.store is None else follower.store.chain
    return None if chain is None else f"0x{chain.contract.hex()} on chain {chain.chain_id}"


def file_failed(store: Path, error: Exception) -> CommandFailed:
    """Say that a copy's file cannot be read or written."""
    return CommandFailed(
        f"{store}: {error}",
        "check the disk; where the file is damaged, follow into a new one",
        code="replica_file",
    )


def _exit_code(went: "Round") -> ExitCode:
    if went.findings:
        return ExitCode.NO
    seen = went.not_checked is None or (went.waiting and went.head is not None)
    return ExitCode.OK if seen else ExitCode.UNAVAILABLE


def _document(went: "Round") -> dict[str, Any]:
    from anchor.protocol.amounts import decimal_from_units
    from anchor.replica.answers import misfit_json

    head = went.head
    return {
        "newDeltas": went.new_deltas,
        "deltaCount": went.size,
        "balance": decimal_from_units(went.balance),
        "head": None
        if head is None
        else {"size": head.head.size, "batch": head.batch.number, "committedBy": head.time},
        "notChecked": went.not_checked,
        "waiting": went.waiting,
        "behind": went.behind,
        "findings": [
            misfit_json(one.misfit) | {"proven": one.proven, "files": [str(file) for file in one.files]}
            for one in went.findings
        ],
    }


def _show(output: Output, went: "Round", document: dict[str, Any], store: Path, unit: str) -> None:
    from anchor.protocol.times import moment

    if output.as_json:
        output.json_line(document)
        return
    for one in went.findings:
        _show_finding(output, one, store)
    mark = "[yellow]–[/]" if went.findings else "[green]✓[/]"
    if went.size == 0 and went.head is None:
        output.line(f"[yellow]–[/] nothing is copied: {plain(went.not_checked or 'there is nothing')}")
        return
    new = f"{went.new_deltas:,} new, " if went.new_deltas else ""
    output.line(f"{mark} {new}{counted(went.size, 'delta')}, {amount(document['balance'], unit)}")
    if went.head is not None:
        output.line(
            f"{mark} {went.head.head.size:,} of them under batch {went.head.batch.number:,}, "
            f"on the chain since {moment(went.head.time)} at the latest"
        )
    if went.waiting:
        output.line("[dim]– a newer head is in a block that is not final yet[/]")
    elif went.not_checked is not None:
        output.line(f"[yellow]–[/] no newer head could be checked: {plain(went.not_checked)}")
    elif went.behind:
        output.line("[yellow]–[/] the chain has a newer head than the server shows")


def _show_finding(output: Output, finding: "Finding", store: Path) -> None:
    misfit = finding.misfit
    output.line(f"[bold red]✗ {misfit.kind}[/]: {plain(misfit.statement)}")
    output.line(f"    expected  [green]{plain(misfit.expected)}[/]")
    output.line(f"    found     [red]{plain(misfit.found)}[/]")
    if not finding.files:
        output.line(f"    [dim]saved before: anchor replica status {plain(store)}[/]")
    for file in finding.files:
        output.line(f"    saved     {plain(file)}")
    if finding.proven and finding.files:
        output.line("    [bold]The operator cheated, and anybody can check it:[/] anchor verify, with --rpc")


def _wanted(
    customer: str,
    unit: str,
    contract: str | None,
    ledger_id: str | None,
    log_id: str | None,
    finality: str,
    lag: float,
    oldest_block: int,
) -> "Wanted":
    from anchor.replica.values import Wanted
    from anchor.verify import Finality, parse_contract
    from anchor.verify.verifying_files import parse_hash

    try:
        return Wanted(
            customer,
            unit,
            None if log_id is None else parse_hash(log_id, "a log id"),
            None if ledger_id is None else parse_hash(ledger_id, "a ledger id"),
            None if contract is None else parse_contract(contract),
            Finality.parse(finality),
            lag,
            oldest_block,
        )
    except ValueError as error:
        raise CommandFailed(str(error), "see anchor follow --help", ExitCode.USAGE, "usage") from None


def _where(url: str | None, key: str | None, key_file: Path | None) -> tuple[str, str]:
    """Return the server's URL and the key. Raises CommandFailed."""
    import httpx

    if key_file is not None:
        with key_file.open("rb") as opened:
            key = opened.read(_LONGEST_KEY).decode(errors="replace").strip()
    if not url or not key:
        raise CommandFailed(
            "no server is named" if not url else "no API key is given",
            "give --url and --key-file, or set ANCHOR_URL and ANCHOR_API_KEY",
            ExitCode.USAGE,
            "usage",
        )
    try:
        usable = httpx.URL(url).scheme in ("http", "https") and key.isascii() and key.isprintable()
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise CommandFailed(
            "the URL or the key cannot be used",
            "a URL begins with http:// or https://",
            ExitCode.USAGE,
            "usage",
        )
    return url, key
