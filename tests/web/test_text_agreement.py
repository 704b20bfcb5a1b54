"""Python and the page read the same out of a file's text, or refuse it alike, however it is spelt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from anchor.proof.writing import proof_file_json
from tests.verify.building import example_log
from tests.web.page_answers import Question, agree, page_answers
from tests.web.test_agreement import python_answer

CUSTOMER = "Zürich ✈"

NUMBERS = (
    *(
        "4",
        "04",
        "+4",
        "-4",
        "4.0",
        "4.",
        ".4",
        "4e0",
        "40e-1",
        "4E+0",
        "-0",
        "0",
        "0x4",
        "0b100",
        "4n",
        "4_",
        "４",
    ),
    *("٤", "²", '"4"', "[4]", "true", "null", "NaN", "Infinity", "-Infinity", "9007199254740993", "1e400"),
    *("18446744073709551615", "18446744073709551616", "9" * 5_000, "0" * 5_000, " 4 ", "\t4\r\n", "4 4", ""),
    *("\u00a04", "\u20284", "\f4", "\v4", "\ufeff4", "4\x00", "4/**/", "4//\n"),
)
NAMES = (
    *("Zürich \u2708", "Zu\u0308rich \u2708", "Z\\u00fcrich \\u2708", "Z\\u00FCrich ✈", "Zürich \\u2708"),
    *("Z\\xfcrich ✈", "Z\\u{fc}rich ✈", "Z\\u00frich ✈", "Z\\U000000fcrich ✈", "Zürich ✈ ", "\ufeffZürich ✈"),
    *("\\ud83d\\ude00", "😀", "\\ud83d", "\\ude00\\ud83d", "\\ud83d😀", "😀\\ude00", "\\ud83d\\u0020\\ude00"),
    *(
        "\\/",
        "/",
        "\\'",
        "\\0",
        "\\\n",
        "\n",
        "\t",
        "\x7f",
        "\u0085",
        "\u2028",
        "\\u0000",
        "\x00",
        "\x1f",
        "\\",
    ),
    *(
        '\\\\", "unit": "x',
        '\\"',
        "__proto__",
        "constructor",
        "\u202e",
        "A\u030a",
        "Å",
        "\u212b",
        "ﬁ",
        "İ",
        "ß",
    ),
)
KEYS = (
    *(
        "\\u0069ndex",
        "ind\\u0065x",
        "Index",
        "index ",
        "іndex",
        "__proto__",
        "\\u005f_proto__",
        "constructor",
    ),
    *("toString", "", "\\ud800", "index\\u0000", "\ufeffindex", "0", "length"),
)
RAW = (
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x00",
        b" ",
        b"\n\t\r ",
        b"\xc2\xa0",
        b"\xe2\x80\xa8",
        b"//",
        b"{}",
        b",",
    ),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82", b"[", b"null", b"\x1a"),
)


def spelt() -> Iterator[bytes]:
    """One honest proof file in many spellings."""
    log = example_log(1)
    text = json.dumps(proof_file_json(log.delta(CUSTOMER, 4, 2, "mile")), ensure_ascii=False)
    yield text.encode()
    for number in NUMBERS:
        yield text.replace('"index": 4', f'"index": {number}').encode()
        yield text.replace('"version": 2', f'"version": {number.replace("4", "2")}').encode()
    for name in NAMES:
        yield text.replace(CUSTOMER, name).encode()
    for key in KEYS:
        yield text.replace('"index":', f'"{key}":').encode()
        for value in ("4", "{}", "null"):
            yield text.replace('"index": 4', f'"index": 4, "{key}": {value}').encode()
            yield text.replace('"index": 4', f'"{key}": {value}, "index": 4').encode()
    for more in RAW:
        yield more + text.encode()
        yield text.encode() + more
        yield text.replace(CUSTOMER, "?").encode().replace(b"?", more)
        yield text.replace('"index": 4', '"index": 4?').encode().replace(b"4?", b"4" + more)
    for old, new in (
        ("0x", "0X"),
        ("0x", ""),
        ("{", "{,"),
        ("}", ",}"),
        ("[", "[,"),
        ("]", ",]"),
        (",", ",,"),
        (":", "="),
        ('"', "'"),
        ('"format"', "format"),
    ):
        yield text.replace(old, new, 1).encode()
        yield text.replace(old, new).encode()
    for depth in (12, 13, 14, 15, 16, 17, 100_000):
        yield text.replace('"index": 4', '"index": ' + "[" * depth + "]" * depth).encode()
    for count in (1, 60, 200, 2_000):
        yield text.replace('"index": 4', '"index": [' + "[]," * count + "4]").encode()
        yield text.replace('"index": 4', '"index": [' + "1," * count + "4]").encode()


def test_python_and_the_page_read_the_same_out_of_every_spelling() -> None:
    chain, files = example_log(1).chain, list(spelt())
    seen: Counter[str] = Counter()
    for raw, page in zip(files, page_answers(chain, [Question(raw) for raw in files]), strict=True):
        python = python_answer(chain, raw)
        agree(raw[:300], python, page)
        seen[f"{python.verdict} {python.failed.name if python.failed else ''}".strip()] += 1
    assert seen["valid"] >= 10
    for step in ("file: json", "file: shape", "file: version", "identity proof"):
        assert seen[f"invalid {step}"], f"no spelling failed at {step}"
