"""Asks an endpoint that speaks the chat-completions protocol, one request a call, and sorts what can go wrong.

The ``openai`` client carries the requests; its own retries are off, so that every attempt can be recorded.
"""

import asyncio
import ipaddress
import math
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from classifiers.errors import ClassifierError
from pipeline.stage import Options

NO_KEY = "none"
TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
OF_THE_REQUEST = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
SHORTEST_SECRET = 8
CONTENT_FILTER = "content_filter"
BYTES_PER_TOKEN, BYTES_BESIDE = 64, 1_000_000
"""Most bytes of a response: so many for each token of the answer, and for all the rest."""
LONGEST_ERROR = 500
"""Characters of a server's message that are kept; some servers send whole pages."""


class Endpoint(Options):
    """Whom to ask, and how."""

    base_url: str
    """Address up to and with the version, e.g. `http://localhost:8000/v1`."""
    model: str = Field(min_length=1)
    """Name of the model, as the endpoint knows it."""
    key_from: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; a local endpoint needs none."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds until a request without an answer is given up."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature."""
    seed: int = 0
    """Seed of the endpoint's sampling, of the share that is judged twice, and of waiting times."""
    max_tokens: int = Field(default=1024, gt=0)
    """Tokens an answer may have; models that reason aloud need more."""

    @field_validator("base_url")
    @classmethod
    def _without_secrets(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https address such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must hold no user, password or query: a key belongs into the environment (key_from)")
        return url.rstrip("/")


class TransientError(Exception):
    """A request that may succeed later. ``wait``: seconds the server asks for; ``unpaid``: surely not billed."""

    def __init__(self, reason: str, wait: float | None = None, unpaid: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unpaid = unpaid


class RejectedError(Exception):
    """A request whose content the endpoint does not accept; ``filtered`` where a content filter says so."""

    def __init__(self, reason: str, filtered: bool = False) -> None:
        super().__init__(reason)
        self.filtered = filtered


class OtherFormError(Exception):
    """The endpoint does not know an option of the request; from now on requests go without it."""


class EndpointError(ClassifierError):
    """An endpoint that cannot be used at all: key, model, address or credit."""


@dataclass(frozen=True, slots=True)
class Form:
    """Options of a request that not every endpoint knows."""

    answer: Literal["json_schema", "json_object", "text"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    seed: bool = True

    def arguments(self, endpoint: Endpoint, schema: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Keyword arguments of a request."""
        arguments: dict[str, Any] = {self.limit: endpoint.max_tokens}
        if self.answer == "json_schema":
            strict = {"name": "judgement", "strict": True, "schema": schema}
            arguments["response_format"] = {"type": "json_schema", "json_schema": strict}
        if self.answer == "json_object":
            arguments["response_format"] = {"type": "json_object"}
        if self.temperature:
            arguments["temperature"] = endpoint.temperature
        if self.seed:
            arguments["seed"] = seed
        return arguments

    def without(self, option: str | None) -> "Form | None":
        """Return the form to try after one was refused, for this option if the server named it; None after the last."""
        if option == "max_tokens" and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if option == "temperature" and self.temperature:
            return replace(self, temperature=False)
        if option == "seed" and self.seed:
            return replace(self, seed=False)
        if self.answer == "json_schema":
            return replace(self, answer="json_object")
        if self.answer == "json_object":
            return replace(self, answer="text")
        return None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0, le=10**9)
    completion_tokens: int = Field(ge=0, le=10**9)


class Completion(BaseModel):
    """What is read of a response; anything else that a server sends is left alone."""

    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: _Usage | None = None

    @field_validator("model", "usage", mode="wrap")
    @classmethod
    def _none_if_unreadable(cls, value: object, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError:
            return None

    @property
    def content(self) -> str:
        """The answer, "" where there is none."""
        return self.choices[0].message.content or ""

    @property
    def finish(self) -> str | None:
        """Why the answer ended: ``stop``, ``length``, ``content_filter`` ..."""
        return self.choices[0].finish_reason

    @property
    def refusal(self) -> str | None:
        """What the model or a filter says instead of an answer."""
        message = self.choices[0].message.refusal
        return message or (CONTENT_FILTER if self.finish == CONTENT_FILTER else None)


class TooLongError(Exception):
    """A response with more bytes than an answer can have."""


class _Client(openai.DefaultAsyncHttpxClient):
    """Follows no redirect, reads every response as UTF-8 and no further than ``most`` bytes."""

    most = BYTES_BESIDE

    async def send(self, request: Any, **options: Any) -> Any:
        response = await super().send(request, **{**options, "stream": True})
        content = bytearray()
        try:
            async for part in response.aiter_bytes():
                content += part
                if len(content) > self.most:
                    raise TooLongError(f"more than {self.most} bytes")
        finally:
            await response.aclose()
        coded = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in coded]
        whole = type(response)(response.status_code, headers=headers, content=bytes(content), request=request)
        whole.encoding = "utf-8"
        return whole


class Judge:
    """One endpoint, and the form of requests that it has been found to understand."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.form = Form()
        self.proven = False
        self._key = key_for(endpoint)
        self._secret = _spelled(self._key)
        http_client = _Client(follow_redirects=False, timeout=endpoint.timeout)
        http_client.most = BYTES_PER_TOKEN * endpoint.max_tokens + BYTES_BESIDE
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=endpoint.base_url,
            timeout=endpoint.timeout,
            max_retries=0,
            http_client=http_client,
        )
        self._alone = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a request may be sent: at once, or alone while the endpoint has not answered yet."""
        if not self.proven:
            async with self._alone:
                if not self.proven:
                    yield
                    return
        yield

    async def ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seed: int) -> Completion:
        """Send one request.

        Raises TransientError, RejectedError, OtherFormError, or EndpointError where asking again is of no use.
        """
        arguments = self.form.arguments(self.endpoint, schema, seed)
        create: Any = self._client.chat.completions.with_raw_response.create
        try:
            # openai's own timeout starts anew with every byte
            async with asyncio.timeout(self.endpoint.timeout):
                response = await create(model=self.endpoint.model, messages=messages, **arguments)
        except (openai.APITimeoutError, TimeoutError):
            raise TransientError(f"timeout: nothing in {self.endpoint.timeout:g} s", unpaid=False) from None
        except openai.APIConnectionError as error:
            raise self._cut(error) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        self.proven = True
        return self._without_key(_completion(response.http_response.text))

    def redact(self, text: str) -> str:
        """Take the key out of a text, in case a server sends it back; what is too short to be secret stays."""
        return text if len(self._key) < SHORTEST_SECRET else self._secret.sub("[key]", text)

    def _without_key(self, completion: Completion) -> Completion:
        """Redact what was decoded; ``redact`` also knows the escapes that a JSON answer in it may still hold."""
        choice = completion.choices[0]
        message = choice.message
        message.content = None if message.content is None else self.redact(message.content)
        message.refusal = None if message.refusal is None else self.redact(message.refusal)
        choice.finish_reason = None if choice.finish_reason is None else self.redact(choice.finish_reason)
        completion.model = None if completion.model is None else self.redact(completion.model)
        return completion

    def _quoted(self, text: str) -> str:
        """Make a text of the server fit for a message: one line, without key and control characters, cut."""
        line = " ".join(self.redact(text).split())
        return "".join(character if character.isprintable() else "?" for character in line)[:LONGEST_ERROR]

    def _cut(self, error: openai.APIConnectionError) -> TransientError:
        """Sort a connection that failed; where it was never made, nothing was billed."""
        cause = error.__cause__ or error
        name = type(cause).__name__
        if isinstance(cause, TooLongError):
            return TransientError(f"answer too long: {cause}", unpaid=False)
        return TransientError(f"connection: {name}: {self._quoted(str(cause))}", unpaid=name == "ConnectError")

    def _refused(self, error: openai.APIStatusError) -> Exception:
        """Sort an error status."""
        status = error.status_code
        said = error.body.get("message") if isinstance(error.body, dict) else None
        reason = f"HTTP {status}: {self._quoted(str(said or error.message))}"
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            reason = f"HTTP {status}: redirects to {self._quoted(error.response.headers.get('location', 'nowhere'))}"
        if error.code == CONTENT_FILTER:
            return RejectedError(reason, filtered=True)
        if error.code != "insufficient_quota" and (status in TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR):
            return TransientError(reason, retry_after(error.response.headers))
        if status not in OF_THE_REQUEST:
            return EndpointError(f"{self.endpoint.base_url}: {reason}{self._advice(status)}")
        if self.proven:
            return RejectedError(reason)
        if (form := self.form.without(_option(error))) is None:
            return EndpointError(f"{self.endpoint.base_url}: refused in every form, at last with {reason}")
        self.form = form
        return OtherFormError(reason)

    def _advice(self, status: int) -> str:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return f"; the key is taken from the environment variable {self.endpoint.key_from}"
        if status == HTTPStatus.NOT_FOUND:
            return f"; is `{self.endpoint.model}` the model's name there, and does the address end with the version?"
        return ""


def key_for(endpoint: Endpoint) -> str:
    """Read the key from the environment. Raises EndpointError if there is none and the endpoint is not local."""
    if key := os.environ.get(endpoint.key_from, "").strip():
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"the environment variable {endpoint.key_from} holds no key: a key is printable ASCII")
        parts = urlsplit(endpoint.base_url)
        if parts.scheme == "http" and not is_local(parts.hostname or ""):
            raise EndpointError(f"{endpoint.base_url}: a key goes to a public host over https only")
        return key
    if is_local(urlsplit(endpoint.base_url).hostname or ""):
        return NO_KEY
    raise EndpointError(f"{endpoint.base_url}: no key; set the environment variable {endpoint.key_from}")


def _spelled(key: str) -> re.Pattern[str]:
    """Match a key in plain characters, in JSON escapes of any depth, or in a mixture of both."""
    before = {one: "" if one.isalnum() else r"\\*" for one in key}
    return re.compile("".join(rf"(?:\\+u00(?i:{ord(one):02x})|{before[one]}{re.escape(one)})" for one in key))


def is_local(host: str) -> bool:
    """Tell whether a host is this machine or on its own network: a bare name, or a private address."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``retry-after-ms`` or ``Retry-After`` (seconds, or a date: RFC 9110, 10.2.3) asks for, or None."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after", "")
    if (seconds := _number(asked)) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(asked)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _completion(body: str) -> Completion:
    try:
        return Completion.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TransientError(f"no completion in the response: {place}: {first['msg']}", unpaid=False) from None


def _option(error: openai.APIStatusError) -> str | None:
    """Name the option of the request that a server complains of, from ``param`` or its message."""
    if error.param:
        return str(error.param).partition(".")[0]
    named = [option for option in ("response_format", "max_tokens", "temperature", "seed") if option in error.message]
    return named[0] if named else None
