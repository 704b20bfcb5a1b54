"""The demo's steps, in order, each with the command that does it."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from anchor.cli.checkpoint import show_checkpoint
from anchor.cli.compare import show_books
from anchor.cli.demo.books import write_books, write_usage
from anchor.cli.demo.flights import Flight, read_airlines, read_flights
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.output import Output, amount
from anchor.cli.proof import fetch_proof
from anchor.cli.server import Server, connect, segment
from anchor.cli.sinks import LocalSink
from anchor.cli.usage.intake import import_file
from anchor.cli.usage.mapping import parse_mapping
from anchor.client import readings

if TYPE_CHECKING:
    from anchor.server.service.development import Development

UNIT: Final = "mile"
CARRIER: Final = "UA"
MONTH: Final = "2013-07"
MONTH_NAME: Final = "July 2013"

_COLUMNS: Final = [
    "customerId=carrier",
    "referenceId=flight",
    "delta=miles",
    "reason=route",
    "occurredAt=departure",
]


class Story:
    """One run of the demo over a running development service."""

    def __init__(self, output: Output, running: "Development", archive: Path) -> None:
        self._output = output
        self._running = running
        self._archive = archive
        self._directory = running.directory
        self._server: Server = connect(running.url, running.admin_key, None, output)
        self._step = 0
        self._flights: list[Flight] = []
        self._names: dict[str, str] = {}

    def tell(self) -> None:
        """Run all steps."""
        self._output.say()
        self._output.say("[bold]Anchor[/]  a year of flights, billed by the mile, checked by a chain")
        with self._server:
            self._usage()
            self._record()
            self._anchor()
            self._balances()
            first, last = self._checkpoint()
            self._compare(first, last)
            proof = self._prove(first)
            self._verify(proof)
            self._alter(proof)

    # The steps

    def _usage(self) -> None:
        self._heading("The usage", "every flight out of New York in 2013")
        with self._output.progress("reading the flights", None):
            self._flights = read_flights(self._archive)
            self._names = read_airlines(self._archive)
            write_usage(self._directory / "flights.csv", self._flights)
        carriers = len({flight.carrier for flight in self._flights})
        self._output.say(
            f"{len(self._flights):,} flights of {carriers} carriers. The carrier is the customer, a flight"
        )
        self._output.say("is a delta of minus its miles; date, number and origin are the reference.")
        self._output.say()
        with (self._directory / "flights.csv").open(encoding="utf-8") as lines:
            for line in islice(lines, 3):
                self._aside(line.rstrip())
        self._came("usage", file=str(self._directory / "flights.csv"), flights=len(self._flights))

    def _record(self) -> None:
        self._heading("Record", "each delta gets a place, a balance, a fingerprint")
        file = self._directory / "flights.csv"
        maps = [word for column in _COLUMNS for word in ("--map", column)]
        self._command(
            "anchor", "import", file, *maps, "--set", f"unit={UNIT}", "--negate", "--data", self._directory
        )
        mapped = parse_mapping(_COLUMNS, [f"unit={UNIT}"], True)
        sink = LocalSink(self._directory, os.environ)
        try:
            with self._output.progress("recording", file.stat().st_size, "bytes") as bar:
                done = import_file(file, "csv", mapped, sink, bar)
        finally:
            sink.close()
        self._require(done.recorded == len(self._flights), f"{done.recorded} recorded", str(done.refusals))
        rate = f"[bold]{done.rate:,.0f} a second[/]"
        self._output.say(f"[green]✓[/] {done.recorded:,} deltas in {done.seconds:.1f} s, {rate}")
        self._came("record", recorded=done.recorded, seconds=round(done.seconds, 3))

    def _anchor(self) -> None:
        self._heading("Anchor", "one 32-byte root over all of it, and nothing else, goes on chain")
        with self._output.progress("sealing, sending, waiting for finality", None):
            self._running.anchor_now()
        newest = self._server.get("/api/v1/batches", readings.page, limit=1)["items"][0]
        self._require(bool(newest["anchors"]), "an anchor", str(newest))
        place = newest["anchors"][0]
        receipt = self._running.chain.endpoint.call("eth_getTransactionReceipt", [place["transactionHash"]])
        gas = int(receipt["gasUsed"], 16)
        deltas = len(self._flights)
        self._output.pairs(
            ("anchored root", f"[bold]{newest['anchorRoot']}[/]"),
            ("contract", f"{self._running.contract} on chain {self._running.chain.chain_id}"),
            ("transaction", f"{place['transactionHash']}, block {place['blockNumber']}"),
            ("gas", f"[bold]{gas:,}[/] for {deltas:,} deltas: {Decimal(gas) / deltas:.2f} a delta"),
            ("", "[dim](a contract's first anchor; those after it take about 31,600)[/]"),
        )
        self._came("anchor", batch=newest, gasUsed=gas, rpc=self._running.rpc_url)

    def _balances(self) -> None:
        self._heading("Balances", "one row read, whatever the number of deltas")
        self._aside("$ anchor derive CUSTOMER --unit mile, for each of them")
        table = self._output.table(
            "customer", "carrier", "flights", "balance in miles", "", right=("flights", "balance in miles")
        )
        totals: dict[str, int] = {}
        counts: dict[str, int] = {}
        for flight in self._flights:
            totals[flight.carrier] = totals.get(flight.carrier, 0) - flight.miles
            counts[flight.carrier] = counts.get(flight.carrier, 0) + 1
        answers = []
        for carrier in sorted(totals, key=lambda one: totals[one]):
            answer = self._server.get(
                f"/api/v1/balance/derive/{segment(carrier)}", readings.derived, unit=UNIT
            )
            right = answer["balance"] == totals[carrier] and answer["deltaCount"] == counts[carrier]
            self._require(right, f"{totals[carrier]} for {carrier}", str(answer))
            answers.append(answer)
            table.add_row(
                carrier,
                self._names.get(carrier, ""),
                f"{answer['deltaCount']:,}",
                amount(answer["balance"]),
                "[green]VERIFIED[/]",
            )
        self._print(table)
        self._came("balances", balances=answers, total=sum(totals.values()))
        self._output.say(
            f"Together {amount(sum(totals.values()), 'miles')}: the file's own sum, to the mile."
        )

    def _checkpoint(self) -> tuple[int, int]:
        name = self._names.get(CARRIER, CARRIER)
        self._heading("Checkpoint", f"{MONTH_NAME} of {name}, sealed under one hash")
        flown = [flight for flight in self._flights if flight.carrier == CARRIER]
        places = [at for at, flight in enumerate(flown) if flight.date.startswith(MONTH)]
        first, last = places[0], places[-1]
        self._aside("Flights were imported in the order of departure: a month of departures is a range")
        self._aside("of indexes. (--period goes by the time of recording, which is today.)")
        self._output.say()
        self._command("anchor", "checkpoint", CARRIER, "--unit", UNIT, "--from", first, "--to", last)
        answer = self._server.post(
            "/api/v1/balance/checkpoint",
            readings.checkpoint,
            {"customerId": CARRIER, "unit": UNIT, "fromIndex": first, "toIndex": last},
        )
        miles = -sum(flown[at].miles for at in places)
        self._require(answer["netChange"] == miles, str(miles), str(answer["netChange"]))
        self._require(answer["status"] == "VERIFIED", "VERIFIED", answer["status"])
        show_checkpoint(self._output, answer)
        self._came("checkpoint", checkpoint=answer)
        return first, last

    def _compare(self, first: int, last: int) -> None:
        self._heading("Compare", "with a counterparty's books of that month")
        flown = [flight for flight in self._flights if flight.carrier == CARRIER][first : last + 1]
        books = self._directory / "counterparty.csv"
        mistakes = write_books(books, flown)
        self._aside("We removed three flights from them, and swapped two digits of a fourth.")
        self._output.say()
        maps = ["--map", "referenceId=flight", "--map", "delta=miles", "--negate"]
        span = ["--from", first, "--to", last]
        self._command("anchor", "compare", CARRIER, "--unit", UNIT, "--their-books", books, *maps, *span)
        answer = self._server.post(
            "/api/v1/balance/compare",
            readings.compared,
            {
                "customerId": CARRIER,
                "unit": UNIT,
                "fromIndex": first,
                "toIndex": last,
                "counterpartyDeltas": _book_entries(books),
            },
        )
        if not self._output.as_json:
            show_books(self._output, answer, UNIT)
        found = {(one["kind"], one["referenceId"], one["offBy"]) for one in answer["discrepancies"]}
        expected = {("missing", flight.reference, flight.miles) for flight in mistakes.removed}
        altered = mistakes.altered
        expected.add(("altered", altered.reference, altered.miles - mistakes.altered_miles))
        self._require(found == expected, str(expected), str(found))
        self._output.say("[green]✓[/] exactly the four mistakes, and nothing else")
        self._came("compare", books=str(books), comparison=answer)

    def _prove(self, index: int) -> Path:
        flown = [flight for flight in self._flights if flight.carrier == CARRIER]
        flight = flown[index]
        self._heading("Prove", f"flight {flight.reference}: a file for an auditor who trusts nobody")
        ledgers = self._server.get("/api/v1/ledgers", readings.page, customerId=CARRIER)["items"]
        ledger = next(one for one in ledgers if one["unit"] == UNIT)
        path_of_deltas = f"/api/v1/ledgers/{ledger['ledgerId']}/deltas"
        delta = self._server.get(path_of_deltas, readings.page, cursor=index, limit=1)["items"][0]
        self._require(delta["referenceId"] == flight.reference, flight.reference, str(delta))
        path = self._directory / "flight.proof.json"
        self._command("anchor", "proof", delta["receiptId"], "--out", path)
        path.write_bytes(fetch_proof(self._server, delta["receiptId"]))
        self._output.say(f"[green]✓[/] {path.stat().st_size:,} bytes: the delta, and the way to the root")
        self._came("prove", file=str(path), receiptId=delta["receiptId"])
        return path

    def _verify(self, proof: Path) -> None:
        self._heading("Verify", "another process, with the file and a node, and nothing of ours")
        done = self._run_verify("verify", proof)
        self._require(done == ExitCode.OK, "exit code 0", f"exit code {done}")

    def _alter(self, proof: Path) -> None:
        self._heading("Cheat", "the same file with one digit of the miles changed")
        document = json.loads(proof.read_text())
        stated = document["delta"]["amount"]
        document["delta"]["amount"] = stated[:-1] + str((int(stated[-1]) + 1) % 10)
        altered = proof.with_name("altered.proof.json")
        altered.write_text(json.dumps(document))
        self._aside(f"{stated} became {document['delta']['amount']}")
        self._output.say()
        done = self._run_verify("cheat", altered)
        self._require(done == ExitCode.NO, "exit code 1", f"exit code {done}")

    def what_next(self, stays: bool, seconds: float) -> None:
        """Print what to type next. ``seconds``: how long all of it took."""
        self._came(
            "done",
            seconds=round(seconds, 1),
            directory=str(self._directory),
            url=self._running.url if stays else None,
            rpc=self._running.rpc_url if stays else None,
        )
        self._output.say("[bold]What to type next[/]\n")
        directory = shlex.quote(str(self._directory))
        anchor = _anchor_name()
        if stays:
            self._output.line(f"  export ANCHOR_URL={self._running.url}")
        else:
            self._output.line(f"  {anchor} dev {directory}   [dim]# the same log, on a new chain[/]")
            self._output.line("  [dim]# and in another terminal:[/]")
            self._output.line("  export ANCHOR_URL=http://127.0.0.1:8440")
        self._output.line(f"  export ANCHOR_API_KEY=$(cat {directory}/admin.key)")
        self._output.line(f"  {anchor} emit acme -182 --unit gpu-hour --reference run-7781")
        self._output.line(f"  {anchor} derive acme --unit gpu-hour")
        self._output.line(f"  {anchor} derive DL --unit mile --audit")
        self._output.say("\n  The five-minute tour is in README.md.")
        if stays:
            self._output.line(f"\n  API {self._running.url}/docs   chain {self._running.rpc_url}")
            self._output.line("  [dim]Ctrl-C stops it.[/]")

    # What they share

    def _heading(self, name: str, about: str) -> None:
        self._step += 1
        self._output.say()
        self._output.say(f"[bold cyan]{self._step}  {name}[/]  [dim]{about}[/]")
        self._output.say()

    def _came(self, step: str, **data: Any) -> None:
        """Say in JSON what came of a step; nothing for people, who have read it."""
        if self._output.as_json:
            self._output.json_line({"step": step, **data})

    def _print(self, what: Any, **style: Any) -> None:
        if not self._output.as_json:
            self._output.console.print(what, **style)

    def _aside(self, text: str) -> None:
        self._print(text, style="dim", markup=False, soft_wrap=True)

    def _command(self, *words: Any) -> None:
        self._print(f"$ {shlex.join(map(str, words))}", style="bold", soft_wrap=True)

    def _run_verify(self, step: str, proof: Path) -> int:
        options = ["--rpc", self._running.rpc_url, "--contract", self._running.contract]
        words = ["verify", str(proof), *options]
        self._command("anchor", *words)
        self._output.say()
        code = "from anchor.cli.main import main; main()"
        environment = {**os.environ, "COLUMNS": str(self._output.console.width)}
        if self._output.console.is_terminal:
            environment["FORCE_COLOR"] = "1"
        sys.stdout.flush()
        as_json = self._output.as_json
        ran = subprocess.run(
            [sys.executable, "-c", code, *words, *(["--json"] if as_json else [])],
            env=environment,
            stdout=subprocess.PIPE if as_json else None,
            check=False,
        )
        if as_json:
            self._came(step, file=str(proof), exitCode=ran.returncode, verification=json.loads(ran.stdout))
        return ran.returncode

    def _require(self, holds: bool, expected: str, found: str) -> None:
        if not holds:
            raise CommandFailed(
                f"the demo did not come out: expected {expected}, found {found}",
                "please report it",
                ExitCode.NO,
                "demo_failed",
            )


def _book_entries(path: Path) -> Sequence[dict[str, Any]]:
    from anchor.cli.compare import entries_of

    return entries_of(path, ["referenceId=flight", "delta=miles"], True)


def _anchor_name() -> str:
    """Return how the command is called from where it was started."""
    script = Path(sys.argv[0])
    if script.name != "anchor":
        return "anchor"
    try:
        return str(script.resolve().relative_to(Path.cwd()))
    except ValueError:
        return "anchor"
