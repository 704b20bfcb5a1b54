"""A transaction that an operator's command signed, kept in a file until its outcome is on record.

It is written before any node sees it, so that a command that was killed, and is run again, waits for the
same transaction in the place of paying for another one.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from anchor.server.chain.transactions import SignedTransaction, UnreadableTransaction, decode_signed


@dataclass(frozen=True)
class UnfinishedTransaction:
    """The file of one chain. It holds signed bytes, and no secret."""

    path: Path

    def keep(self, signed: SignedTransaction) -> None:
        """Write it, durably. Raises OSError."""
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("w", encoding="ascii") as file:
            file.write(f"0x{signed.raw.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)

    def kept(self) -> SignedTransaction | None:
        """Return what was kept; None where nothing is, or nothing that can be read. Raises OSError."""
        try:
            text = self.path.read_text(encoding="ascii").strip()
            return decode_signed(bytes.fromhex(text.removeprefix("0x")))
        except (FileNotFoundError, ValueError, UnreadableTransaction):
            return None

    def forget(self) -> None:
        """Remove it: its outcome is on record, or there will be none."""
        self.path.unlink(missing_ok=True)

    def kept_for(
        self, chain_id: int, sender: bytes, to: bytes | None, calldata: bytes
    ) -> SignedTransaction | None:
        """Return the kept transaction where it is this very one. Raises OSError."""
        signed = self.kept()
        if signed is None or signed.sender != sender or signed.transaction.chain_id != chain_id:
            return None
        if (signed.transaction.to, signed.transaction.data) != (to, calldata):
            return None
        return signed
