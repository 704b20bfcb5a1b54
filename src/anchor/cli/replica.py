"""``anchor replica``: what a copy says by itself, with the server gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.compare import show_balances, show_books
from anchor.cli.compare_books import entry_of
from anchor.cli.derive import show_balance
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.follow import file_failed
from anchor.cli.options import (
    MAX_INDEX,
    BookColumns,
    CountUsage,
    FirstIndex,
    Json,
    LastIndex,
    TheirBalance,
    TheirBooks,
    YourBalance,
    YourBooks,
)
from anchor.cli.output import Output, amount, counted, plain, shown_id
from anchor.cli.proof import say_written
from anchor.cli.usage.mapping import parse_mapping
from anchor.cli.usage.rows import kind_of, read_rows
from anchor.cli.usage.source import Reading

if TYPE_CHECKING:
    from anchor.compare.books import Entry
    from anchor.replica.store import Store

replica = typer.Typer(
    no_args_is_help=True, help="Read the copy that [bold]anchor follow[/] made. Needs no server."
)

StoreFile = Annotated[Path, typer.Argument(metavar="STORE", help="The file that anchor follow made.")]
Index = Annotated[int | None, typer.Option(min=0, max=MAX_INDEX, metavar="INDEX", help="After this delta.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(replica, name="replica", rich_help_panel="Check")


@replica.command("status")
def status(store: StoreFile, json_: Json = False) -> None:
    """Say what the copy is of, how far it has come, and all that did not fit."""
    from anchor.protocol.times import moment
    from anchor.replica.answers import status_json

    output = Output(json_)
    with _opened(store) as opened:
        answer = status_json(opened)
    if json_:
        output.json(answer)
        return
    head, unit = answer["head"], answer["unit"]
    on_chain = "not yet"
    if head is not None:
        on_chain = (
            f"{counted(head['size'], 'delta')} under batch {head['batch']:,}, "
            f"since {moment(head['committedBy'])} at the latest"
        )
    output.pairs(
        ("customer", shown_id(answer["customerId"]) + (f" in {shown_id(unit)}" if unit else "")),
        ("deltas", f"{answer['deltaCount']:,}"),
        ("balance", f"[bold]{amount(answer['balance'], unit)}[/]"),
        ("on the chain", on_chain),
        ("contract", "–" if head is None else f"{answer['contract']} on chain {answer['chainId']}"),
        ("ledger id", answer["ledgerId"]),
        ("log id", answer["logId"]),
    )
    if not answer["findings"]:
        output.say("[green]✓[/] everything that was shown fits")
    for one in answer["findings"]:
        output.line(f"[red]✗[/] {moment(one['foundAt'])} [bold]{one['kind']}[/]: {plain(one['statement'])}")
        for file in one["files"]:
            output.line(f"    {plain(str(store.with_name(file)))}")


@replica.command("derive")
def derive(
    store: StoreFile,
    as_of_index: Index = None,
    as_of_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="The balance at this instant.")
    ] = None,
    json_: Json = False,
) -> None:
    """Show the balance by the copy: what was seen on the chain, and what is pending beside it."""
    from anchor.replica.answers import derived_json
    from anchor.replica.reading import derive as derive_from
    from anchor.wire.problems import Problem
    from anchor.wire.times import read_time

    if as_of_index is not None and as_of_time is not None:
        raise CommandFailed("an index and a time are given", "give one of them", ExitCode.USAGE, "usage")
    instant = None
    if as_of_time is not None:
        try:
            instant = read_time(as_of_time, time_ns() // 1_000_000, "--as-of-time").milliseconds
        except Problem as problem:
            detail = problem.detail or problem.kind.title
            raise CommandFailed(
                f"--as-of-time: {detail}", problem.kind.remedy, ExitCode.USAGE, "usage"
            ) from None
    output = Output(json_)
    with _opened(store) as opened:
        derived = derive_from(opened, as_of_index=as_of_index, as_of_time=instant)
        answer = derived_json(opened, derived)
    if json_:
        output.json(answer)
        return
    show_balance(output, answer, answer["unit"], as_of=as_of_index is not None or as_of_time is not None)


@replica.command("compare", context_settings={"ignore_unknown_options": True})
def compare(
    store: StoreFile,
    yours: YourBalance = None,
    theirs: TheirBalance = None,
    as_of_index: Index = None,
    your_books: YourBooks = None,
    their_books: TheirBooks = None,
    map_: BookColumns = None,
    negate: CountUsage = False,
    from_index: FirstIndex = None,
    to_index: LastIndex = None,
    json_: Json = False,
) -> None:
    """Compare two balances, or two sides' books, with the copy. Exit code 1: something differs."""
    from anchor.compare.lists import Side
    from anchor.replica.answers import balances_json, books_json
    from anchor.replica.reading import compare_books, compare_figures

    balances = {Side.YOURS: yours, Side.COUNTERPARTY: theirs}
    books = {Side.YOURS: your_books, Side.COUNTERPARTY: their_books}
    figures = {side: _figure(text) for side, text in balances.items() if text is not None}
    named = {side: file for side, file in books.items() if file is not None}
    if bool(figures) == bool(named):
        raise CommandFailed(
            "balances or books are needed, and not both",
            "give --yours or --theirs, or --your-books or --their-books",
            ExitCode.USAGE,
            "usage",
        )
    output = Output(json_)
    with _opened(store) as opened, output.progress("comparing", None):
        if figures:
            answer = balances_json(compare_figures(opened, figures, as_of_index=as_of_index))
        else:
            lists = {side: _entries(file, map_ or [], negate) for side, file in named.items()}
            answer = books_json(compare_books(opened, dict(lists), from_index=from_index, to_index=to_index))
        unit = opened.pins.unit
    if json_:
        output.json(answer)
    elif figures:
        show_balances(output, answer, unit)
    else:
        show_books(output, answer, unit)
    if not answer["match"]:
        raise typer.Exit(ExitCode.NO)


