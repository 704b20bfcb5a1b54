"""What ``anchor emit --metadata`` refuses before anything is sent."""

import pytest

from anchor.cli.emit import parse_metadata_option
from anchor.cli.failures import CommandFailed


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"x":{"a":1,"\\u0061":2}}', '{"n":NaN}', '{"n":Infinity}', "{", "[" * 100_000]
)
def test_metadata_that_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="--metadata is not JSON"):
        parse_metadata_option(text)


def test_the_digits_of_a_number_are_kept() -> None:
    assert parse_metadata_option('{"n":1.50}') == {"n": "1.50"}
