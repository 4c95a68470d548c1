"""A small server that answers the smoke test as Picus would."""

import http.server
import json


class Picus(http.server.BaseHTTPRequestHandler):
    """`items` belongs to the class, so each test makes its own subclass."""

    items = {}

    def owner(self):
        """The items that a request is about."""
        return ""

    def works(self):
        return True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = self.answer_to(body)
        text = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer_to(self, body):
        key = (self.owner(), self.path.rsplit("/")[-1])
        if self.path == "/health":
            return 200, {"status": "healthy"}
        if not self.works():
            return 500, {"code": "internal"}
        if self.command == "POST":
            self.items[self.owner(), "1"] = json.loads(body)
            return 201, {"object_id": "1"}
        if self.path.startswith("/picus/list"):
            return 200, [item for (owner, _), item in self.items.items() if owner == self.owner()]
        if key in self.items:
            return 200, self.items.pop(key) if self.command == "DELETE" else self.items[key]
        return 404, {"code": "item_not_found"}

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass
