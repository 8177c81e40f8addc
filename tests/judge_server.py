"""A judge on loopback that speaks the chat-completions protocol, judges by simple marks of a text, and misbehaves.

Run as ``python tests/judge_server.py --port 0 --misbehave 0.3`` it prints its address and serves until it is stopped.
"""

import argparse
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

EXCERPT = re.compile(r"<抜粋 ([0-9a-f]{16})>\n(.*)\n</抜粋 \1>", re.DOTALL)
ITEMS = ("readable", "body", "substance", "coherent", "exemplary")
CATEGORIES = {
    "sexual": (r"性教育|婦人科", r"裏ビデオ"),
    "minor": (r"児童ポルノ", r"少女の裸"),
    "hate": (r"差別", r"国から出ていけ"),
    "harassment": (r"侮辱|いじめ", r"死ね|馬鹿野郎"),
    "violence": (r"殺人|戦争", r"皆殺しにしろ"),
    "self_harm": (r"自殺", r"楽に死ねる方法"),
    "crime": (r"逮捕|詐欺", r"大麻の買い方"),
    "misinfo": (r"デマ", r"水だけで癌が治る"),
    "scam_ad": (r"情報商材", r"誰でも月収百万"),
    "privacy": (r"個人情報", r"自宅の住所は"),
    "secrets": (r"機密", r"パスワードは"),
}
FAULTS = ("429", "500", "slow", "cut", "prose", "truncated", "inconsistent")
"""What the judge does at times when it is run as a program; it answers the next request for the same text."""

Fault = Callable[[str, int], str | None]
"""What goes wrong with the n-th request, from 1, for a text; None is nothing."""


def no_fault(text: str, nth: int) -> str | None:
    return None


def at_times(share: float, faults: tuple[str, ...] = FAULTS) -> Fault:
    """Fail the first request for a share of the texts."""

    def fault(text: str, nth: int) -> str | None:
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        return faults[number % len(faults)] if nth == 1 and number % 1000 < share * 1000 else None

    return fault


def quality(text: str) -> dict[str, Any]:
    """Judge under rubric quality: kana, sentences, figures and reasons, length, no shouting."""
    kana = len(re.findall(r"[ぁ-んァ-ヶー]", text)) / len(text)
    sentences = text.count("。")
    held = [
        kana >= 0.2,
        sentences >= 1,
        bool(re.search(r"\d|ため|から|により|という", text)),
        sentences >= 2,
        len(text) >= 120 and "！" not in text,
    ]
    items = {item: int(holds and held[0]) for item, holds in zip(ITEMS, held, strict=True)}
    genre = "explain_howto" if items["substance"] else "other"
    return {"reason": f"文の数は{sentences}", "items": items, "score": sum(items.values()), "genre": genre}


def safety(text: str) -> dict[str, Any]:
    """Judge under rubric safety: a phrase that does harm, or a word that touches on it."""
    labels = {
        category: 2 if re.search(harm, text) else int(bool(re.search(topic, text)))
        for category, (topic, harm) in CATEGORIES.items()
    }
    overall = ("nontoxic", "has_toxic_expression", "toxic")[max(labels.values())]
    return {"evidence": "", "labels": labels, "overall": overall}


@dataclass(frozen=True)
class Request:
    """What the judge received: the excerpt, and the request as it came."""

    text: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    fault: str | None


