"""Records each decision of IAM. The test of the policies reads the record."""

import json
import os

from ministack import app
from ministack.core import iam_evaluator

evaluate = iam_evaluator.evaluate


def recorded(context, *policies):
    # AWS's names of these resources are longer than the emulator's: a service with its cluster, a stream with
    # its group.
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

# The buckets' policies refuse HTTP. The scripts use HTTPS for AWS, but HTTP for the emulator.
pin_request_origin = app.pin_request_origin
app.pin_request_origin = lambda address, secure: pin_request_origin(address, True)
