"""``anchor status``: how the log and its anchoring stand."""

from decimal import Decimal
from typing import Any, Final

import typer

from anchor.cli.failures import ExitCode
from anchor.cli.options import Data, Json, Key, Url
from anchor.cli.output import Output, counted, plain, utc
from anchor.cli.server import connect

_ETHER: Final = 10**18


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", rich_help_panel="Operate")(status)


def status(url: Url = None, key: Key = None, data: Data = None, json_: Json = False) -> None:
    """Show lag, heads, what is in flight, fees, funds and alarms.

    Exit code 1: an alarm lasts.
    """
    from anchor.client.readings import status as reading

    output = Output(json_)
    with connect(url, key, data, output, doing="asking how it stands") as server:
        answer = server.get("/api/v1/status", reading)
    if json_:
        output.json(answer)
    else:
        show_status(output, answer)
    if answer["alarms"]:
        raise typer.Exit(ExitCode.NO)


def show_status(output: Output, answer: dict[str, Any]) -> None:
    """Print an answer of ``/api/v1/status`` for a person."""
    worker = answer["worker"]
    newest = "none yet"
    if answer["newestBatch"]:
        newest = f"{answer['newestBatch']:,}, sealed {_time(answer['newestSealedAt'])}"
    output.pairs(
        ("record", f"{counted(answer['deltaCount'], 'delta')} in {counted(answer['ledgerCount'], 'ledger')}"),
        ("newest batch", newest),
        ("lag", f"[bold]{_duration(answer['lagMs'])}[/]"),
        ("worker", plain(worker) if worker else "[yellow]none is running[/]"),
    )
    for chain in answer["chains"]:
        output.say()
        output.say(f"[bold]{plain(chain['name'])}[/] (chain {chain['chainId']})")
        output.pairs(*_chain(chain))
    for alarm in answer["alarms"]:
        where = f" on {alarm['chain']}" if alarm["chain"] else ""
        stops = "; nothing is sent meanwhile" if alarm["stopsSending"] else ""
        output.say()
        since = f"since {_time(alarm['since'])}"
        output.say(f"[bold red]ALARM[/] {plain(alarm['name'] + where)} {since}{stops}")
        output.line(f"  {plain(alarm['detail'])}")
        output.line(f"  [dim]→ {plain(alarm['remedy'])}[/]")


def _chain(chain: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("contract", plain(chain["contract"])),
        ("head", "none yet" if not chain["anchoredBatch"] else f"batch {chain['anchoredBatch']:,}"),
        ("final", "none yet" if not chain["finalBatch"] else f"batch {chain['finalBatch']:,}"),
        ("lag", _duration(chain["lagMs"])),
    ]
    last = chain["lastAnchor"]
    if last is not None:
        rows.append(("transaction", f"{plain(last['transactionHash'])}, block {last['blockNumber']:,}"))
    flight = chain["inFlight"]
    if flight is not None:
        count = len(flight["attempts"])
        rows.append(
            (
                "in flight",
                f"batch {flight['batch']:,}, {plain(flight['state'])}, {counted(count, 'attempt')}",
            )
        )
    if chain["balance"] is not None:
        days = chain["daysLeft"]
        left = "" if days is None else f", {float(days):,.0f} days at the rate of the last 24 hours"
        whose = f" at {plain(chain['sender'])}" if chain.get("sender") else ""
        rows.append(("funds", f"{_ether(chain['balance'])}{whose}{left}"))
    if chain["costPerAnchor"] is not None:
        each = chain["costPerDelta"]
        shared = "" if each is None else f", {_gwei(each)} gwei a delta"
        rows.append(("cost", f"{_ether(chain['costPerAnchor'])} an anchor{shared} (last 7 days)"))
    # A server of an earlier version does not say.
    if unknown := chain.get("anchorsOfUnknownCost"):
        which = f"{counted(unknown, 'anchor')} of the last 7 days"
        rows.append(("", f"[yellow]unknown for {which}[/]: no endpoint shows the receipt"))
    if chain["gasPrice"] is not None:
        rows.append(("gas", f"{_gwei(chain['gasPrice'])} gwei"))
    rows.append(
        ("spent", f"{_ether(chain['spentLastDay'])} in {counted(chain['anchorsLastDay'], 'anchor')} last day")
    )
    return rows


def _ether(wei: Any) -> str:
    whole, rest = divmod(int(wei), _ETHER)
    digits = f"{rest:018d}"[:9].rstrip("0")
    return f"{whole:,}.{digits}" if digits else f"{whole:,}"


def _gwei(wei: Any) -> str:
    """Return wei as gwei, with three digits after the point, or as many as a small amount needs."""
    amount = Decimal(str(wei)) / 10**9
    text = f"{amount:,.3f}" if amount >= 1 else f"{amount:.9f}"
    return text.rstrip("0").rstrip(".")


def _duration(ms: int) -> str:
    seconds = ms // 1000
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h"


def _time(ms: int | None) -> str:
    return "never" if ms is None else utc(ms, "%Y-%m-%d %H:%M:%S")
