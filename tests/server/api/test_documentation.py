"""What is documented is so: the OpenAPI document, its examples, /docs, and docs/http-api.md."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from anchor.wire.problems import KINDS, Problem
from tests.fixtures.service import Service

PAGE = Path(__file__).parents[3] / "docs" / "http-api.md"
METHODS = ("get", "post", "delete")


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    answer: dict[str, Any] = service.anybody.get("/openapi.json").json()
    return answer


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_every_example_of_a_body_is_answered_as_it_says(service: Service, document: dict[str, Any]) -> None:
    service.emit("acme", -182, "run-7781", reason="182 gpu hours")
    sent = 0
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        assert content["examples"], path
        for example in content["examples"].values():
            fits(document, content["schema"], example["value"])
            answer = service.http.request(method.upper(), path, json=example["value"])
            described = operation["responses"].get(str(answer.status_code))
            assert described is not None, (path, answer.text)
            assert answer.status_code < 300, (path, example, answer.text)
            if not path.endswith("/compare"):
                fits(document, described["content"]["application/json"]["schema"], answer.json())
            sent += 1
    assert sent >= 12


def test_every_example_of_an_answer_fits_its_schema(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if path == "/metrics":
            continue
        success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert success, (method, path)
        for answer in success:
            content = answer["content"]["application/json"]
            fits(document, content["schema"], content["example"])


def test_every_question_is_answered_in_the_form_that_is_documented(
    service: Service, document: dict[str, Any]
) -> None:
    receipt = service.emit("acme", -182, "run-7781")
    checkpoint = service.http.post(
        "/api/v1/balance/checkpoint", json={"customerId": "acme", "fromIndex": 0, "toIndex": 0}
    ).json()
    service.seal()
    values = {
        "customerId": "acme",
        "receiptId": receipt["receiptId"],
        "ledgerId": receipt["ledgerId"],
        "proofToken": checkpoint["proofToken"],
        "number": "1",
        "earlierSize": "1",
        "id": receipt["receiptId"],
    }
    asked = 0
    for method, path, operation in operations(document):
        if method != "get" or path in ("/metrics", "/api/v1/proofs/sample"):
            # A sample needs a chain: tests/cli/test_sampling.py has one.
            continue
        url = re.sub(r"\{(\w+)(:path)?\}", lambda match: values[match[1]], path)
        required = [each["name"] for each in operation.get("parameters", []) if each["required"]]
        query = {name: values[name] for name in required if "{" + name not in path}
        if path.endswith("/absence"):
            query["customerId"] = "nobody"
        answer = service.http.get(url, params=query)
        assert answer.status_code == 200, (url, answer.text)
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        fits(document, schema, answer.json())
        asked += 1
    assert asked >= 15


def test_a_route_that_needs_a_key_says_so_and_no_other_is_open(
    service: Service, document: dict[str, Any]
) -> None:
    public = {"/healthz", "/readyz", "/api/v1/verify/{id}", "/api/v1/log", "/api/v1/log/batches"}
    for method, path, operation in operations(document):
        url = re.sub(r"\{\w+\}", "1", path)
        status = service.anybody.request(method.upper(), url).status_code
        assert (status == 401) == (path not in public), (method, path, status)
        if path != "/metrics":
            assert ("security" in operation) == (path not in public), path


def test_the_documentation_page_works_without_a_network(service: Service) -> None:
    page = service.anybody.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) >= 3
    for source in sources:
        assert source.startswith("/"), source
        assert service.anybody.get(source).status_code == 200
    assert service.anybody.get("/", follow_redirects=False).headers["location"] == "/docs"


def test_the_page_lists_every_route(document: dict[str, Any]) -> None:
    text = PAGE.read_text()
    for method, path, _ in operations(document):
        assert f"`{method.upper()} {path}`" in text, (method, path)


def test_the_page_lists_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(kind.code, str(kind.status), kind.title, kind.remedy) for kind in KINDS.values()]


def test_every_code_is_made_by_some_line_of_code() -> None:
    sources = "".join(
        path.read_text() for path in (PAGE.parents[1] / "src" / "anchor" / "server").rglob("*.py")
    )
    for code in KINDS:
        assert f'"{code}"' in sources, code


def test_a_problem_names_only_what_is_known() -> None:
    document = json.loads(_encoded(Problem("overloaded", retry_after=3)))
    assert set(document) == {"type", "title", "status", "code", "remedy"}
    assert (b"retry-after", b"3") in Problem("overloaded", retry_after=3).headers()


def test_the_example_in_the_page_is_answered_so(service: Service) -> None:
    body = re.search(r"-d '(\{\"customerId\".+?\})'", PAGE.read_text(), re.DOTALL)
    assert body is not None
    answer = service.http.post("/api/v1/balance/delta", content=body[1].encode())
    assert answer.status_code == 201, answer.text


def _encoded(problem: Problem) -> bytes:
    from anchor.wire.responses import encode

    return encode(problem.document())
