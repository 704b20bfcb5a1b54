"""Records without end and says what was acknowledged: a process of its own for test_durability.

``python -m tests.server.ledger.recording_worker URL NAME SEED``: each line on standard output is one group
whose ``record`` has returned, as [[customer, reference, receipt id, index, fingerprint], ...].
"""

import json
import random
import sys
from collections.abc import Iterator
from itertools import count

from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import open_log
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.storage.database import Database, StorageUnavailable
from tests.fixtures.logs import IDENTITY_KEY

CUSTOMERS = 7


def groups(name: str, seed: int) -> Iterator[list[Emission]]:
    """Yield groups in which every third delta is one that the other workers record as well."""
    randomness = random.Random(seed)
    for group in count():
        emissions = []
        for place in range(randomness.randint(1, 60)):
            shared = place % 3 == 0
            number = f"{group}-{place}"
            reference = f"shared-{number}" if shared else f"{name}-{seed}-{number}"
            emissions.append(
                Emission(
                    customer_id=f"customer-{place % CUSTOMERS}",
                    amount=-(place + 1),
                    reason="usage",
                    reference_id=reference,
                )
            )
        # Ledgers in another order in each process: locks must still be taken in one.
        randomness.shuffle(emissions)
        yield emissions


def main(url: str, name: str, seed: int) -> None:
    database = Database.open(url)
    recorder = Recorder(database, open_log(database), IDENTITY_KEY, SystemClock())
    for emissions in groups(name, seed):
        try:
            results = recorder.record(emissions)
        except StorageUnavailable:
            # The server was killed under it: the same again, until it is back.
            continue
        lines = []
        for emission, result in zip(emissions, results, strict=True):
            assert isinstance(result, Receipt), result
            lines.append(
                [
                    emission.customer_id,
                    emission.reference_id,
                    result.receipt_id,
                    result.index,
                    result.fingerprint.hex(),
                ]
            )
        sys.stdout.write(json.dumps(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
