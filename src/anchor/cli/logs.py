"""``anchor logs``: the logs that you know, so that each operator's is named once and then by a name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_CHAIN_ID, Json
from anchor.cli.output import Output, plain

if TYPE_CHECKING:
    from anchor.verify.known_logs import KnownLogs

logs = typer.Typer(no_args_is_help=True, help="Keep the list of the logs that you know.")

KnownLogsFile = Annotated[
    Path | None,
    typer.Option(
        "--known-logs",
        envvar="ANCHOR_KNOWN_LOGS",
        metavar="FILE",
        help="The list of the logs that you know; else the one in your settings' folder.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(logs, name="logs", rich_help_panel="Check")


def file_of_known_logs(file: Path | None) -> Path:
    """Return where the list is: as named, or in the settings' folder of this user."""
    return Path(typer.get_app_dir("anchor")) / "known-logs.json" if file is None else file


def known_logs(file: Path | None) -> "KnownLogs":
    """Return the reader's list. Raises CommandFailed where it cannot be read as one."""
    from anchor.verify.known_logs import KnownLogsError, read_known_logs

    try:
        return read_known_logs(file_of_known_logs(file))
    except KnownLogsError as error:
        raise CommandFailed(str(error), "mend the file, or name another with --known-logs") from None


@logs.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name for it: 'Example Inc'.")],
    log_id: Annotated[str, typer.Argument(metavar="LOGID", help="Its id, from a source you trust.")],
    chain: Annotated[
        list[int] | None,
        typer.Option(
            "--chain", metavar="ID", help="A chain that was agreed on, by its id; can be given again."
        ),
    ] = None,
    file: KnownLogsFile = None,
    json_: Json = False,
) -> None:
    """Put a log on the list: then anchor verify --log NAME holds files against it and its chains."""
    from anchor.verify.chain_names import chain_in_words
    from anchor.verify.known_logs import KnownLog, KnownLogsError, write_known_logs

    try:
        raw = bytes.fromhex(log_id.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32 or len(log_id) != 66 or not log_id.startswith("0x"):
        raise CommandFailed(
            f"{log_id!a} is no log id", "give 0x and 64 hexadecimal digits", ExitCode.USAGE, "usage"
        )
    for one in chain or []:
        if not 0 < one <= MAX_CHAIN_ID:
            raise CommandFailed(f"{one} is no chain's id", "give its number", ExitCode.USAGE, "usage")
    log = KnownLog(name, raw, tuple(chain or ()))
    known = known_logs(file)
    try:
        write_known_logs(file_of_known_logs(file), known.with_log(log))
    except KnownLogsError as error:
        raise CommandFailed(
            str(error), "anchor logs list shows what is there", code="known_already"
        ) from None
    output = Output(json_)
    if json_:
        output.json(log.to_json())
        return
    output.say(f"[green]✓[/] {plain(name)} is {plain(log_id)}")
    for one in log.chains:
        output.say(f"  on {chain_in_words(one)}")
    if not log.chains:
        output.say("  No chain was named with it: name one each time, with --chain-id.")


@logs.command("list")
def list_(file: KnownLogsFile = None, json_: Json = False) -> None:
    """Show the logs on the list."""
    from anchor.protocol.errors import hex_of
    from anchor.verify.chain_names import chain_in_words

    known = known_logs(file)
    output = Output(json_)
    if json_:
        output.json({"logs": [log.to_json() for log in known.logs]})
        return
    if not known.logs:
        output.say("You know no log yet: anchor logs add NAME LOGID --chain ID")
    for log in known.logs:
        output.line(f"[bold]{plain(log.name)}[/]  {hex_of(log.log_id)}")
        output.say("  " + (", ".join(map(chain_in_words, log.chains)) or "no chain was agreed on"))


@logs.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME")], file: KnownLogsFile = None, json_: Json = False
) -> None:
    """Take a log off the list."""
    from anchor.verify.known_logs import KnownLogsError, write_known_logs

    known = known_logs(file)
    try:
        left = known.without(name)
    except KnownLogsError as error:
        raise CommandFailed(str(error), "anchor logs list shows them", code="unknown_log") from None
    write_known_logs(file_of_known_logs(file), left)
    output = Output(json_)
    if json_:
        output.json({"removed": name})
    else:
        output.say(f"[green]✓[/] {plain(name)} is off the list")
