"""``anchor doctor``: everything that can be checked before the first send, each with a plain verdict.

Nothing is sent, signed or written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anchor.node.endpoint import NodeRefused, RpcError
from anchor.node.refusals import Refusal
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.anchoring.recording import describe_revert
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.anchoring.status import days_left
from anchor.server.chain.contract import AnchorLog, NotOurContract, anchor_call, revert_of
from anchor.server.chain.fees import Market, read_market
from anchor.server.chain.finality import final_height, tagged_height
from anchor.server.chain.node import EndpointsDisagree, Node, WrongChain
from anchor.server.chain.searching import FEW_BLOCKS, events_taken
from anchor.server.chain.settings import ETHER, GWEI
from anchor.server.chain.values import Block, MalformedAnswer, address_text, hexadecimal, quantity
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import batch_of_root, chain_in_use
from anchor.server.storage.database import Database
from anchor.server.storage.fence import shared_time

CLOCK_TOLERANCE_SECONDS: Final = 120
USUAL_GAS: Final = 32_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check. ``outcome`` is 'good', 'warning' or 'bad'; with 'bad' nothing would be sent."""

    check: str
    outcome: str
    found: str
    remedy: str = ""


class _Stop(Exception):
    """The checks after this one would mean nothing."""


class Doctor:
    """Examines one chain."""

    def __init__(
        self, connection: ChainConnection, *, log_id: Bytes32, database: Database | None, clock: Clock
    ) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._log_id = log_id
        self._database = database
        self._clock = clock
        self._node = Node(
            connection.endpoints, connection.settings.chain_id, agreement=connection.settings.agreement
        )
        self._verdicts: list[Verdict] = []

    def examine(self) -> list[Verdict]:
        """Return all verdicts, in the order of the checks; those that cannot be made are left out."""
        checks: tuple[Callable[[], None], ...] = (
            self._endpoints,
            self._blocks,
            self._finality,
            self._contract,
            self._events,
            self._submitter,
            self._database_agrees,
            self._fees_and_funds,
            self._anchor_would_pass,
        )
        for check in checks:
            try:
                check()
            except _Stop:
                break
            except EndpointsDisagree as disagreement:
                self._bad("endpoints agree", str(disagreement), disagreement.remedy)
                break
            except NotOurContract as foreign:
                self._bad("contract", str(foreign), "check the address, and the endpoints")
                break
            except (RpcError, WrongChain, MalformedAnswer) as error:
                self._bad("endpoint", str(error), "check the endpoint, or add another")
                break
        for finding in self._node.findings:
            self._warn(finding.kind.replace("_", " "), finding.detail, "check that endpoint, or take it out")
        return self._verdicts

    def _endpoints(self) -> None:
        right = 0
        for endpoint in self._connection.endpoints:
            try:
                found = quantity(endpoint.call("eth_chainId", []), "chain id")
            except RpcError as error:
                self._bad(f"endpoint {endpoint.name}", error.problem, "check the URL and the network")
                continue
            except MalformedAnswer as nonsense:
                self._bad(f"endpoint {endpoint.name}", endpoint.hide(str(nonsense)), "take it out of rpc")
                continue
            if found == self._settings.chain_id:
                right += 1
                self._good(f"endpoint {endpoint.name}", f"answers, on chain {found}")
            else:
                self._bad(
                    f"endpoint {endpoint.name}",
                    f"is on chain {found}, the settings say {self._settings.chain_id}",
                    "correct rpc or chain_id",
                )
        if not right:
            raise _Stop
        if right < self._settings.agreement:
            self._bad(
                "agreement",
                f"{right} endpoints answer, {self._settings.agreement} must agree",
                "add endpoints, or lower agreement",
            )
        self._node.begin_cycle()
        # What it found about the endpoints is told above.
        self._node.findings.clear()

    def _blocks(self) -> None:
        latest = self._node.tallest_block()
        now, whose = self._time()
        age = (now - latest.time) / 1000
        self._good("newest block", f"{latest.number}, {age:.0f} s old")
        if age < -CLOCK_TOLERANCE_SECONDS:
            self._bad(
                "clock",
                f"{whose} is {-age:.0f} s behind the chain",
                "set its clock (NTP): batches would be sealed in the past",
            )
        elif age > self._settings.no_block_after:
            self._warn(
                "clock",
                f"the newest block is {age:.0f} s old",
                f"compare the clock of {whose} (NTP); if it is right, the chain or the endpoint stands still",
            )
        else:
            self._good("clock", "agrees with the chain's")

    def _time(self) -> tuple[int, str]:
        """Return the time (ms) by the clock that batches are dated by, and whose it is."""
        shared = None
        if self._database is not None:
            with self._database.read() as reading:
                shared = shared_time(reading)
        return self._clock.now_ms(shared), "this machine" if shared is None else "the database server"

    def _finality(self) -> None:
        rule = self._settings.finality
        final = final_height(self._node, rule)
        if final is None:
            self._bad(
                "finality",
                f"fewer than {self._settings.agreement} endpoints tell",
                "check the endpoints",
            )
        elif rule.tag is not None and not final.by_tag:
            self._warn(
                "finality",
                f"the chain has no '{rule.tag}' tag: {rule.confirmations} confirmations count instead",
                "set finality to a number of confirmations that you trust",
            )
        elif rule.tag is None and tagged_height(self._node, "finalized") is not None:
            self._warn(
                "finality",
                f"{rule} count, though the chain has a 'finalized' tag",
                "finality = 'finalized' cannot be too weak",
            )
        else:
            self._good("finality", f"by {rule}, now block {final.number}")

    def _contract(self) -> None:
        address = self._settings.contract
        if address is None:
            self._bad("contract", "the settings name none", "run `anchor deploy`")
            raise _Stop
        self._log = AnchorLog(self._node, address)
        code = self._node.code(address)
        found = self._log.deployed_log_id()
        if found is None:
            what = f"other code ({len(code)} bytes)" if code else "no code"
            self._bad("contract", f"there is {what} at {address_text(address)}", "correct the address")
            raise _Stop
        self._good("contract", f"AnchorLog at {address_text(address)}, its code as shipped")
        if found != self._log_id:
            self._bad(
                "log id",
                f"the contract holds {hexadecimal(found)}, this log is {hexadecimal(self._log_id)}",
                "correct the address, or use the data directory that belongs to it",
            )
            raise _Stop
        self._good("log id", hexadecimal(found))

    def _events(self) -> None:
        newest = self._node.tallest_block().number
        taken = events_taken(self._node, self._log.address, newest)
        for name, most in taken.items():
            if isinstance(most, str):
                self._bad(f"events of {name}", most, "`anchor audit` and `anchor repair` need eth_getLogs")
            elif most < FEW_BLOCKS and most <= newest:
                self._warn(
                    f"events of {name}",
                    f"{most} block{'' if most == 1 else 's'} of eth_getLogs at once",
                    "`anchor audit`, `repair` and `watch` take long with it: add another endpoint",
                )

    def _submitter(self) -> None:
        expected, ours = self._log.submitter(), self._connection.signer.address
        if expected != ours:
            self._bad(
                "submitter",
                f"the contract expects {address_text(expected)}, the {self._connection.signer.kind} "
                f"signs as {address_text(ours)}",
                f"let the owner {address_text(self._log.owner())} run `anchor name-submitter "
                f"{address_text(ours)}`, or use the right key",
            )
        else:
            self._good("submitter", f"{address_text(ours)} ({self._connection.signer.kind})")
        if self._log.owner() == ours:
            self._warn(
                "owner",
                "the submitter owns the contract",
                "`anchor hand-over` to a key kept offline: only the owner can replace a leaked submitter",
            )

    def _database_agrees(self) -> None:
        head = self._log.head()
        if self._database is None:
            return
        with self._database.read() as reading:
            row = chain_in_use(reading, self._settings.name)
            known = batch_of_root(reading, head)
        if row is not None and row.genesis_hash != self._node.genesis_hash():
            self._bad(
                "same chain as before",
                "its first block is another than when this log was anchored on it",
                "find out which network the endpoint serves",
            )
        if head == ZERO:
            self._good("head", "none yet: the next anchor is the first")
        elif known is not None:
            self._good("head", f"batch {known.number} of this log")
        else:
            self._bad(
                "head",
                f"{hexadecimal(head)} is in no history of this database",
                "the database is older than the chain, or the key leaked: run `anchor repair`",
            )

    def _fees_and_funds(self) -> None:
        latest = self._node.tallest_block()
        market = read_market(self._node, latest, self._settings.fees)
        cap = self._settings.fees.max_fee
        price = f"{market.price / GWEI:.3f} gwei"
        if cap is not None and market.price > cap:
            self._warn("fees", f"gas costs {price}, the cap is {cap / GWEI:.3f}", "wait, or raise the cap")
        elif cap is None:
            self._warn("fees", f"gas costs {price}, and there is no cap", "set max_fee_gwei")
        else:
            self._good("fees", f"gas costs {price}, the cap is {cap / GWEI:.3f} gwei")
        self._funds(market, latest)

    def _funds(self, market: Market, latest: Block) -> None:
        address = self._connection.signer.address
        balance = self._node.balance(address)
        cost = USUAL_GAS * market.price
        days = self._days(balance, market.price)
        held = f"{address_text(address)} holds {balance / ETHER:.6f}"
        if balance < cost:
            self._bad("funds", f"{held}, an anchor takes {cost / ETHER:.6f}", "send funds to it")
        elif days is None:
            self._good("funds", f"{held}, and gas costs nothing")
        elif days < self._settings.low_funds_days:
            self._warn("funds", f"{held}: enough for {days:.1f} days", "send funds to it")
        else:
            self._good("funds", f"{held}: enough for {days:.0f} days")
        if latest.gas_limit < USUAL_GAS:
            self._bad("gas", f"a block has {latest.gas_limit} gas", "this is no chain to anchor on")

    def _days(self, balance: int, price: int) -> float | None:
        """Return the days that the funds last, as `anchor status` counts them; before the first anchor, with
        one an interval. None: what costs nothing lasts."""
        if self._database is not None:
            now, _ = self._time()
            with self._database.read() as reading:
                row = chain_in_use(reading, self._settings.name)
                days = None
                if row is not None:
                    days = days_left(reading, row.id, balance=balance, gas_price=price, now=now)
            if days is not None:
                return days
        cost = USUAL_GAS * price
        return balance / cost * self._settings.interval / 86_400 if cost else None

    def _anchor_would_pass(self) -> None:
        head = self._log.head()
        trial = anchor_call(head, bytes([head[0] ^ 1]) + head[1:], 0)
        try:
            self._node.call(self._log.address, trial, sender=self._connection.signer.address)
        except NodeRefused as error:
            if error.meaning is not Refusal.REVERTED:
                raise
            self._bad("trial anchor", describe_revert(revert_of(error)), "see the checks above")
        else:
            self._good("trial anchor", "the contract would take one (called, not sent)")

    def _good(self, check: str, found: str) -> None:
        self._verdicts.append(Verdict(check, "good", found))

    def _warn(self, check: str, found: str, remedy: str) -> None:
        self._verdicts.append(Verdict(check, "warning", found, remedy))

    def _bad(self, check: str, found: str, remedy: str) -> None:
        self._verdicts.append(Verdict(check, "bad", found, remedy))
