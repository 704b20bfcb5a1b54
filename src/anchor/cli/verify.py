"""``anchor verify``: check a proof file against a chain, with nothing of the operator's."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from anchor.cli.disputes import SUFFIX, read_dispute, require_file
from anchor.cli.failures import CommandFailed, ExitCode, failure_of
from anchor.cli.logs import KnownLogsFile, known_logs
from anchor.cli.options import MAX_CHAIN_ID, MAX_INDEX, Json, OldestBlock, as_url
from anchor.cli.output import Output, counted, plain

if TYPE_CHECKING:
    from anchor.verify import Verification

EXIT_CODES: Final = {
    "valid": ExitCode.OK,
    "invalid": ExitCode.NO,
    "not_checked_against_a_chain": ExitCode.UNAVAILABLE,
}

_MARKS: Final = {"passed": "[green]✓[/]", "failed": "[bold red]✗[/]", "skipped": "[dim]–[/]"}
_VERDICTS: Final = {
    "valid": "[bold green]VALID[/]",
    "invalid": "[bold red]NOT VALID[/]",
    "not_checked_against_a_chain": "[bold yellow]NOT CHECKED AGAINST A CHAIN[/]",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", rich_help_panel="Check")(verify)
    app.command("check-sample", hidden=True)(verify)


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Proof files, samples, audit packs, or directories of these."),
    ],
    rpc: Annotated[
        list[str] | None,
        typer.Option(
            "--rpc",
            metavar="URL",
            callback=as_url,
            help="A node of the chain; several are held against each other.",
        ),
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The contract that you and the operator agreed on."),
    ] = None,
    customer: Annotated[
        str | None, typer.Option(metavar="ID", help="The customer whose record this must be.")
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="The unit that it must be in.")] = None,
    ledger_id: Annotated[
        str | None, typer.Option("--ledger", metavar="ID", help="The ledger id that it must be.")
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            metavar="LOG", help="Whose log it must be: its id, or a name on your list (anchor logs)."
        ),
    ] = None,
    chain_id: Annotated[
        list[int] | None,
        typer.Option(
            "--chain-id",
            min=1,
            max=MAX_CHAIN_ID,
            metavar="ID",
            help="A chain that was agreed on; else those of the log on your list.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="End with code 5 unless log, chain and customer are named: for programs."
        ),
    ] = False,
    known: KnownLogsFile = None,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest, or a number of confirmations.")
    ] = "finalized",
    oldest_block: OldestBlock = 3600,
    block_hash: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="Offline: the block that you trust, in place of a node."),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Offline: the chain's evidence; packs hold their own."),
    ] = None,
    from_index: Annotated[
        int | None,
        typer.Option(
            "--from", min=0, max=MAX_INDEX, metavar="INDEX", help="Of a sample: you asked from here."
        ),
    ] = None,
    to_index: Annotated[
        int | None,
        typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="Of a sample: to here, included."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, max=1000, metavar="N", help="Of a sample: how many deltas you asked for."),
    ] = None,
    json_: Json = False,
) -> None:
    """Check proof FILEs against the chain. Needs no server, no account and no database.

    Of a sample a confidence is stated where you name the range and the count:
    agree on both before the period is anchored.

    Exit code 0: valid. 1: not valid. 3: a file could not be read. 4: not checked against a chain.
    5: a strict verification was asked for, and log, chain or customer were not named.
    Of several files all are checked, and the worst code is given: 1 before 3 before 4.
    A dispute that anchor follow saved is shown, and the proof files beside it are checked.
    """

    from anchor.verify import verify_file
    from anchor.verify.verifying_files import NotStrict

    output = Output(json_)
    listed = known_logs(known)
    results: list[Verification] = []
    answers: list[object] = []
    unread = 0
    disputes = 0
    found = _found(files)
    if evidence is not None:
        require_file(evidence, read_once=True)
    for file in found:
        try:
            require_file(file)
            dispute = read_dispute(file)
            if dispute is not None:
                disputes += 1
                answers.append(dispute.to_json())
                dispute.show(output)
                # They are checked next, unless they were named themselves.
                found += [path for path in dispute.beside() if path not in found]
                continue
            # A pack says how many deltas it has once it is open; until then the bar stands at nothing.
            total = 1 if file.suffix == ".zip" else None
            with output.progress(f"checking {file.name}", total) as bar:
                result = verify_file(
                    file,
                    rpc=rpc or [],
                    contract=contract,
                    customer=customer,
                    unit=unit,
                    ledger_id=ledger_id,
                    log=log,
                    chain_ids=chain_id or (),
                    known_logs=listed,
                    strict=strict,
                    finality=finality,
                    evidence=evidence,
                    block_hash=block_hash,
                    oldest_block=oldest_block,
                    count=count,
                    from_index=from_index,
                    to_index=to_index,
                    progress=bar.reach,
                )
        except NotStrict as error:
            raise CommandFailed(str(error), error.remedy, ExitCode.NOT_STRICT, "not_strict") from None
        except ValueError as error:
            remedy = getattr(error, "remedy", "see anchor verify --help")
            raise CommandFailed(str(error), remedy, ExitCode.USAGE, "usage") from None
        except (OSError, CommandFailed) as error:
            failure = failure_of(error)
            if failure is None or len(found) == 1:
                raise
            unread += 1
            answers.append({"file": str(file), "error": {"code": failure.code, "problem": failure.problem}})
            if not json_:
                output.note(plain(f"{failure.problem}; {failure.remedy}"))
            continue
        results.append(result)
        answers.append(result.to_json())
        if not json_:
            show(output, result, file.name)
    if json_:
        output.json(answers[0] if len(answers) == 1 else answers)
    elif len(found) > 1:
        _sum_up(output, results, unread, disputes)
    codes = {EXIT_CODES[result.verdict] for result in results} | ({ExitCode.REFUSED} if unread else set())
    if disputes:
        codes.add(ExitCode.UNAVAILABLE)
    raise typer.Exit(next(code for code in _WORST_FIRST if code in codes))


_WORST_FIRST: Final = (ExitCode.NO, ExitCode.REFUSED, ExitCode.UNAVAILABLE, ExitCode.OK)


_NO_PROOFS: Final = {"evidence.json", "chain.json", "peaks.json"}
"""What an unpacked audit pack holds beside its period. Disputes prove nothing either."""


def _found(paths: list[Path]) -> list[Path]:
    """Return the files to check: those named, and the proof files and packs in directories."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                one
                for one in path.rglob("*")
                if one.suffix in {".json", ".zip"}
                and one.name not in _NO_PROOFS
                and not one.name.endswith(SUFFIX)
                and one.is_file()
            )
            if not inside:
                raise CommandFailed(f"there is no proof file in {path}", "name files", code="no_proof_files")
            found += inside
        else:
            found.append(path)
    return found


