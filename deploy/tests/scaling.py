"""Adds Application Auto Scaling, without metrics: it keeps the number of tasks within its bounds, unless it is suspended."""

import json

from ministack import app
from ministack.core import router
from ministack.services import ecs, iam

from corrections import called

# By account and scalable target.
accounts = {}


def targets():
    return accounts.setdefault(iam.get_account_id(), {})


def bound(resource):
    """Brings a service back within its bounds."""
    target = targets()[resource]
    if any(target["SuspendedState"].values()):
        return
    _, cluster, name = resource.split("/")
    service = ecs._services.get(f"{cluster}/{name}")
    count = min(max(service["desiredCount"], target["MinCapacity"]), target["MaxCapacity"]) if service else None
    if service and service["status"] == "ACTIVE" and count != service["desiredCount"]:
        called(update_service({"cluster": cluster, "service": name, "desiredCount": count}))


def register(request):
    resource = request["ResourceId"]
    target = targets().setdefault(resource, {"ServiceNamespace": "ecs", "ResourceId": resource, "SuspendedState": {}})
    target |= {name: int(request[name]) for name in ("MinCapacity", "MaxCapacity") if name in request}
    target["SuspendedState"] = target["SuspendedState"] | request.get("SuspendedState", {})
    target["ScalableDimension"] = request["ScalableDimension"]
    bound(resource)
    return {}


def describe(request):
    wanted = request.get("ResourceIds")
    return {"ScalableTargets": [target for resource, target in targets().items() if not wanted or resource in wanted]}


def create(logical_id, properties, stack_name):
    register(properties)
    return properties["ResourceId"], {}


def update(physical_id, old, new, stack_name):
    register(new)
    return physical_id, {}


def delete(physical_id, properties):
    targets().pop(physical_id, None)


update_service = ecs._update_service


def updated(data):
    answer = update_service(data)
    resource = f"service/{data['cluster'].rsplit('/', 1)[-1]}/{data['service'].rsplit('/', 1)[-1]}"
    if resource in targets():
        bound(resource)
    return answer


async def handle_request(method, path, headers, body, query_params):
    operation = headers["x-amz-target"].split(".")[-1]
    answer = {"RegisterScalableTarget": register, "DescribeScalableTargets": describe}[operation](json.loads(body))
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def install():
    ecs._update_service = updated
    router.SERVICE_PATTERNS["application-autoscaling"] = {"target_prefixes": ["AnyScaleFrontendService."]}
    app.SERVICE_HANDLERS["application-autoscaling"] = handle_request
