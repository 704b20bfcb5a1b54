"""The largest files that anybody can drop on the page end in an answer, in bounded memory."""

from __future__ import annotations

import subprocess

import pytest

from tests.web.browser import PAGE
from tests.web.page_answers import NODE, ROOT


@pytest.mark.parametrize("repeated", ["x", r"\n", r"\u4e00", r"\"", "\\\\"])
def test_a_text_of_64_mib_is_refused_in_a_few_times_its_size(repeated: str) -> None:
    run = subprocess.run(
        [NODE, "--max-old-space-size=450", ROOT / "tests/web/large_text.mjs", PAGE, repeated],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr[-500:]
    assert "/format is " in run.stdout
