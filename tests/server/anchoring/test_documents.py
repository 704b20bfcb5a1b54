"""The operator's page and the code say the same."""

import re
from pathlib import Path

import pytest

from anchor.monitor.sightings import ALARMS, WARNINGS
from anchor.server.anchoring.alarms import MEANINGS, AlarmName
from anchor.server.chain import settings

ROOT = Path(__file__).resolve().parents[3]
OPERATING = (ROOT / "docs/operating.md").read_text("utf-8")
FAULTS = (ROOT / "docs/chain-faults.md").read_text("utf-8")


@pytest.mark.parametrize("alarm", AlarmName)
def test_every_alarm_has_its_paragraph_with_what_to_do(alarm: AlarmName) -> None:
    meaning = MEANINGS[alarm]
    stops = " (stops)" if meaning.stops else ""
    assert f"### `{alarm.value}`{stops}\n\n{meaning.says}\n\n**Do:** {meaning.remedy}\n" in OPERATING


def test_no_paragraph_is_about_an_alarm_that_there_is_not() -> None:
    assert set(re.findall(r"^### `(\w+)`", OPERATING, re.M)) == {alarm.value for alarm in AlarmName}


def test_every_setting_of_a_chain_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", OPERATING, re.M))
    assert explained >= set(settings._KEYS) - {"signer"}
    for keys in settings._SIGNER_KEYS.values():
        for key in set(keys) - {"kind"}:
            assert f"`{key}`" in OPERATING


def test_every_alarm_of_the_watcher_is_listed() -> None:
    for kind, meaning in {**ALARMS, **WARNINGS}.items():
        assert f"| `{kind}` | {meaning} |" in OPERATING


def test_every_fault_has_tests_named_after_it() -> None:
    rows = [int(number) for number in re.findall(r"^\| (\d+) \|", FAULTS, re.M)]
    assert rows == sorted(set(rows))
    assert set(rows) >= set(range(1, 51))
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = {int(number) for number in re.findall(r"def test_(\d\d)_", tests)}
    assert set(rows) - named == set()
