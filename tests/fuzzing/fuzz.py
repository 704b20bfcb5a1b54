"""Fuzz one target with Atheris: ``python -m tests.fuzzing.fuzz TARGET CORPUS_DIR [libFuzzer's flags]``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["anchor.verify", "anchor.protocol"]):
    from tests.fuzzing.targets import TARGETS


def main() -> None:
    """Run a target. The corpus begins with its seeds; what reaches further is added to it."""
    name, corpus, *flags = sys.argv[1:]
    target = TARGETS[name]
    Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], corpus, *flags], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