def _sum_up(output: Output, results: list["Verification"], unread: int, disputes: int) -> None:
    output.say()
    verdicts = ("valid", "not_checked_against_a_chain", "invalid")
    counts = [(verdict, sum(one.verdict == verdict for one in results)) for verdict in verdicts]
    counts.append(("not read", unread))
    told = [f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts if count]
    output.say(", ".join([*told, counted(disputes, "dispute")] if disputes else told))


def show(output: Output, result: "Verification", name: str) -> None:
    """Show each step, both values of the one that failed, and what is proven."""

    output.line(f"[bold]{plain(name)}[/]")
    output.say()
    width = max((len(step.name) for step in result.steps), default=0)
    for step in result.steps:
        _row(output, width, _MARKS[step.outcome], step.name, f"[dim]{plain(step.explanation)}[/]")
        if step.outcome == "failed":
            # Whole and on one line each, so that they can be held against each other.
            for label, value, colour in (("expected", step.expected, "green"), ("found", step.found, "red")):
                text = f"     {label:<{width - 2}}  [{colour}]{plain(value or 'nothing')}[/]"
                output.console.print(text, soft_wrap=True)
    output.say()
    output.say(_VERDICTS[result.verdict])
    for statement in result.statements:
        _row(output, 0, "•", "", plain(statement))


def _row(output: Output, width: int, mark: str, name: str, text: str) -> None:
    """Write a line whose text, where it is long, goes on under itself."""
    from rich.table import Table

    row = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    row.add_column(width=1)
    if name:
        row.add_column(width=width, no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(mark, name, text)
    else:
        row.add_column(overflow="fold")
        row.add_row(mark, text)
    output.console.print(row)
