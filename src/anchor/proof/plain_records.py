"""Deltas of the plain form read quickly, for whoever reads a million of them.

What is taken here is what ``proof_part_reading`` takes, with the same values; whatever is not of that form,
rightly or not, is left to it, and so is to say what is wrong.
"""

import re
from typing import Any, Final

from anchor.proof.parts import DeltaRecord, Disclosed, Field, Withheld
from anchor.protocol.amounts import FRACTIONAL_DIGITS, MAX_AMOUNT_UNITS, MAX_BALANCE_UNITS, MIN_BALANCE_UNITS
from anchor.protocol.commitments import SALT_LENGTH
from anchor.protocol.hashing import ZERO

_MEMBERS: Final = 9
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,60})(?:\.[0-9]{0,17}[1-9])?").fullmatch


class _NotPlain(Exception):
    """It is to be read with all care."""


def plain_record(value: Any) -> DeltaRecord | None:
    """Return a delta that shows its amounts, out of a value of ``parse_json``; None where it is not plain."""
    try:
        # Nine members that are all taken by their names: nothing else is there.
        if type(value) is not dict or len(value) != _MEMBERS:
            return None
        amount, balance = _units(value["amount"]), _units(value["balance"])
        if not -MAX_AMOUNT_UNITS <= amount <= MAX_AMOUNT_UNITS:
            return None
        if not MIN_BALANCE_UNITS <= balance <= MAX_BALANCE_UNITS:
            return None
        index, occurred_at, recorded_at = value["index"], value["occurredAt"], value["recordedAt"]
        # bool is an int to Python; parse_json lets through no number but u64.
        if type(index) is not int or type(occurred_at) is not int or type(recorded_at) is not int:
            return None
        reason = _field(value["reason"])
        if type(reason) is Disclosed and reason.value is None:
            return None
        adjusts = value["adjusts"]
        if adjusts is not None:
            adjusts = _hex(adjusts, 32)
            if adjusts == ZERO:
                return None
        return DeltaRecord(
            index,
            amount,
            balance,
            occurred_at,
            recorded_at,
            reason,
            _field(value["referenceId"]),
            _field(value["metadata"]),
            ZERO if adjusts is None else adjusts,
        )
    except (_NotPlain, KeyError, ValueError):
        return None


def _field(value: Any) -> Field:
    if type(value) is not dict:
        raise _NotPlain
    if len(value) == 1:
        return Withheld(_hex(value["commitment"], 32))
    if len(value) != 2:
        raise _NotPlain
    text = value["value"]
    if text is not None:
        if type(text) is not str:
            raise _NotPlain
        # A lone surrogate is no text: UnicodeEncodeError is a ValueError.
        text.encode()
    return Disclosed(text, _hex(value["salt"], SALT_LENGTH))


def _hex(text: Any, length: int) -> bytes:
    if type(text) is not str or text[:2] != "0x":
        raise _NotPlain
    digits = text[2:]
    found = bytes.fromhex(digits)
    # Capitals and spaces are none of ours, and fromhex takes them.
    if len(found) != length or found.hex() != digits:
        raise _NotPlain
    return found


def _units(text: Any) -> int:
    if type(text) is not str or _DECIMAL(text) is None:
        raise _NotPlain
    whole, _, fraction = text.partition(".")
    units = int(whole + fraction.ljust(FRACTIONAL_DIGITS, "0"))
    if units == 0 and text != "0":
        raise _NotPlain
    return units
