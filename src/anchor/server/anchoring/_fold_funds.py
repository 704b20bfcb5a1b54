"""How long the funds last at the rate of the last day."""

from sqlalchemy import Connection

from anchor.server.storage.sending import fees_paid, usual_cost

DAY_MS = 86_400_000


def days_left(connection: Connection, chain: int, *, balance: int, gas_price: int, now: int) -> float | None:
    """Return for how many days ``balance`` (wei) pays for as many anchors as the last 24 hours had.

    Each is taken to cost what the last one did, or what it would cost at today's price where that is
    more. None before the first anchor.
    """
    usual = usual_cost(connection, chain)
    if usual is None:
        return None
    gas, fee = usual
    _, anchors = fees_paid(connection, chain, now - DAY_MS)
    return balance / (max(anchors, 1) * max(fee, gas * gas_price, 1))
