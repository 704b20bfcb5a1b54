"""Texts that differ can be told apart (section 8, last lines)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.visible_text import alike, id_fault, unseen_at, visible, visible_id

LOOK_ALIKES = ["acme" + chr(code) for code in (0x200B, 0xFEFF, 0xAD, 0x2060, 0x2800, 0xE0041, 0x3164, 0xFE0F)]
EVERY_TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=12)
SIMILAR = st.text(st.sampled_from("a \u00e1\u0301\u200b\u0430\u2800\u3164\\u{20}()UTF-8 61"), max_size=24)


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_customers_that_look_the_same_are_shown_apart_and_refused(text: str) -> None:
    code = f"{ord(text[-1]):x}"
    assert visible(text) == f"acme\\u{{{code}}}"
    assert visible_id(text) == f"acme\\u{{{code}}} (UTF-8 {text.encode().hex()})"
    assert id_fault(text) == f"Character 5, U+{code.upper():0>4}, cannot be seen or told from others."


@pytest.mark.parametrize("text", [" acme", "acme ", " "])
def test_a_blank_at_an_end_is_refused_and_shown(text: str) -> None:
    assert "blank (U+0020)" in (id_fault(text) or "")
    assert "\\u{20}" in visible_id(text)


@pytest.mark.parametrize(
    "text", ["acme", "Zoë GmbH", "漢字", "नमस्ते", "e\u0301clair", "ООО Ромашка", "a+b@c/d:e", "🙂"]
)
def test_an_id_of_any_script_is_taken(text: str) -> None:
    assert id_fault(text) is None
    assert visible(text) == text
    assert visible_id(text) == text if text.isascii() else visible_id(text).startswith(f"{text} (UTF-8 ")


def test_a_mark_without_a_letter_is_written_out() -> None:
    assert visible("“\u0301acme”") == "“\\u{301}acme”"
    assert visible("e\u0301\u0302") == "e\u0301\u0302"
    assert visible("e\u200b\u0301") == "e\\u{200b}\\u{301}"


def test_every_code_point_that_a_category_makes_unseen_is_in_the_table() -> None:
    for code in range(0x110000):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cn":
            continue  # may be assigned in the table's version
        unseen = bool(unseen_at(character))
        if category[0] in "CM" or (category[0] == "Z" and character != " "):
            assert unseen, hex(code)
        elif category[0] == "N":
            assert not unseen, hex(code)


@given(EVERY_TEXT)
def test_what_is_written_out_can_be_seen_and_stays_as_it_is(text: str) -> None:
    shown = visible(text, keep="")
    assert unseen_at(shown) == []
    assert visible(shown) == shown


@given(EVERY_TEXT | SIMILAR, EVERY_TEXT | SIMILAR)
def test_no_two_ids_are_shown_alike(one: str, other: str) -> None:
    assert (visible_id(one) == visible_id(other)) == (one == other)


@given(EVERY_TEXT)
def test_a_well_formed_id_has_nothing_unseen(text: str) -> None:
    assert (id_fault(text) is None) == (not unseen_at(text) and text == text.strip(" "))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("acme", "ACME"),
        ("acme", "\uff41cme"),
        ("acme", "ac me"),
        ("\u00e9a", "e\u0301a"),
        ("straße", "STRASSE"),
    ],
)
def test_ids_that_differ_by_case_width_blanks_or_form_only_are_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)


def test_other_ids_are_not_alike() -> None:
    assert alike("acme") != alike("acne")
