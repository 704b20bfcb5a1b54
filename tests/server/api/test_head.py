"""What is served to browsers and to those who only ask after it: HEAD is GET without the body."""

from collections.abc import Iterator

import httpx
import pytest

from anchor.server.service.development import Development, Ports


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with Development(tmp_path_factory.mktemp("dev") / "data", {}, ports=Ports(0, 0), anchoring=False) as dev:
        yield dev


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 307),
        ("/docs", 200),
        ("/openapi.json", 200),
        ("/verify", 200),
        ("/metrics", 200),
        ("/api/v1/log", 200),
        ("/api/v1/keys", 200),
        ("/api/v1/balance/derive/nobody", 404),
        ("/api/v1/balance/derive/%ff", 422),
        ("/nowhere", 404),
        ("/api/v1/balance/delta", 405),
        ("/api/v1/balance/compare", 405),
        ("/docs/assets/nothing", 404),
    ],
)
def test_head_has_the_status_and_the_headers_of_get_and_no_body(
    running: Development, path: str, status: int
) -> None:
    with httpx.Client(base_url=running.url, headers={"X-Api-Key": running.admin_key}) as client:
        for _ in range(2):
            # The connection stays in step: what follows is answered as if it came first.
            asked = client.get(path)
            head = client.head(path)
            assert (asked.status_code, head.status_code, head.content) == (status, status, b"")
            changing = {"date", "content-length"} if path == "/metrics" else {"date"}
            told = [
                {name: value for name, value in answer.headers.items() if name not in changing}
                for answer in (asked, head)
            ]
            assert told[0] == told[1]
            assert "content-length" in head.headers


def test_head_needs_the_key_that_get_needs(running: Development) -> None:
    assert httpx.head(f"{running.url}/api/v1/keys").status_code == 401


def test_a_method_that_is_not_for_a_path_is_told_that_head_is(running: Development) -> None:
    refused = httpx.put(f"{running.url}/healthz")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_no_other_page_may_frame_the_verifier(running: Development) -> None:
    headers = httpx.get(f"{running.url}/verify").headers
    assert headers["content-security-policy"] == "frame-ancestors 'none'"
