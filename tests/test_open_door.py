"""A stranger finds the way in: links lead somewhere, GitHub takes workflows and forms, scripts are there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scripts.base_tests import base_tests

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
RECORDS = sorted((ROOT / "docs/adr").glob("0*.md"))


def anchors(page: Path) -> set[str]:
    """Return the names by which a page's headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_its_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not heading or heading in anchors(linked), target


def test_the_index_gives_each_reader_three_pages() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    rows = [row for row in index.splitlines() if row.startswith("| a")]
    for reader, row in zip(("billing engineer", "operator", "auditor", "contributor"), rows, strict=True):
        assert f"**{reader}**" in row
        assert len(re.findall(r"\]\([^)]+\)", row)) == 3


def test_every_page_is_named_by_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert page.name == "index.md" or f"({page.name})" in index


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    for number, record in enumerate(RECORDS, 1):
        text = record.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix(f"# {number}. ")
        assert record.name.startswith(f"{number:04d}-")
        assert f"| {number} | [{title}]({record.name}) |" in listed
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_every_path_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|scripts|web|contracts|\.github)/[^`*]*)`", text)
    named += re.findall(r"^(scripts/[\w-]+)", text, re.MULTILINE)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        *((file, "github-workflows") for file in WORKFLOWS),
        *(
            (file, "github-issue-config" if file.name == "config.yml" else "github-issue-forms")
            for file in FORMS
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_github_takes_the_file(file: Path, schema: str) -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    ran = subprocess.run(check, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def jobs() -> dict[str, Any]:
    loaded = [YAML(typ="safe").load(file.read_text(encoding="utf-8")) for file in WORKFLOWS]
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in loaded)
    return {name: job for workflow in loaded for name, job in workflow["jobs"].items()}


def test_the_whole_runs_on_every_supported_python_and_both_databases() -> None:
    matrix = jobs()["python"]["strategy"]["matrix"]
    assert matrix == {"python": ["3.11", "3.12", "3.13", "3.14"], "database": ["sqlite", "postgresql"]}
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(jobs()))
def test_a_job_runs_what_is_there_and_names_what_it_has(name: str) -> None:
    job = jobs()[name]
    assert job["timeout-minutes"] <= 90
    known = {f"matrix.{key}" for key in job.get("strategy", {}).get("matrix", {})}
    assert set(re.findall(r"\$\{\{ ?([\w.]+) ?\}\}", str(job))) <= known
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
            continue
        for script in re.findall(r"scripts/[\w-]+", step["run"]):
            assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("name", ["setup", "lint", "fix", "test", "test-base", "demo"])
def test_a_script_is_what_bash_takes(name: str) -> None:
    script = ROOT / "scripts" / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_the_base_tests_are_those_of_its_rooms_and_need_no_server() -> None:
    chosen = base_tests()
    for needed in (
        "tests/protocol/test_merkle.py",
        "tests/proof/test_proof_files.py",
        "tests/compare/test_balances.py",
        "tests/verify/test_verification.py",
    ):
        assert needed in chosen
    assert "tests/verify/test_real_chains.py" not in chosen
    for file in chosen:
        assert "anchor.server" not in (ROOT / file).read_text(encoding="utf-8")
