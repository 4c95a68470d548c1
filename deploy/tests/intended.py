"""Checks in the account that everything exists that a deployment of Picus must create."""

import json
import platform
import re
from datetime import datetime, timedelta, timezone

from world import ROOT, docker, wait_for

ROLLBACK_ALARMS = re.findall(r"^- (\S+)", (ROOT / "dashboards/rollback-alarms.yaml").read_text(), re.MULTILINE)


def policy(world, name):
    """A document of policies/, with this account's values."""
    text = (ROOT / "policies" / f"{name}.json").read_text()
    for variable, value in (("Partition", "aws"), ("Region", world.region), ("AccountId", world.account)):
        text = text.replace(f"${{AWS::{variable}}}", value)
    return json.loads(text)


def routing(world):
    elb = world.client("elbv2")
    names = {g["TargetGroupArn"]: g["TargetGroupName"] for g in elb.describe_target_groups()["TargetGroups"]}
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTP", 80)
    rules = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    found = {r["Priority"]: ({c["Field"]: c["Values"] for c in r["Conditions"]}, [weights(names, a) for a in r["Actions"]]) for r in rules}
    assert found == {
        "100": ({"http-request-method": ["DELETE"], "path-pattern": ["/picus/*"]}, [{"picus-lambda-tg": 1}]),
        "200": ({"path-pattern": ["/*"]}, [{"picus-ecs-tg": 1, "picus-ecs-tg-canary": 0}]),
        "default": ({}, [{"picus-ecs-tg": 1}]),
    }
    groups = {g["TargetGroupName"]: g for g in elb.describe_target_groups()["TargetGroups"]}
    service, function = groups["picus-ecs-tg"], groups["picus-lambda-tg"]
    assert (service["TargetType"], service["Port"], service["HealthCheckPath"], service["HealthCheckIntervalSeconds"]) == ("ip", 8080, "/health", 30)
    targets = elb.describe_target_health(TargetGroupArn=function["TargetGroupArn"])["TargetHealthDescriptions"]
    alias = f"arn:aws:lambda:{world.region}:{world.account}:function:picus-delete-function:live"
    assert function["TargetType"] == "lambda" and [t["Target"]["Id"] for t in targets] == [alias]
    attributes = {a["Key"]: a["Value"] for a in elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]}
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["routing.http.desync_mitigation_mode"] == "strictest"
    assert tags(elb.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]) == "picus"


def weights(names, action):
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    return {names[group["TargetGroupArn"]]: group["Weight"] for group in groups}


def tags(found):
    return {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in found}.get("project")


def network(world):
    groups = {g["GroupName"]: g for g in world.client("ec2").describe_security_groups()["SecurityGroups"]}
    balancer, tasks = groups["picus-alb"], groups["picus-tasks"]
    assert tags(balancer["Tags"]) == tags(tasks["Tags"]) == "picus"

    def opened(rules):
        return [(r["FromPort"], r["ToPort"], [i["CidrIp"] for i in r["IpRanges"]], [g["GroupId"] for g in r["UserIdGroupPairs"]]) for r in rules]

    assert opened(balancer["IpPermissions"]) == [(80, 80, ["0.0.0.0/0"], [])]
    assert opened(balancer["IpPermissionsEgress"]) == [(8080, 8080, [], [tasks["GroupId"]])]
    assert opened(tasks["IpPermissions"]) == [(8080, 8080, [], [balancer["GroupId"]])]
    assert opened(tasks["IpPermissionsEgress"]) == [(443, 443, ["0.0.0.0/0"], [])]


