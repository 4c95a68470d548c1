"""Clients of the API: single requests, and a load that notices every lost request."""

import http.client
import json
import threading
import time

from world import PORT


def call(host, method, path, body=None, headers=None):
    """Sends one request through the load balancer. Returns status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    sent = {"Host": host, "Content-Type": "application/json", **(headers or {})}
    try:
        connection.request(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body).encode(), sent)
        response = connection.getresponse()
        answer = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer
    finally:
        connection.close()


class Load:
    """Puts, gets and deletes with several clients at once, until the `with` block ends. `failures` lists the errors."""

    def __init__(self, host, clients=2):
        self.host, self.stopped, self.failures, self.requests = host, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self.work) for _ in range(clients)]

    def ask(self, *request):
        """Repeats a request if the emulator, which is DynamoDB here, did not answer the program in time."""
        for _ in range(3):
            status, _, answer = call(self.host, *request)
            if status != 504 or b'"deadline_exceeded"' not in answer:
                break
        return status, answer

    def expect(self, wanted, method, path, body=None):
        self.requests += 1
        try:
            got, answer = self.ask(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            got, answer = repr(error), b""
        if got not in wanted:
            self.failures.append((time.strftime("%X"), method, path, got, answer))
        return answer

    def work(self):
        while not self.stopped.wait(0.1):
            answer = self.expect({201}, "POST", "/picus/put", {"load": 1})
            if not answer.startswith(b'{"object_id"'):
                continue
            key = json.loads(answer)["object_id"]
            self.expect({200}, "GET", f"/picus/get/{key}")
            # If the emulator is slow, the handler retries, and finds that its first attempt has deleted the
            # item.
            self.expect({200, 404}, "DELETE", f"/picus/{key}")
            self.expect({404}, "GET", f"/picus/get/{key}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