@replica.command("prove")
def prove(
    store: StoreFile,
    index: Annotated[int, typer.Argument(min=0, max=MAX_INDEX, metavar="INDEX", help="Of the delta.")],
    balance: Annotated[
        bool, typer.Option("--balance", help="Prove the balance after it, in place of the delta.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write it; else to standard output."),
    ] = None,
    json_: Json = False,
) -> None:
    """Make the proof file of a delta from the copy. Anyone can check it with anchor verify."""
    from anchor.replica.proving import prove_balance, prove_delta
    from anchor.verify import write_proof_file

    output = Output(json_)
    if out is not None and out.exists() and out.samefile(store):
        raise CommandFailed("--out names the copy itself", "name another file", ExitCode.USAGE, "usage")
    with _opened(store) as opened:
        content = write_proof_file(prove_balance(opened, index) if balance else prove_delta(opened, index))
    if out is None:
        output.bytes(content)
        return
    out.write_bytes(content)
    if json_:
        output.json({"file": str(out), "bytes": len(content)})
    else:
        say_written(output, out, len(content))


@replica.command("check")
def check(store: StoreFile, json_: Json = False) -> None:
    """Recompute the copy: every fingerprint, balance and head that it saw. Exit code 1: something differs."""
    from anchor.replica.answers import misfit_json
    from anchor.replica.self_check import check_copy

    output = Output(json_)
    with _opened(store) as opened, output.progress("recomputing the copy", 1) as bar:
        misfit = check_copy(opened, bar.reach)
        size = opened.standing().size
    if json_:
        output.json(
            {"whole": misfit is None, "deltaCount": size}
            | {"misfit": None if misfit is None else misfit_json(misfit)}
        )
    elif misfit is None:
        told = "every head that the copy saw on the chain follows from its"
        output.say(f"[green]✓[/] {told} {counted(size, 'delta')}")
    else:
        output.line(f"[red]✗[/] {plain(misfit.statement)}")
        output.line(f"    expected  [green]{plain(misfit.expected)}[/]")
        output.line(f"    found     [red]{plain(misfit.found)}[/]")
    if misfit is not None:
        raise typer.Exit(ExitCode.NO)


@contextmanager
def _opened(path: Path) -> Iterator["Store"]:
    """Open a copy. Raises CommandFailed where it is damaged."""
    import sqlite3

    from anchor.replica.store import Store

    try:
        with Store.open(path) as store:
            yield store
    except sqlite3.Error as error:
        raise file_failed(path, error) from None


def _figure(text: str) -> int:
    from anchor.protocol.amounts import parse_balance
    from anchor.protocol.errors import AmountError

    try:
        return parse_balance(text)
    except AmountError as error:
        raise CommandFailed(str(error), "write a decimal number", ExitCode.USAGE, "usage") from None


def _entries(file: Path, columns: list[str], negate: bool) -> Iterator["Entry"]:
    from anchor.compare.books import Entry

    mapped = parse_mapping(columns, ["customerId=-"], negate=False)
    for row in read_rows(file, kind_of(file, None), mapped, Reading()):
        reference_id, units = entry_of(file, row)
        yield Entry(reference_id, -units if negate else units)
