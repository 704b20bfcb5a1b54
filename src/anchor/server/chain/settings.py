"""The ``[chains.NAME]`` part of the settings: parsed once, at the edge, with an answer to each mistake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from anchor.node.http import names_a_host
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.finality import DEFAULT_FALLBACK, TAGS, FinalityRule
from anchor.server.chain.values import parse_address

GWEI: Final = 10**9
ETHER: Final = 10**18
DEFAULT_MAX_FEE_GWEI: Final = Decimal(500)


@dataclass(eq=False)
class ChainSettingsError(Exception):
    """A setting that cannot be. ``key`` is its full name; ``remedy`` says what is allowed."""

    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class SignerSettings:
    """Which signer. ``kind`` is 'keystore', 'environment', 'aws-kms' or 'remote'."""

    kind: str
    keystore: Path | None = None
    password_file: Path | None = None
    password_variable: str | None = None
    key_variable: str | None = None
    kms_key_id: str | None = None
    kms_region: str | None = None
    kms_endpoint: str | None = None
    url: str | None = field(default=None, repr=False)
    method: str = "eth_signTransaction"
    address: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """One chain. Seconds, wei; ``contract`` is None before ``anchor deploy``."""

    name: str
    chain_id: int
    rpc: tuple[str, ...] = field(repr=False)
    signer: SignerSettings
    contract: bytes | None = None
    primary: bool = True
    finality: FinalityRule = field(default_factory=FinalityRule)
    agreement: int = 1
    interval: float = 60.0
    poll: float = 2.0
    timeout: float = 10.0
    fees: FeeLimits = field(default_factory=FeeLimits)
    budget_per_day: int | None = None
    replace_after: float = 60.0
    stuck_after: float = 900.0
    no_block_after: float = 300.0
    final_after: float = 3600.0
    low_funds_days: float = 7.0
    development: bool = False


_KEYS: Final = (
    "chain_id",
    "rpc",
    "contract",
    "primary",
    "finality",
    "confirmations",
    "agreement",
    "interval",
    "poll",
    "timeout",
    "max_fee_gwei",
    "min_tip_gwei",
    "legacy_fees",
    "budget_per_day",
    "replace_after",
    "stuck_after",
    "no_block_after",
    "final_after",
    "low_funds_days",
    "development",
    "signer",
)
_SIGNER_KEYS: Final = {
    "keystore": ("kind", "file", "password_file", "password_variable"),
    "environment": ("kind", "variable"),
    "aws-kms": ("kind", "key_id", "region", "endpoint", "address"),
    "remote": ("kind", "url", "method", "address"),
}


def parse_chains(table: Mapping[str, Any], *, folder: Path) -> tuple[ChainSettings, ...]:
    """Return the settings of all chains, in order. Paths are relative to ``folder``.

    One chain is the primary one: the first, unless another says so. Raises ChainSettingsError.
    """
    named = [name for name, values in table.items() if isinstance(values, Mapping) and values.get("primary")]
    if len(named) > 1:
        raise ChainSettingsError(
            "chains", f"{' and '.join(named)} both say primary = true", "one chain is the primary one"
        )
    first = named[0] if named else next(iter(table), None)
    return tuple(
        parse_chain(name, values, folder=folder, primary=name == first) for name, values in table.items()
    )


def parse_chain(name: str, table: Any, *, folder: Path, primary: bool = True) -> ChainSettings:
    """Return one chain's settings. Raises ChainSettingsError."""
    read = _Reader(f"chains.{name}", table)
    read.only(_KEYS)
    finality = read.value("finality", "finalized")
    confirmations = read.integer("confirmations", DEFAULT_FALLBACK, least=1)
    if isinstance(finality, int) and not isinstance(finality, bool) and finality >= 1:
        rule = FinalityRule(None, finality)
    elif finality in TAGS:
        rule = FinalityRule(finality, confirmations)
    else:
        raise read.wrong("finality", repr(finality), "give 'finalized', 'safe' or a number of confirmations")
    rpc = read.urls("rpc")
    agreement = read.integer("agreement", 1, least=1)
    if agreement > len(rpc):
        raise read.wrong("agreement", str(agreement), f"there are {len(rpc)} endpoints in rpc")
    max_fee = read.decimal("max_fee_gwei", DEFAULT_MAX_FEE_GWEI)
    budget = read.decimal("budget_per_day", None)
    return ChainSettings(
        name=name,
        chain_id=read.integer("chain_id", None, least=1),
        rpc=rpc,
        signer=parse_signer(read.key("signer"), read.value("signer", None), folder=folder),
        contract=read.address("contract"),
        primary=primary,
        finality=rule,
        agreement=agreement,
        interval=read.seconds("interval", 60.0),
        poll=read.seconds("poll", 2.0),
        timeout=read.seconds("timeout", 10.0),
        fees=FeeLimits(
            max_fee=None if max_fee is None else int(max_fee * GWEI),
            min_tip=int((read.decimal("min_tip_gwei", Decimal(0)) or 0) * GWEI),
            legacy=read.boolean("legacy_fees", False),
        ),
        budget_per_day=None if budget is None else int(budget * ETHER),
        replace_after=read.seconds("replace_after", 60.0),
        stuck_after=read.seconds("stuck_after", 900.0),
        no_block_after=read.seconds("no_block_after", 300.0),
        final_after=read.seconds("final_after", 3600.0),
        low_funds_days=read.seconds("low_funds_days", 7.0),
        development=read.boolean("development", False),
    )


