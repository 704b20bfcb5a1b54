"""What holds for every command: JSON on request, numbers within bounds, and a fault of ours is no answer."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from unittest import mock

import pytest
import typer

from anchor.cli import conformance as conforming
from anchor.cli.failures import DEBUG_VARIABLE, ExitCode
from anchor.cli.main import app
from tests.cli.running import anchor_here as anchor

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Option:
    """One parameter of one command: the type of its values, and what was said of it."""

    command: str
    names: tuple[str, ...]
    kinds: frozenset[Any]
    info: Any


def _commands(of: typer.Typer, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Callable[..., Any]]]:
    for command in of.registered_commands:
        assert command.callback is not None
        yield " ".join((*words, command.name or command.callback.__name__)), command.callback
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from _commands(group.typer_instance, (*words, str(group.name)))


def _options(command: str, function: Callable[..., Any]) -> Iterator[Option]:
    for name, hint in get_type_hints(function, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, info = get_args(hint)
            # Where one is named, typer keeps the first name where a default would stand.
            given = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
            names = given or ["--" + name.replace("_", "-")]
            yield Option(command, tuple(names), frozenset(get_args(kind) or (kind,)), info)


COMMANDS = dict(_commands(app))
OPTIONS = [option for name, function in COMMANDS.items() for option in _options(name, function)]


def test_every_command_takes_json() -> None:
    assert len(COMMANDS) > 20
    assert set(COMMANDS) - {option.command for option in OPTIONS if "--json" in option.names} == set()


def test_every_whole_number_is_bounded_at_both_ends() -> None:
    numbers = [option for option in OPTIONS if int in option.kinds]
    assert len(numbers) > 10
    assert [one for one in numbers if one.info.min is None or one.info.max is None] == []


def test_no_fraction_may_be_negative_endless_or_no_number() -> None:
    fractions = [option for option in OPTIONS if float in option.kinds]
    assert len(fractions) > 4
    for option in fractions:
        for value in ("-1", "nan", "inf", "-inf", "1e999"):
            done = anchor(*option.command.split(), option.names[0], value)
            assert done.code == ExitCode.USAGE
            assert f"Invalid value for '{option.names[0]}'" in done.err, (option, value)


def test_what_is_out_of_bounds_is_a_usage_error_that_names_the_bounds(tmp_path: Path) -> None:
    for words in (("dev", tmp_path / "dev", "--every", "nan"), ("dev", tmp_path / "dev", "--port", "65536")):
        done = anchor(*words)
        assert done.code == ExitCode.USAGE
        assert words[2] in done.err
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "proof.json", "--rpc", "ak_secret"),
        ("hammer", "ak_secret", "--rpc", "http://127.0.0.1:1", "--key", "ak_x"),
        ("hammer", "http://127.0.0.1:1", "--rpc", "ak_secret", "--key", "ak_x"),
        ("init", "data", "--rpc", "ak_secret", "--chain-id", "1"),
        ("status", "--url", "ftp://ak_secret"),
        ("derive", "acme", "--url", "http://"),
    ],
)
def test_what_is_no_url_is_refused_at_once_and_not_repeated(words: tuple[str, ...]) -> None:
    done = anchor(*words)
    assert done.code == ExitCode.USAGE
    assert "http://" in done.err
    assert "ak_secret" not in done.out + done.err


@pytest.mark.parametrize(
    ("words", "named", "command"),
    [
        (("derive", "acme", "--url", "ftp://x"), "--url", "anchor derive"),
        (("derive",), "CUSTOMER", "anchor derive"),
        (("keys", "revoke", "one"), "ID", "anchor keys revoke"),
        (("hammer", "http://x", "--wait", "nan"), "--wait", "anchor hammer"),
        (("nothing",), "nothing", "anchor"),
    ],
)
def test_what_is_typed_wrongly_is_told_in_json_too(words: tuple[str, ...], named: str, command: str) -> None:
    done = anchor(*words, "--json")
    told = json.loads(done.err)
    assert (done.code, done.out, told["code"]) == (ExitCode.USAGE, "", "usage")
    assert named in told["detail"]
    assert told["remedy"] == f"see {command} --help"


def test_a_question_that_nobody_answers_is_answered_with_no() -> None:
    for more in ((), ("--json",)):
        with mock.patch("sys.stdin", io.StringIO("")):
            done = anchor("erase", "r", "reason", "--by", "we", "--url", "http://localhost:1", *more)
        assert (done.code, done.out.strip()) == (ExitCode.REFUSED, "")
        assert "nothing was erased" in done.err
    assert json.loads(done.err.splitlines()[-1])["code"] == "not_confirmed"


def test_a_chain_has_a_name_that_settings_can_hold(tmp_path: Path) -> None:
    words = ("init", tmp_path / "data", "--rpc", "http://node", "--chain-id", 1, "--chain")
    for name in ("a b", "", "x]\n[server", "é"):
        assert anchor(*words, name).code == ExitCode.USAGE
    assert not (tmp_path / "data").exists()


def test_a_fault_of_ours_is_no_answer_and_shows_nothing_of_what_it_held(tmp_path: Path) -> None:
    secret = "ak_" + "S" * 43
    file = tmp_path / "vectors.json"
    file.write_text("{}")
    with mock.patch.object(conforming, "_vectors", side_effect=ZeroDivisionError(secret)):
        told = anchor("conformance", file)
        as_json = anchor("conformance", file, "--json")
        traced = anchor("conformance", file, env={DEBUG_VARIABLE: "1"})
    assert told.code == as_json.code == traced.code == 70
    assert "ZeroDivisionError" in told.err
    assert secret not in told.out + told.err + as_json.err
    assert "Traceback" not in told.err
    assert json.loads(as_json.err)["code"] == "internal_error"
    assert "Traceback" in traced.err


def test_the_changelog_names_every_command() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    listed = re.search(r"\*\*Command line\*\*:(.*?)(?:\n- |\n\n|\Z)", text, re.DOTALL)
    assert listed is not None
    named = set(re.findall(r"`(?:anchor )?([a-z-]+)`", listed[1]))
    assert named == {name.split()[0] for name in COMMANDS}
