"""Adds behaviour of Fargate that MiniStack lacks: limits, one network for a task, health checks before traffic, the task
role's credentials, and a stop that drains."""

import secrets
import time

from ministack.services import sts

# The address of a task's credentials and, here, of AWS. A firewall rule leads to MiniStack.
AGENT = "169.254.170.2"
SECOND = 1_000_000_000

task_roles = {}


def first(entry, *names):
    """The entry's value under one of these names. Their case depends on the API that was used."""
    return next((entry[name] for name in names if name in entry), None)


def run_options(original, cdef, td, env, ports, network, host_mode, task_id, task_arn, address, cluster_arn):
    token = env.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI").rsplit("/", 1)[-1]
    task_roles[token] = td["taskRoleArn"]
    env.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    region = task_arn.split(":")[3]
    env |= {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{token}",
        "AWS_ENDPOINT_URL": f"http://{AGENT}",
        "ECS_CONTAINER_METADATA_URI_V4": f"http://{AGENT}/v4/{env['ECS_CONTAINER_METADATA_URI_V4'].rsplit('/', 1)[-1]}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    options = original(cdef, td, env, ports, network, host_mode, task_id, task_arn, address, cluster_arn)

    limits = cdef.get("linuxParameters") or {}
    options |= {
        "nano_cpus": int(td["cpu"]) * SECOND // 1024,
        "mem_limit": f"{td['memory']}m",
        "memswap_limit": f"{td['memory']}m",
        "read_only": bool(cdef.get("readonlyRootFilesystem")),
        "user": cdef.get("user"),
        "cap_drop": first(limits.get("Capabilities") or {}, "Drop", "drop"),
        "labels": options["labels"] | {"stop-timeout": str(cdef.get("stopTimeout", 30))},
    }
    health = cdef.get("healthCheck")
    if health:
        options["healthcheck"] = {
            "test": health["Command"],
            "interval": health["Interval"] * SECOND,
            "timeout": health["Timeout"] * SECOND,
            "retries": health["Retries"],
            "start_period": health["StartPeriod"] * SECOND,
        }
    # A task has one network: the other containers join that of the first one.
    owner = td["containerDefinitions"][0]["name"]
    if cdef["name"] != owner:
        options.pop("network", None)
        options.pop("extra_hosts", None)
        options["network_mode"] = f"container:ministack-ecs-{task_id[:8]}-{owner}"
    return options


def run_until_healthy(original, docker_client, cdef, options, **rest):
    container = original(docker_client, cdef, options, **rest)
    if not cdef.get("healthCheck"):
        return container
    while True:
        container.reload()
        health = container.attrs["State"].get("Health", {}).get("Status")
        if container.status == "running" and health == "healthy":
            return container
        if container.status != "running" or health == "unhealthy":
            container.remove(force=True)
            raise RuntimeError(f"{cdef['name']} is {health}, {container.status}")
        time.sleep(0.2)


def stop(original, docker_client, container):
    if isinstance(container, str):
        container = docker_client.containers.get(container)
    if container.labels.get("stop-timeout"):
        container.stop(timeout=int(container.labels["stop-timeout"]))
    original(docker_client, container)


def clean_up(original, task, docker_client, *rest):
    # The load balancer sends no new requests, and gets the responses to those in flight.
    time.sleep(2)
    # The container that owns the network must stop last.
    task["_docker_ids"] = list(reversed(task.get("_docker_ids") or []))
    original(task, docker_client, *rest)


def credentials(token):
    role = task_roles[token]
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    key, secret, session = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    sts.register_session(key, {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/task",
        "UserId": f"{name}:task",
        "SecretAccessKey": secret,
        "SessionToken": session,
    })
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
    return {"AccessKeyId": key, "SecretAccessKey": secret, "Token": session, "Expiration": expires, "RoleArn": role}


def install(ecs, imds):
    def wrap(module, name, wrapper):
        original = getattr(module, name)
        setattr(module, name, lambda *given, **named: wrapper(original, *given, **named))

    wrap(ecs, "_build_run_kwargs", run_options)
    wrap(ecs, "_run_docker_container", run_until_healthy)
    wrap(ecs, "_remove_docker_container", stop)
    wrap(ecs, "_cleanup_task_resources", clean_up)

    answer = imds.handle_request

    async def handle_request(method, path, headers, body, query):
        token = path.rsplit("/", 1)[-1]
        if path.startswith("/v2/credentials/") and token in task_roles:
            return imds._json_resp(credentials(token))
        return await answer(method, path, headers, body, query)

    imds.handle_request = handle_request
