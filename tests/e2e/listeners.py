"""Who is told: a web hook and a mail server on loopback, which keep what they hear."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

Json = Any


class Listener:
    """An HTTP server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.heard: list[Json] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


class MailServer:
    """As much of SMTP (RFC 5321) as it takes to be sent a letter; `heard` has the subject and text of each."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        heard = self.heard

        class Handler(StreamRequestHandler):
            def say(self, line: bytes) -> None:
                self.wfile.write(line + b"\r\n")

            def letter(self) -> bytes:
                self.say(b"354 go on")
                return b"".join(iter(self.rfile.readline, b".\r\n"))

            def handle(self) -> None:
                self.say(b"220 at your service")
                for line in self.rfile:
                    word = line[:4].upper()
                    if word == b"DATA":
                        told = email.message_from_bytes(self.letter(), policy=email.policy.default)
                        body = told.get_body(("plain", "html"))
                        heard.append({"subject": str(told["subject"]), "text": body.get_content() if body else ""})
                    self.say(b"221 bye" if word == b"QUIT" else b"250 ok")
                    if word == b"QUIT":
                        return

        self.server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])