def roles(world):
    iam = world.client("iam")
    boundary = f"arn:aws:iam::{world.account}:policy/picus-boundary"
    made = {
        "ecsTaskExecutionRole": "ecs-task-execution-role",
        "ecsTaskRole": "ecs-task-role",
        "picus-lambda-role": "picus-lambda-role",
        "picus-canary-role": "picus-canary-role",
    }
    there = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert {role for role in there if not role.startswith("AWSServiceRoleFor")} == {"picus-deploy-role", *made}
    # The service-linked roles, which deploy/bootstrap creates.
    assert {role.removeprefix("AWSServiceRoleFor") for role in there if role.startswith("AWSServiceRoleFor")} == {
        "ECS", "ElasticLoadBalancing", "ApplicationAutoScaling_ECSService",
    }
    for role, name in made.items():
        found = iam.get_role(RoleName=role)["Role"]
        assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
        assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["picus"]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        assert iam.get_role_policy(RoleName=role, PolicyName="picus")["PolicyDocument"] == policy(world, name)

    deploy = {"RoleName": "picus-deploy-role"}
    carried = {name: iam.get_role_policy(PolicyName=name, **deploy)["PolicyDocument"] for name in iam.list_role_policies(**deploy)["PolicyNames"]}
    for attached in iam.list_attached_role_policies(**deploy)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        carried[attached["PolicyName"]] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert carried == {file.stem: policy(world, file.stem) for file in (ROOT / "policies").glob("picus-*-policy.json")}


