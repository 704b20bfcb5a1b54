"""``anchor watch``: follow a log's heads from outside, with no account, no database and no trust."""

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Json, as_url, within
from anchor.cli.output import Output, counted, plain

if TYPE_CHECKING:
    from anchor.monitor.batches import ServerBatches
    from anchor.monitor.kept_proofs import KeptProofs
    from anchor.monitor.nodes import Nodes, View
    from anchor.monitor.sightings import Sighting
    from anchor.monitor.state import State, Watched
    from anchor.monitor.watcher import Watcher
    from anchor.node.view import Finality

_LONGEST_PAUSE: Final = 60.0
_LONGEST_EVERY: Final = 86_400.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch", rich_help_panel="Check")(watch)


def watch(
    rpc: Annotated[
        list[str],
        typer.Option(
            "--rpc",
            metavar="URL",
            callback=as_url,
            help="A node of the chain; several are held against each other.",
        ),
    ],
    contract: Annotated[str, typer.Option(metavar="ADDRESS", help="The contract to follow.")],
    server: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=as_url,
            help="The log's server: every batch it shows is held against the chain.",
        ),
    ] = None,
    proofs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Proof files that you kept, packs, or directories: they must still fit."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what is known here, and go on from it after a restart."),
    ] = None,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest, or a number of confirmations.")
    ] = "finalized",
    from_block: Annotated[
        int,
        typer.Option(
            min=0, max=2**53, metavar="NUMBER", help="Where to begin; the contract's first block is best."
        ),
    ] = 0,
    every: Annotated[
        float,
        typer.Option(metavar="SECONDS", callback=within(0.1, _LONGEST_EVERY), help="How often to look."),
    ] = 12.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    json_: Json = False,
) -> None:
    """Follow a contract's heads, and alarm on one that does not extend the history known so far.

    Needs no account. With --json one document a line. Exit code with --once: 0 all is well, 1 there was an
    alarm, 4 something could not be seen.
    """
    from anchor.monitor.nodes import Nodes, NodesDisagree
    from anchor.node.reader import JsonRpcChain
    from anchor.verify import ChainUnavailable, Finality, parse_contract

    output = Output(json_)
    try:
        address, rule = parse_contract(contract), Finality.parse(finality)
    except ValueError as error:
        raise CommandFailed(str(error), "correct --contract or --finality", ExitCode.USAGE, "usage") from None
    with ExitStack() as stack:
        chains = [JsonRpcChain(url) for url in rpc]
        for chain in chains:
            stack.callback(chain.close)
        nodes = Nodes(chains)
        try:
            view = nodes.view(rule)
            watched = _watched(view, address, from_block)
        except NodesDisagree as error:
            raise CommandFailed(
                f"the nodes disagree {error.detail}",
                "find out which of them is on another chain or lies, and leave it out",
                ExitCode.NO,
                "endpoints_disagree",
            ) from None
        except ChainUnavailable as error:
            raise CommandFailed(
                error.reason, "check --rpc and --finality", ExitCode.UNAVAILABLE, "chain_unavailable"
            ) from None
        show = _Shown(output)
        show.beginning(watched, _start(rpc, server))
        batches = None if server is None else _open_server(stack, show, server, watched, once=once)
        kept = None if not proofs else _read_proofs(show, proofs, watched)
        known = None if state is None else _read_state(show, state, watched)
        show.not_checked(server is not None, bool(proofs), state is not None, len(rpc))
        watcher = _watcher(nodes, watched, known, rule, batches, kept)
        _follow(show, watcher, state, every=every, once=once)


def _follow(show: "_Shown", watcher: "Watcher", state: Path | None, *, every: float, once: bool) -> None:
    from anchor.monitor.state import write_state
    from anchor.verify import ChainUnavailable

    failures, written = 0, None
    while True:
        try:
            look = watcher.look()
            failures = 0
        except ChainUnavailable as error:
            if once:
                raise CommandFailed(
                    error.reason, "try again, or name another node", ExitCode.UNAVAILABLE, "chain_unavailable"
                ) from None
            failures += 1
            show.unreachable(error.reason)
            time.sleep(min(_LONGEST_PAUSE, every * 2**failures))
            continue
        # First what was seen, then what is kept: a watcher that is killed between says it twice, not never.
        show.sightings(look.sightings)
        if state is not None and watcher.state != written:
            written = watcher.state
            write_state(state, watcher.watched, written)
        if not look.caught_up:
            continue
        if once:
            show.ending(watcher.heads, watcher.watched.first_block)
            if show.alarmed:
                raise typer.Exit(ExitCode.NO)
            if show.warned:
                raise typer.Exit(ExitCode.UNAVAILABLE)
            return
        time.sleep(every)


def _start(rpc: list[str], server: str | None) -> str:
    from anchor.node.endpoint import redact

    said = f"by {' and '.join(map(redact, rpc))}"
    return said if server is None else f"{said}, batches from {redact(server)}"


def _watched(view: "View", contract: bytes, first_block: int) -> "Watched":
    from anchor.monitor.state import Watched

    chain_id, log_id = view.chain_id(), view.log_id(contract)
    if log_id is None:
        raise CommandFailed(
            f"there is no AnchorLog at 0x{contract.hex()} on chain {chain_id}",
            "check the address and the chain",
            code="no_contract",
        )
    return Watched(chain_id, contract, log_id, first_block)


