"""Shared by both drivers: the item, and the calls that every client must make work."""

import json
import os
import re
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

BASE = os.environ["PICUS"]
TEXT = Path("../item.json").read_text(encoding="utf-8")


def read(text):
    """Parses or writes JSON without losing digits."""
    return json.loads(text, parse_float=Decimal)


def cursor(link):
    """The cursor of a `Link: </picus/list?limit=2&cursor=…>; rel="next"`."""
    found = re.search(r'<([^>]*)>; *rel="next"', link or "")
    return parse_qs(urlsplit(found[1]).query)["cursor"][0] if found else None


def story(name, client):
    item = read(TEXT)
    # The clients' own json.dumps and json.loads support fractions only as floats.
    whole = {name: value for name, value in item.items() if name != "exact"}
    key = f"python-{time.time_ns()}"
    id = client.put(whole, key)
    assert client.put(whole, key) == id, "a repeated put must return the same item"
    assert client.get(id) == whole | {"object_id": id}, client.get(id)
    exact = client.put_text(TEXT)
    assert read(client.get_text(exact)) == item | {"object_id": exact}, client.get_text(exact)

    ids = {id, exact, client.put({"n": 3})}
    listed, pages, next = set(), 0, None
    while pages == 0 or next:
        items, link = client.page(2, next)
        listed |= {item["object_id"] for item in items}
        pages, next = pages + 1, cursor(link)
    assert pages >= 2 and ids <= listed, (pages, ids, listed)

    assert all("deleted successfully" in client.delete(id) for id in ids)
    assert client.refusal(id) == (404, "item_not_found")
    print(f"{name}: works")