def function(world):
    found = world.client("lambda").get_function(FunctionName="picus-delete-function", Qualifier="live")["Configuration"]
    meant = {"Runtime": "provided.al2023", "MemorySize": 256, "Timeout": 15, "TracingConfig": {"Mode": "Active"}}
    assert {key: found[key] for key in meant} == meant
    # The handler was compiled for this machine's processor.
    assert found["Architectures"] == [{"aarch64": "arm64"}.get(platform.machine(), platform.machine())]
    assert found["Version"].isdigit() and found["LoggingConfig"]["LogGroup"] == "/aws/lambda/picus-delete-function"
    allowed = json.loads(world.client("lambda").get_policy(FunctionName="picus-delete-function", Qualifier="live")["Policy"])
    (statement,) = allowed["Statement"]
    assert statement["Principal"] == {"Service": "elasticloadbalancing.amazonaws.com"}
    assert statement["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(":targetgroup/picus-lambda-tg/*")


def table(world):
    found = world.client("dynamodb").describe_table(TableName="picus_data")["Table"]
    assert found["KeySchema"] == [{"AttributeName": "object_id", "KeyType": "HASH"}]
    assert found["AttributeDefinitions"] == [{"AttributeName": "object_id", "AttributeType": "S"}]
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert found["DeletionProtectionEnabled"] is True
    backups = world.client("dynamodb").describe_continuous_backups(TableName="picus_data")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def logs(world):
    client = world.client("logs")
    groups = {g["logGroupName"]: g["retentionInDays"] for g in client.describe_log_groups()["logGroups"]}
    assert groups == {"/ecs/picus-service": 30, "/ecs/picus-service/emf": 7, "/aws/lambda/picus-delete-function": 30}
    lines = client.filter_log_events(logGroupName="/ecs/picus-service", filterPattern="request")["events"]
    assert any(json.loads(line["message"]).get("http.route") == "/picus/put" for line in lines)


def tagged(world):
    found = world.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "project", "Values": ["picus"]}])
    names = {resource["ResourceARN"].split(":", 5)[5] for resource in found["ResourceTagMappingList"]}
    ecs = {"cluster/picus-cluster", "service/picus-cluster/picus-service"}
    assert ecs | {"function:picus-delete-function", "table/picus_data", "repository/picus-service", "picus-alarms"} <= names


def metrics(world):
    """The collector has scraped the service's metrics, and CloudWatch has them in a valid form."""
    def arrived():
        events = world.client("logs").filter_log_events(logGroupName="/ecs/picus-service/emf")["events"]
        directives = [d for event in events for d in json.loads(event["message"]).get("_aws", {}).get("CloudWatchMetrics", [])]
        return "picus_requests_measured_total" in {m["Name"] for d in directives for m in d["Metrics"] if d["Namespace"] == "Picus"}

    wait_for(arrived)


def tasks(world):
    """The containers run within the task's limits, with a file system that they can't change."""
    ecs = world.client("ecs")

    def two():
        """The template has no count: ECS starts one task, and scaling's minimum makes two."""
        service = ecs.describe_services(cluster="picus-cluster", services=["picus-service"])["services"][0]
        return service["desiredCount"] == service["runningCount"] == 2

    def containers():
        return docker("ps", "-q", "--filter", "name=ministack-ecs-").split()

    wait_for(two)
    # ECS no longer counts a stopping task, although its containers still drain.
    wait_for(lambda: len(containers()) == 4)
    for container in json.loads(docker("inspect", *containers())):
        host, name = container["HostConfig"], container["Name"].rsplit("-", 1)[-1]
        assert (host["NanoCpus"], host["Memory"]) == (250_000_000, 512 << 20)
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["Privileged"]
        assert name != "service" or container["Config"]["User"] == "65532:65532"
        assert container["State"]["Health"]["Status"] == "healthy"


def watched(world):
    """The alarms that fail a deployment exist, and each dashboard is complete, with a mark at this release."""
    client = world.client("cloudwatch")
    service = world.client("ecs").describe_services(cluster="picus-cluster", services=["picus-service"])["services"][0]
    assert set(service["loadBalancers"][0]["advancedConfiguration"]) == {"alternateTargetGroupArn", "productionListenerRule", "roleArn"}
    assert service["deploymentConfiguration"]["alarms"] == {"alarmNames": ROLLBACK_ALARMS, "enable": True, "rollback": True}
    assert {alarm["AlarmName"] for alarm in client.describe_alarms(AlarmNames=ROLLBACK_ALARMS)["MetricAlarms"]} == set(ROLLBACK_ALARMS)
    dashboards = [entry["DashboardName"] for entry in client.list_dashboards()["DashboardEntries"]]
    assert sorted(dashboards) == ["picus-data", "picus-delete-handler", "picus-overview", "picus-service"]
    for name in dashboards:
        body = client.get_dashboard(DashboardName=name)["DashboardBody"]
        assert "${" not in body
        notes = [widget["properties"].get("annotations", {}).get("vertical", []) for widget in json.loads(body)["widgets"]]
        (deployed,) = {note["value"] for widget in notes for note in widget if note["label"] == "Deployed"}
        assert timedelta() <= datetime.now(timezone.utc) - datetime.fromisoformat(deployed) < timedelta(minutes=15)


def given_network(world, vpc, subnets):
    balancer = world.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    assert [zone["SubnetId"] for zone in balancer["AvailabilityZones"]] == subnets
    service = world.client("ecs").describe_services(cluster="picus-cluster", services=["picus-service"])["services"][0]
    where = service["networkConfiguration"]["awsvpcConfiguration"]
    assert (where["subnets"], where["assignPublicIp"]) == (subnets[::-1], "DISABLED")
    groups = {g["GroupName"]: g for g in world.client("ec2").describe_security_groups()["SecurityGroups"]}
    assert groups["picus-alb"]["VpcId"] == groups["picus-tasks"]["VpcId"] == vpc
    assert [rule["FromPort"] for rule in groups["picus-alb"]["IpPermissions"]] == [80, 443]


def https(world, certificate):
    elb = world.client("elbv2")
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = {listener["Port"]: listener for listener in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]}
    plain, secure = listeners.pop(80), listeners.pop(443)
    assert not listeners and [action["Type"] for action in plain["DefaultActions"]] == ["redirect"]
    assert secure["Protocol"] == "HTTPS" and secure["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert [c["CertificateArn"] for c in secure["Certificates"]] == [certificate]
    priorities = {port: [rule["Priority"] for rule in elb.describe_rules(ListenerArn=at["ListenerArn"])["Rules"]] for port, at in ((80, plain), (443, secure))}
    assert priorities[80] == ["default"] and sorted(priorities[443]) == ["100", "200", "default"]


def access_logs(world):
    """The load balancer has written its test file, as it does when access logs are turned on."""
    world.client("s3").head_object(
        Bucket=f"picus-access-logs-{world.account}-{world.region}", Key=f"AWSLogs/{world.account}/ELBAccessLogTestFile"
    )


ALL = (routing, network, roles, function, table, logs, tasks, tagged, metrics, watched)
