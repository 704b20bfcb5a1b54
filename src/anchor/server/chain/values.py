"""What is read from a chain: blocks, receipts and events, and how JSON-RPC writes them.

Times are milliseconds since 1970 (blocks count seconds), amounts are wei, addresses 20 bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anchor.protocol.hashing import Bytes32, keccak


@dataclass(eq=False)
class MalformedAnswer(Exception):
    """A node's answer that is not what JSON-RPC of Ethereum says it is."""

    what: str
    found: str

    def __str__(self) -> str:
        return f"malformed {self.what}: {self.found[:120]}"


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as we use it. ``base_fee`` is None before EIP-1559."""

    number: int
    hash: Bytes32
    parent_hash: Bytes32
    time: int
    gas_limit: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """One log entry of a contract."""

    address: bytes
    topics: tuple[Bytes32, ...]
    data: bytes
    block_number: int
    block_hash: Bytes32
    transaction_hash: Bytes32
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a block did with a transaction. ``fee`` is all that it cost, an L2's data fee included."""

    transaction_hash: Bytes32
    block_number: int
    block_hash: Bytes32
    succeeded: bool
    gas_used: int
    fee: int
    sender: bytes
    contract_address: bytes | None
    events: tuple[Event, ...]


def quantity(value: Any, what: str = "number") -> int:
    """Return a JSON-RPC quantity ('0x1f') as an integer. Raises MalformedAnswer."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise MalformedAnswer(what, repr(value))


def counter(value: Any, what: str) -> int:
    """Return a quantity that counts blocks or seconds: less than 2^53. Raises MalformedAnswer."""
    found = quantity(value, what)
    if found >= 2**53:
        raise MalformedAnswer(what, repr(value))
    return found


def data(value: Any, what: str = "bytes", length: int | None = None) -> bytes:
    """Return JSON-RPC data ('0x…') as bytes, of ``length`` where given. Raises MalformedAnswer."""
    if isinstance(value, bytes):
        found: bytes | None = bytes(value)
    elif isinstance(value, str) and value.startswith("0x"):
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            found = None
    else:
        found = None
    if found is None or (length is not None and len(found) != length):
        raise MalformedAnswer(what, repr(value))
    return found


def hexadecimal(value: bytes | int) -> str:
    """Return bytes as '0x…' data, or an integer as a JSON-RPC quantity."""
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def coins(wei: int) -> str:
    """Return an amount in the chain's coin, of which 10**18 wei are one, with all its digits."""
    whole, rest = divmod(abs(wei), 10**18)
    text = f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
    return f"-{text}" if wei < 0 else text


def address_text(address: bytes) -> str:
    """Return an address with the checksum of EIP-55."""
    plain = address.hex()
    digest = keccak(plain.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(digest[place], 16) >= 8 else letter for place, letter in enumerate(plain)
    )


def parse_address(text: str) -> bytes:
    """Return the 20 bytes of a written address. Raises ValueError, also where its checksum is wrong."""
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != 20:
        raise ValueError(f"{text!r} is no address: it takes 0x and 40 hexadecimal digits")
    digits = text.removeprefix("0x")
    if digits not in (digits.lower(), digits.upper(), address_text(address)[2:]):
        raise ValueError(f"{text!r} has a mistyped letter: its checksum does not match")
    return address


def block_of(answer: Any) -> Block:
    """Return the block that ``eth_getBlockBy…`` answered. Raises MalformedAnswer."""
    fields = _object(answer, "block")
    base_fee = fields.get("baseFeePerGas")
    return Block(
        number=counter(fields.get("number"), "block number"),
        hash=data(fields.get("hash"), "block hash", 32),
        parent_hash=data(fields.get("parentHash"), "parent hash", 32),
        time=counter(fields.get("timestamp"), "block time") * 1000,
        gas_limit=quantity(fields.get("gasLimit"), "gas limit"),
        base_fee=None if base_fee is None else quantity(base_fee, "base fee"),
    )


def event_of(answer: Any) -> Event:
    """Return a log entry. Raises MalformedAnswer."""
    fields = _object(answer, "log entry")
    return Event(
        address=data(fields.get("address"), "address", 20),
        topics=tuple(data(topic, "topic", 32) for topic in _list(fields.get("topics"), "topics")),
        data=data(fields.get("data"), "event data"),
        block_number=counter(fields.get("blockNumber"), "block number"),
        block_hash=data(fields.get("blockHash"), "block hash", 32),
        transaction_hash=data(fields.get("transactionHash"), "transaction hash", 32),
        log_index=counter(fields.get("logIndex"), "log index"),
    )


def events_of(answer: Any) -> list[Event]:
    """Return the entries that ``eth_getLogs`` answered. Raises MalformedAnswer."""
    return [event_of(entry) for entry in _list(answer, "log entries")]


def receipt_of(answer: Any) -> Receipt:
    """Return the receipt that ``eth_getTransactionReceipt`` answered. Raises MalformedAnswer."""
    fields = _object(answer, "receipt")
    gas_used = counter(fields.get("gasUsed"), "gas used")
    price = fields.get("effectiveGasPrice")
    fee = gas_used * quantity(price, "gas price") if price is not None else 0
    # The OP stack charges for the data beside the gas.
    if fields.get("l1Fee") is not None:
        fee += quantity(fields["l1Fee"], "data fee")
    created = fields.get("contractAddress")
    return Receipt(
        transaction_hash=data(fields.get("transactionHash"), "transaction hash", 32),
        block_number=counter(fields.get("blockNumber"), "block number"),
        block_hash=data(fields.get("blockHash"), "block hash", 32),
        succeeded=quantity(fields.get("status"), "status") == 1,
        gas_used=gas_used,
        fee=fee,
        sender=data(fields.get("from"), "sender", 20),
        contract_address=None if created in (None, "", "0x") else data(created, "contract address", 20),
        events=tuple(event_of(entry) for entry in _list(fields.get("logs"), "logs")),
    )


def _object(value: Any, what: str) -> Mapping[str, Any]:
    # eth-tester's are no dicts.
    if not isinstance(value, Mapping):
        raise MalformedAnswer(what, repr(value))
    return value


def _list(value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise MalformedAnswer(what, repr(value))
    return value
