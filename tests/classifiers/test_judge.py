import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from judge_server import JudgeServer
from pydantic import ValidationError

from classifiers.annotation.judge import (
    Completion,
    Endpoint,
    EndpointError,
    Form,
    Judge,
    OtherFormError,
    RejectedError,
    TransientError,
    is_local,
    key_for,
    retry_after,
)
from classifiers.annotation.rubric import load_rubric

RUBRIC = load_rubric("quality")
TEXT = "味噌汁は、だしを取ってから味噌を溶く。煮立てると香りが飛ぶためである。"


def ask(server: JudgeServer, **options: Any) -> Completion:
    """Ask once, and again while the form of the request is being found."""

    async def run() -> Completion:
        judge = Judge(Endpoint(base_url=server.url, model="hanji", **options))
        try:
            while True:
                try:
                    return await judge.ask(RUBRIC.messages(TEXT), RUBRIC.schema_of_answer, seed=7)
                except OtherFormError:
                    pass
        finally:
            await judge.close()

    return asyncio.run(run())


def with_fault(fault: str) -> Callable[[str, int], str]:
    return lambda text, nth: fault


def test_a_request_carries_model_schema_temperature_seed_and_limit() -> None:
    with JudgeServer() as server:
        completion = ask(server, temperature=0.0, max_tokens=300)
    body = server.requests[0].body
    assert body["model"] == "hanji"
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"] == RUBRIC.schema_of_answer
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.0, 7, 300)
    assert completion.model == "hanji-2026"
    assert completion.usage
    assert completion.usage.completion_tokens == len(completion.content)


@pytest.mark.parametrize(
    ("unknown", "form"),
    [
        ((), Form()),
        (("json_schema",), Form(answer="json_object")),
        (("response_format",), Form(answer="text")),
        (("max_tokens", "temperature"), Form(limit="max_completion_tokens", temperature=False)),
        (("seed", "json_schema"), Form(seed=False, answer="json_object")),
    ],
)
def test_an_option_that_the_endpoint_does_not_know_is_left_out(unknown: tuple[str, ...], form: Form) -> None:
    with JudgeServer(unknown=unknown) as server:
        assert '"score"' in ask(server).content
    body = server.requests[-1].body
    assert ("max_tokens" in body) == (form.limit == "max_tokens")
    assert ("temperature" in body, "seed" in body) == (form.temperature, form.seed)
    assert body.get("response_format", {"type": "text"})["type"] == form.answer


def test_an_endpoint_that_refuses_every_form_is_an_error_that_quotes_it() -> None:
    with (
        JudgeServer(with_fault("400")) as server,
        pytest.raises(EndpointError, match=r"refused in every form.*HTTP 400"),
    ):
        ask(server)
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", ["401", "402", "403", "404"])
def test_a_key_or_model_that_is_refused_is_an_error_without_the_key(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-himitsu-no-kagi")
    with JudgeServer(with_fault(status)) as server, pytest.raises(EndpointError) as raised:
        ask(server, key_from="JUDGE_KEY")
    assert server.requests[0].headers["Authorization"] == "Bearer sk-himitsu-no-kagi"
    assert f"HTTP {status}: error with Bearer [key]" in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "reason", "unpaid"),
    [
        ("429", "HTTP 429: slow down", True),
        ("500", "HTTP 500", True),
        ("503", "HTTP 503", True),
        ("slow", "timeout", False),
        ("cut", "connection: RemoteProtocolError", False),
        ("not json", "no completion in the response", False),
        ("no choices", "no completion in the response: choices", False),
    ],
)
def test_what_may_pass_is_transient_and_tells_whether_it_may_be_billed(fault: str, reason: str, unpaid: bool) -> None:
    with JudgeServer(with_fault(fault)) as server, pytest.raises(TransientError, match=reason) as raised:
        ask(server, timeout=0.4)
    assert raised.value.unpaid == unpaid
    assert raised.value.wait == (0.05 if fault == "429" else None)


def test_an_endpoint_that_is_not_there_bills_nothing() -> None:
    with JudgeServer() as server:
        pass
    with pytest.raises(TransientError, match="connection: ConnectError") as raised:
        ask(server)
    assert raised.value.unpaid


def test_credit_that_is_used_up_is_not_waited_for() -> None:
    with JudgeServer(with_fault("quota")) as server, pytest.raises(EndpointError, match="no credit left"):
        ask(server)


def test_a_content_filter_is_told_from_a_malformed_request() -> None:
    with JudgeServer(with_fault("filtered")) as server, pytest.raises(RejectedError) as raised:
        ask(server)
    assert raised.value.filtered


def test_a_remote_endpoint_needs_a_key_and_a_local_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    local = Endpoint(base_url="http://localhost:8000/v1", model="hanji", key_from="JUDGE_KEY")
    remote = Endpoint(base_url="https://api.example.com/v1", model="hanji", key_from="JUDGE_KEY")
    assert key_for(local) == "none"
    with pytest.raises(EndpointError, match="JUDGE_KEY"):
        key_for(remote)
    monkeypatch.setenv("JUDGE_KEY", " sk-himitsu\n")
    assert key_for(remote) == "sk-himitsu"
    monkeypatch.setenv("JUDGE_KEY", "鍵sk-himitsu")
    with pytest.raises(EndpointError, match="printable ASCII") as raised:
        key_for(remote)
    assert "himitsu" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("gpu-01", True),
        ("vllm.local", True),
        ("8.8.8.8", False),
        ("api.example.com", False),
    ],
)
def test_only_hosts_of_the_own_network_are_local(host: str, local: bool) -> None:
    assert is_local(host) == local


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://a/v1", "http://me:secret@a/v1", "https://a/v1?api-key=secret"]
)
def test_an_address_with_secrets_or_without_a_scheme_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must"):
        Endpoint(base_url=url, model="hanji")


def test_retry_after_is_read_as_seconds_milliseconds_or_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": "7", "retry-after-ms": "250"}) == 0.25
    assert 25 < (retry_after({"retry-after": soon}) or 0) <= 30
    assert retry_after({"retry-after": past}) == 0
    assert retry_after({"retry-after": "-5"}) == 0
    assert [retry_after({"retry-after": odd}) for odd in ("", "nan", "inf", "そのうち")] == [None] * 4


def test_a_redirect_is_not_followed_and_its_target_named() -> None:
    with JudgeServer(with_fault("302")) as server, pytest.raises(EndpointError, match=r"redirects to .*elsewhere"):
        ask(server)
    assert len(server.requests) == 1


def test_a_response_without_end_is_given_up() -> None:
    with JudgeServer(answer=lambda text: "{" * 2_000_000) as server, pytest.raises(TransientError, match="too long"):
        ask(server)


@pytest.mark.parametrize("charset", ["hex", "idna", "rot13"])
def test_an_odd_charset_is_read_as_utf_8(charset: str) -> None:
    with JudgeServer(content_type=f"application/json; charset={charset}") as server:
        assert '"score"' in ask(server).content


@pytest.mark.parametrize("usage", [{"prompt_tokens": 10**400, "completion_tokens": 1}, {"prompt_tokens": None}, "many"])
def test_counts_and_names_that_cannot_be_read_are_left_out(usage: object) -> None:
    with JudgeServer(completion={"usage": usage, "model": 7}) as server:
        completion = ask(server)
    assert (completion.usage, completion.model) == (None, None)


def test_a_key_goes_to_a_public_host_over_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-himitsu")
    with pytest.raises(EndpointError, match="https only"):
        key_for(Endpoint(base_url="http://api.example.com/v1", model="hanji", key_from="JUDGE_KEY"))