def parse_signer(key: str, table: Any, *, folder: Path) -> SignerSettings:
    """Return a signer's settings. Raises ChainSettingsError."""
    read = _Reader(key, table)
    kind = read.value("kind", None)
    if kind not in _SIGNER_KEYS:
        raise read.wrong("kind", repr(kind), f"give one of {', '.join(_SIGNER_KEYS)}")
    read.only(_SIGNER_KEYS[kind])
    if kind == "keystore":
        password_file = read.text("password_file", None)
        variable = read.text("password_variable", None)
        if (password_file is None) == (variable is None):
            raise read.wrong(
                "password_file",
                "a keystore needs one source of its password",
                "give either password_file or password_variable",
            )
        return SignerSettings(
            kind,
            keystore=folder / read.required_text("file"),
            password_file=None if password_file is None else folder / password_file,
            password_variable=variable,
        )
    if kind == "environment":
        return SignerSettings(kind, key_variable=read.required_text("variable"))
    if kind == "aws-kms":
        return SignerSettings(
            kind,
            kms_key_id=read.required_text("key_id"),
            kms_region=read.text("region", None),
            kms_endpoint=read.text("endpoint", None),
            address=read.address("address"),
        )
    method = read.text("method", "eth_signTransaction")
    if method not in ("eth_signTransaction", "account_signTransaction"):
        raise read.wrong("method", repr(method), "give eth_signTransaction or account_signTransaction")
    address = read.address("address")
    if address is None:
        raise read.wrong("address", "it is missing", "name the account that the remote signer signs for")
    url = read.required_text("url")
    if not names_a_host(url):
        # It may hold a key too.
        raise read.wrong("url", "it is no URL", _URL_REMEDY)
    return SignerSettings(kind, url=url, method=method, address=address)


_URL_REMEDY: Final = "it begins with http:// or https:// and names a host"


class _Reader:
    """Reads one table, naming the key in every complaint."""

    def __init__(self, name: str, table: Any) -> None:
        self.name = name
        if not isinstance(table, Mapping):
            raise ChainSettingsError(name, "it is missing, or no table", f"write a section [{name}]")
        self.table = table

    def key(self, key: str) -> str:
        return f"{self.name}.{key}"

    def wrong(self, key: str, problem: str, remedy: str) -> ChainSettingsError:
        return ChainSettingsError(self.key(key), problem, remedy)

    def only(self, keys: tuple[str, ...]) -> None:
        for key in self.table:
            if key not in keys:
                raise self.wrong(key, "there is no such setting", f"known here: {', '.join(keys)}")

    def value(self, key: str, default: Any) -> Any:
        return self.table.get(key, default)

    def text(self, key: str, default: str | None) -> str | None:
        value = self.table.get(key, default)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.wrong(key, f"{value!r} is no text", "give a text in quotes")
        return value

    def required_text(self, key: str) -> str:
        value = self.text(key, None)
        if value is None:
            raise self.wrong(key, "it is missing", "it has no default")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{value!r} is neither true nor false", "give true or false")
        return value

    def integer(self, key: str, default: int | None, *, least: int) -> int:
        value = self.table.get(key, default)
        if value is None:
            raise self.wrong(key, "it is missing", "it has no default")
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(key, f"{value!r} is no whole number from {least} on", "correct it")
        return value

    def seconds(self, key: str, default: float) -> float:
        value = self.table.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 10**8:
            raise self.wrong(key, f"{value!r} is no number above 0", "correct it")
        return float(value)

    def decimal(self, key: str, default: Decimal | None) -> Decimal | None:
        value = self.table.get(key, default)
        if value is None or isinstance(value, Decimal):
            return value
        try:
            # Text, so that no digit is lost; whole numbers lose none either.
            number = Decimal(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or number < 0:
            raise self.wrong(key, f"{value!r} is no exact number", 'write it in quotes, as in "0.05"')
        return number

    def urls(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key)
        urls = [value] if isinstance(value, str) else value
        if not isinstance(urls, list) or not urls or not all(isinstance(url, str) for url in urls):
            raise self.wrong(key, "it names no endpoint", 'give rpc = ["https://…"]')
        for place, url in enumerate(urls):
            if not names_a_host(url):
                # The URL itself may hold a key, and is not shown.
                raise self.wrong(key, f"entry {place + 1} is no URL", _URL_REMEDY)
        return tuple(urls)

    def address(self, key: str) -> bytes | None:
        value = self.text(key, None)
        if value is None:
            return None
        try:
            return parse_address(value)
        except ValueError as error:
            raise self.wrong(key, str(error), "correct it") from None
