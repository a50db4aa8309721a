"""CloudFormation, as far as a custom resource sees it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class CloudFormation:
    """The receiver of a custom resource's answers."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                # S3 refuses another content type than the one that was signed.
                assert self.headers["Content-Type"] in ("", None)
                length = int(self.headers["Content-Length"])
                answers.append(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def request(self, kind: str, **properties: str) -> dict[str, Any]:
        """As CloudFormation sends it; that of a creation has no physical id yet."""
        made = {} if kind == "Create" else {"PhysicalResourceId": "PromptApp"}
        return {
            **made,
            "RequestType": kind,
            "ResponseURL": f"http://127.0.0.1:{self.server.server_port}/answer?Signature=a%2Fb",
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/Bootstrap/1",
            "RequestId": f"request-{kind}",
            "LogicalResourceId": "Deployment",
            "ResourceType": "Custom::Deployment",
            "ResourceProperties": {"ServiceToken": "x", "StackName": "PromptApp", **properties},
        }
