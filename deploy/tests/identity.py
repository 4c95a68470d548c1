"""What was asked of IAM, and its answer, is written down: the proof of the policies reads it."""

import json
import os

from ministack import app
from ministack.core import iam_evaluator

evaluate = iam_evaluator.evaluate


def recorded(context, *policies):
    # Resources that AWS names more closely than the emulator: a service in its cluster, a stream in its group.
    if context.action == "ecs:DescribeServices":
        context.resource_arn = context.resource_arn.replace(":cluster/", ":service/") + "/picus-service"
    if context.action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        context.resource_arn += ":log-stream:any"
    result = evaluate(context, *policies)
    call = [context.principal_arn, context.action, context.resource_arn, result.decision]
    with open(os.environ["PICUS_CALLS"], "a") as calls:
        calls.write(json.dumps(call) + "\n")
    return result


iam_evaluator.evaluate = recorded

# The scripts reach AWS by HTTPS and the emulator by HTTP, which the buckets' policies refuse.
pin_request_origin = app.pin_request_origin
app.pin_request_origin = lambda address, secure: pin_request_origin(address, True)
