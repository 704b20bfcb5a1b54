"""Python and the page write out the same of every text, by the one table."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from anchor.protocol.visible_text import visible, visible_id
from tests.web.page_answers import NODE, ROOT

SURROGATES = range(0xD800, 0xE000)
HARD = [
    *[
        "",
        " ",
        "  ",
        " a",
        "a ",
        "a  b",
        "a\tb\nc",
        "\u0301a",
        "“\u0301a”",
        "e\u0301\u0301",
        "1\u20e3",
        "#\ufe0f\u20e3",
    ],
    *["acme\u200b", "acme\ufeff", "ac\u00adme", "acme\u2060", "acme\u2800", "acme\U000e0041", "acme\u3164"],
    *[
        "\\u{20}",
        "a (UTF-8 61)",
        "\u202egnorw\u202c",
        "नमस्ते",
        "👩\u200d👩\u200d👧",
        "a\u0300\u200b\u0300",
        "\u0378",
        "\ue000",
    ],
]


def corpus() -> list[str]:
    """Every code point alone, behind a letter and behind a blank; and mixtures, always the same."""
    codes = [code for code in range(0x110000) if code not in SURROGATES]
    each = [
        "".join(f"{chr(code)}a{chr(code)} {chr(code)}" for code in codes[at : at + 512])
        for at in range(0, len(codes), 512)
    ]
    drawn = random.Random(14)
    odd = [
        chr(code)
        for code in (0x20, 0x41, 0x301, 0x200B, 0x2800, 0x3164, 0xE0041, 0x600, 0x5D0, 0x1F642, 0x0A)
    ]
    mixed = ["".join(drawn.choices(odd, k=drawn.randrange(12))) for _ in range(5_000)]
    return HARD + each + mixed


def test_python_and_the_page_write_out_the_same() -> None:
    texts = corpus()
    run = subprocess.run(
        [NODE, ROOT / "tests/web/visible_text.mjs"],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    for text, page in zip(texts, json.loads(run.stdout), strict=True):
        assert page == [visible(text), visible_id(text)], text[:80]


def test_the_table_is_what_its_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "table.json"
    run = subprocess.run(
        [NODE, ROOT / "scripts/visible_characters.mjs", made], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert made.read_bytes() == (ROOT / "src/anchor/protocol/visible_characters.json").read_bytes()