@dataclass
class JudgeServer:
    """The server and its memory. ``unknown``: options of a request that it refuses, as vendors do."""

    fault: Fault = no_fault
    unknown: tuple[str, ...] = ()
    counts_tokens: bool = True
    slow: float = 5.0
    retry_after: str = "0.05"
    port: int = 0
    answer: Callable[[str], str] | None = None
    completion: Mapping[str, Any] = field(default_factory=dict)
    """Fields that replace those of every completion."""
    content_type: str = "application/json"
    escaped: str = ""
    """A text that is sent as JSON escapes."""
    requests: list[Request] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    """Answers sent in full, by text."""
    seen: Counter[str] = field(default_factory=Counter)
    permits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """A request with the fault ``held`` is answered once a permit is released."""
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        return [request.text for request in self.requests]

    def __enter__(self) -> Self:
        judge = self

        class Bound(Handler):
            server_judge = judge

        self.server = Quiet(("127.0.0.1", self.port), Bound)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def receive(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
        """Take in a request and decide what goes wrong with it; one with an unknown option does not count as seen."""
        found = EXCERPT.search(body["messages"][-1]["content"])
        assert found, "no fenced excerpt"
        text = found[2]
        with self.lock:
            refused = [option for option in self.unknown if asks_for(body, option)]
            self.seen[text] += not refused
            fault = f"unknown {refused[0]}" if refused else self.fault(text, self.seen[text])
            request = Request(text, body, headers, fault)
            self.requests.append(request)
        return request


def asks_for(body: Mapping[str, Any], option: str) -> bool:
    return option in body or body.get("response_format", {}).get("type") == option


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that went away."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_judge: JudgeServer

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            return self.send(404, {"error": {"message": f"no such path: {self.path}"}})
        request = self.server_judge.receive(body, dict(self.headers))
        match (request.fault or "").split():
            case ["unknown", option]:
                self.send(400, {"error": {"message": f"Unsupported value: '{option}'", "param": option_of(option)}})
            case ["429"]:
                self.send(429, {"error": {"message": "slow down"}}, {"Retry-After": self.server_judge.retry_after})
            case ["quota"]:
                self.send(429, {"error": {"message": "no credit left", "code": "insufficient_quota"}})
            case ["filtered"]:
                self.send(400, {"error": {"message": "content management policy", "code": "content_filter"}})
            case ["302"]:
                self.send(302, {}, {"Location": "https://elsewhere.example/v1/chat/completions"})
            case [status] if status.isdigit():
                self.send(int(status), {"error": {"message": f"error with {self.headers['Authorization']}\x1b[31m"}})
            case ["not", "json"]:
                self.send_bytes(200, b"<html>Bad gateway</html>", {})
            case ["no", "choices"]:
                self.send(200, {"choices": None, "error": {"message": "upstream"}})
            case _:
                self.complete(request)
        return None

    def complete(self, request: Request) -> None:
        if request.fault == "slow" and self.server_judge.closing.wait(self.server_judge.slow):
            return
        if request.fault == "held":
            self.server_judge.permits.acquire(timeout=60)
        asked_for_labels = '"labels"' in request.body["messages"][0]["content"]
        verdict = (safety if asked_for_labels else quality)(request.text)
        message, finish = self.spoiled(request, verdict)
        completion: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": f"{request.body['model']}-2026",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if self.server_judge.counts_tokens:
            tokens_in = sum(len(part["content"]) for part in request.body["messages"])
            completion["usage"] = {"prompt_tokens": tokens_in, "completion_tokens": len(message["content"] or "")}
        completion.update(self.server_judge.completion)
        escaped = self.server_judge.escaped
        as_json = json.dumps(completion, ensure_ascii=False)
        if escaped:
            as_json = as_json.replace(escaped, "".join(f"\\u{ord(one):04x}" for one in escaped))
        content = as_json.encode()
        if request.fault == "cut":
            self.send_bytes(200, content, {}, cut=True)
            return
        with self.server_judge.lock:
            self.server_judge.answered[request.text] += 1
        self.send_bytes(200, content, {"Content-Type": self.server_judge.content_type})

    def spoiled(self, request: Request, verdict: dict[str, Any]) -> tuple[dict[str, Any], str]:
        content = json.dumps(verdict, ensure_ascii=False)
        if "response_format" not in request.body:
            content = f"判定しました。\n```json\n{content}\n```\n以上です。"
        if self.server_judge.answer:
            content = self.server_judge.answer(request.text)
        match request.fault:
            case "prose":
                content = "とてもよい文章だと思います。5点です。"
            case "truncated":
                return {"role": "assistant", "content": content[: len(content) // 2]}, "length"
            case "inconsistent":
                content = json.dumps({**verdict, "score": 5 - verdict.get("score", 0), "overall": "toxic"})
            case "refusal":
                return {"role": "assistant", "content": None, "refusal": "お答えできません。"}, "stop"
        return {"role": "assistant", "content": content}, "stop"

    def send(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_bytes(status, content, {"Content-Type": "application/json", **(headers or {})})

    def send_bytes(self, status: int, content: bytes, headers: Mapping[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut


def option_of(option: str) -> str:
    return "response_format.type" if option.startswith("json_") else option


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--misbehave", type=float, default=0.3, help="share of the texts whose first request fails")
    parser.add_argument("--slow", type=float, default=5.0, help="seconds of a slow answer")
    options = parser.parse_args()
    with JudgeServer(at_times(options.misbehave), port=options.port, slow=options.slow) as judge:
        print(judge.url, flush=True)
        judge.thread.join()


if __name__ == "__main__":
    main()
