"""The same API with Flask and boto3, as in Picus's first prototype. `cargo bench -p picus-service --bench figures -- task` measures it."""

import json
import os
import uuid
from decimal import Decimal

import boto3
from flask import Flask, Response, request

app = Flask(__name__)
table = boto3.resource("dynamodb").Table(os.environ["DYNAMODB_TABLE_NAME"])


def answer(value, status=200):
    return Response(json.dumps(value, default=str), status, content_type="application/json")


@app.get("/health")
def health():
    return answer({"status": "healthy"})


@app.post("/picus/put")
def put():
    item = json.loads(request.get_data(), parse_float=Decimal)
    item["object_id"] = str(uuid.uuid4())
    table.put_item(Item=item)
    return answer({"object_id": item["object_id"]}, 201)


@app.get("/picus/get/<key>")
def get(key):
    found = table.get_item(Key={"object_id": key}, ConsistentRead=True)
    if "Item" not in found:
        return answer({"error": f"no item {key}"}, 404)
    return answer(found["Item"])