def _open_server(
    stack: ExitStack, show: "_Shown", url: str, watched: "Watched", *, once: bool
) -> "ServerBatches":
    from anchor.monitor.batches import OtherLog, ServerBatches
    from anchor.monitor.history import BatchesUnavailable

    batches = stack.enter_context(ServerBatches(url, watched.log_id))
    try:
        batches.check_log()
    except BatchesUnavailable as error:
        if once:
            raise CommandFailed(
                error.reason,
                "check --server, or watch the chain without it",
                ExitCode.UNAVAILABLE,
                "unavailable",
            ) from None
        # The chain is watched meanwhile; what is anchored is checked when the server is back.
        show.note(error.reason)
    except OtherLog as other:
        raise CommandFailed(
            f"{batches.name} serves the log 0x{other.found.hex()}, "
            f"the contract is of 0x{watched.log_id.hex()}",
            "name the contract and the server of one log",
            code="other_log",
        ) from None
    return batches


def _read_proofs(show: "_Shown", paths: list[Path], watched: "Watched") -> "KeptProofs":
    from anchor.monitor.kept_proofs import read_kept_proofs

    kept, count, refused = read_kept_proofs(paths, watched.log_id)
    for name, reason in refused:
        show.note(f"{name} is not used: {reason}")
    if not count:
        raise CommandFailed(
            "none of the files is a proof file of this log",
            "name others with --proofs",
            code="no_proof_files",
        )
    return kept


def _read_state(show: "_Shown", file: Path, watched: "Watched") -> "State | None":
    from anchor.monitor.state import read_state

    try:
        known = read_state(file, watched)
    except FileNotFoundError:
        if not file.absolute().parent.is_dir():
            raise
        return None
    show.resumed(known)
    return known


def _watcher(
    nodes: "Nodes",
    watched: "Watched",
    state: "State | None",
    finality: "Finality",
    batches: "ServerBatches | None",
    proofs: "KeptProofs | None",
) -> "Watcher":
    from anchor.monitor.watcher import Watcher

    return Watcher(
        nodes,
        watched,
        state=state,
        finality=finality,
        batches=batches,
        proofs=proofs,
        now_ms=lambda: time.time_ns() // 1_000_000,
    )


class _Shown:
    """What the watcher says, for people or as JSON lines."""

    def __init__(self, output: Output) -> None:
        self.alarmed = False
        self.warned = False
        self._output = output

    def beginning(self, watched: "Watched", where: str) -> None:
        self._output.line(f"log 0x{watched.log_id.hex()} on chain {watched.chain_id}, {_safe(where)}")

    def resumed(self, known: "State") -> None:
        settled = known.settled
        place = "the beginning" if settled is None else f"block {settled.number}"
        self._output.line(f"{counted(known.heads, 'final head')} known, going on from {place}")
        if known.alarms:
            newest = known.alarms[-1]
            self.note(
                f"{counted(len(known.alarms), 'alarm')} on record in the state file, "
                f"the newest {newest.kind}: {newest.detail}"
            )

    def not_checked(self, server: bool, proofs: bool, state: bool, nodes: int) -> None:
        from anchor.monitor.sightings import Sighting

        missing = []
        if not server:
            missing.append(
                "whether a head holds the batches before it"
                + (", beyond what the proof files show" if proofs else "")
                + " (--server)"
            )
        if not proofs:
            missing.append("whether the log still is the one that handed out older proofs (--proofs)")
        if not state:
            missing.append("whether the past is the one that an earlier run saw (--state)")
        if nodes == 1:
            missing.append("whether the node tells the truth (a second --rpc)")
        self.sightings([Sighting("not_checked", one) for one in missing])

    def sightings(self, sightings: "list[Sighting] | tuple[Sighting, ...]") -> None:
        for sighting in sightings:
            self.alarmed = self.alarmed or sighting.is_alarm
            self.warned = self.warned or sighting.is_warning
            if self._output.as_json:
                _write_line(sighting)
            elif sighting.is_alarm:
                self._output.line(f"[bold red]✗ {sighting.kind}[/]: {sighting.meaning}")
                place = f"block {sighting.block_number}: " if sighting.block_number else ""
                self._output.line(f"  {place}{_safe(sighting.detail)}")
            elif sighting.is_warning:
                self._output.line(f"[yellow]![/] {sighting.kind}: {_safe(sighting.detail)}")
            elif sighting.kind == "anchored":
                self._output.line(
                    f"[green]✓[/] batch {sighting.number} in block {sighting.block_number}  "
                    f"[dim]0x{sighting.head.hex()}[/]"
                )
            elif sighting.kind == "checked":
                self._output.line(f"  [dim]batch {sighting.number} {_safe(sighting.detail)}[/]")
            elif sighting.kind == "not_checked":
                self._output.line(f"[dim]– not checked: {_safe(sighting.detail)}[/]")
            else:
                place = f"batch {sighting.number}: " if sighting.number else ""
                self._output.line(f"  {place}{_safe(sighting.detail)}")

    def unreachable(self, reason: str) -> None:
        self.note(reason)

    def note(self, text: str) -> None:
        self._output.note(f"[yellow]![/] {_safe(text)}")

    def ending(self, heads: int, first_block: int) -> None:
        since = f" from block {first_block} on" if first_block else ""
        self._output.line(
            f"{counted(heads, 'head')} seen{since}" if heads else f"nothing was anchored{since} yet"
        )


def _write_line(sighting: "Sighting") -> None:
    said: dict[str, Any] = {
        "kind": sighting.kind,
        "alarm": sighting.is_alarm,
        "warning": sighting.is_warning,
        "batch": sighting.number,
        "head": "0x" + sighting.head.hex(),
        "block": sighting.block_number,
        "detail": sighting.detail,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _safe(text: str) -> str:
    """Return a text for the terminal: no markup, and no control characters of a hostile server's."""

    return plain("".join(letter if letter.isprintable() else "�" for letter in text))
