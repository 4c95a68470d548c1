"""The template's variants that the emulator can't run, evaluated as CloudFormation would."""

import json

import pytest
import yaml
from ministack.services.cloudformation import engine

from test_intent import rendered
from world import ROOT

TLS = {"CertificateArn": "arn:aws:acm:eu-central-1:000000000000:certificate/1", "PublicName": "picus.example"}
TOKENS = {**TLS, "JwtIssuer": "https://issuer.example/", "JwtJwksEndpoint": "https://issuer.example/keys", "JwtAudience": "picus"}
CANARY = {"DeploymentStrategy": "CANARY", "CanaryPercent": "20", "CanaryMinutes": "15", "BakeMinutes": "7"}
# Only these may differ between the deployment strategies.
OF_THE_STRATEGY = {"Strategy", "CanaryConfiguration", "BakeTimeInMinutes"}


class Attributes:
    """Attributes of a resource that does not exist: the value of each is its name."""

    def __init__(self, resource):
        self.resource = resource

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return f"{self.resource}.{name}"


RELEASE = {"Release": "one", "ImageTag": "one", "DeployedAt": "2026-11-24T06:00:00Z"}


def resources(path="deploy/templates/picus.yaml", **parameters):
    """The resources that the template creates with these parameters, with their properties."""
    template = engine._parse_template(rendered(path)[0])
    known = template["Parameters"]
    given = {name: value for name, value in (RELEASE | parameters).items() if name in known or name in parameters}
    values = engine._resolve_parameters(template, [{"Key": key, "Value": value} for key, value in given.items()])
    conditions = engine._evaluate_conditions(template, values)
    engine._evaluate_rules(template, values, conditions)
    # Fn::ForEach stands for many resources, and is none itself.
    there = {name: part for name, part in template["Resources"].items() if "::" not in name and conditions.get(part.get("Condition"), True)}
    named = {name: {"Attributes": Attributes(name)} for name in there}
    properties = {name: part.get("Properties", {}) for name, part in there.items()}
    return engine._resolve_refs(properties, named, values, conditions, template.get("Mappings", {}), "picus", "picus")


def actions(rule):
    return [action["Type"] for action in sorted(rule["Actions"], key=lambda action: action["Order"])]


def test_by_default_no_resource_of_a_variant_exists():
    found = resources()
    assert {"HttpsListener", "PutTokenRule", "WebAcl"}.isdisjoint(found)
    assert actions(found["DeleteRule"]) == ["forward"] and found["DeleteRule"]["ListenerArn"] == "HttpListener"
    deployment = found["Service"]["DeploymentConfiguration"]
    assert OF_THE_STRATEGY & set(deployment) == {"Strategy"} and deployment["Strategy"] == "ROLLING"
    assert [rule["FromPort"] for rule in found["LoadBalancerGroup"]["SecurityGroupEgress"]] == [8080]


@pytest.mark.parametrize(("given", "architecture", "of_fargate"), [({}, "arm64", "ARM64"), ({"Architecture": "x86_64"}, "x86_64", "X86_64")])
def test_both_programs_run_on_the_chosen_processor(given, architecture, of_fargate):
    found = resources(**given)
    assert found["TaskDefinition"]["RuntimePlatform"] == {"OperatingSystemFamily": "LINUX", "CpuArchitecture": of_fargate}
    assert found["DeleteFunction"]["Architectures"] == [architecture]


@pytest.mark.parametrize("way", [None, "awsxray", "otlp_http"])
def test_the_collector_gets_the_chosen_way_to_xray(way):
    found = resources(**({"TracesExporter": way} if way else {}))
    (collector,) = [part for part in found["TaskDefinition"]["ContainerDefinitions"] if part["Name"] == "otel-collector"]
    environment = {variable["Name"]: variable["Value"] for variable in collector["Environment"]}
    assert environment["PICUS_TRACES_EXPORTER"] == (way or "awsxray")
    # The collector's configuration contains both ways.
    exporters = yaml.safe_load(environment["AOT_CONFIG_CONTENT"])["exporters"]
    assert {"awsxray", "otlp_http"} < set(exporters)


def test_with_an_issuer_every_write_needs_a_token():
    found = resources(**TOKENS)
    put, delete = found["PutTokenRule"], found["DeleteRule"]
    for rule, target in ((put, "TargetGroup"), (delete, "LambdaTargetGroup")):
        assert rule["ListenerArn"] == "HttpsListener"
        assert actions(rule) == ["jwt-validation", "forward"]
        check, forward = sorted(rule["Actions"], key=lambda action: action["Order"])
        assert check["JwtValidationConfig"] == {
            "Issuer": TOKENS["JwtIssuer"],
            "JwksEndpoint": TOKENS["JwtJwksEndpoint"],
            "AdditionalClaims": [{"Name": "aud", "Format": "single-string", "Values": ["picus"]}],
        }
        assert forward["TargetGroupArn"] == target
    # The rules must match the method of each operation that needs a token by the API's document, whatever its path: other
    # requests reach the service without a token.
    paths = json.loads((ROOT / "service/tests/openapi.json").read_text())["paths"].values()
    writes = {method.upper() for path in paths for method, operation in path.items() if {"token": []} in operation.get("security", [])}
    assert {"POST", "DELETE"} <= writes
    methods = {"Values": sorted(writes - {"DELETE", "OPTIONS"})}
    assert put["Conditions"] == [{"Field": "http-request-method", "HttpRequestMethodConfig": methods}], "deploy/templates/picus/rules.yaml: PutTokenRule"
    assert [action["Type"] for action in found["HttpListener"]["DefaultActions"]] == ["redirect"]
    assert [rule["FromPort"] for rule in found["LoadBalancerGroup"]["SecurityGroupEgress"]] == [8080, 443]


def test_the_claims_that_a_token_must_have_can_be_set():
    """Cognito's access tokens have the audience in client_id, and all scopes in one string."""
    found = resources(**TOKENS, JwtAudienceClaim="client_id", JwtAudienceFormat="string-array", JwtScope="picus/write")
    for name in ("PutTokenRule", "DeleteRule"):
        (check,) = [action for action in found[name]["Actions"] if action["Type"] == "jwt-validation"]
        assert check["JwtValidationConfig"]["AdditionalClaims"] == [
            {"Name": "client_id", "Format": "string-array", "Values": ["picus"]},
            {"Name": "scope", "Format": "space-separated-values", "Values": ["picus/write"]},
        ]


@pytest.mark.parametrize("strategy", [{}, CANARY])
@pytest.mark.parametrize(("tls", "listener"), [({}, "HttpListener"), (TLS, "HttpsListener")])
def test_both_target_groups_and_their_rule_exist_with_every_strategy(tls, listener, strategy):
    found = resources(**strategy, **tls)
    group, canary = dict(found["TargetGroup"]), dict(found["CanaryTargetGroup"])
    assert group.pop("Name") != canary.pop("Name") and group == canary
    rule = found["CanaryRule"]
    assert rule["ListenerArn"] == listener and rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    assert int(rule["Priority"]) > int(found["DeleteRule"]["Priority"]), "the rule for deletes must come first"
    (forward,) = rule["Actions"]
    weights = {target["TargetGroupArn"]: target["Weight"] for target in forward["ForwardConfig"]["TargetGroups"]}
    assert weights == {"TargetGroup": 1, "CanaryTargetGroup": 0}

    (balancer,) = found["Service"]["LoadBalancers"]
    assert balancer["TargetGroupArn"] == "TargetGroup"
    assert balancer["AdvancedConfiguration"] == {
        "AlternateTargetGroupArn": "CanaryTargetGroup",
        "ProductionListenerRule": "CanaryRule",
        "RoleArn": "CanaryRole.Arn",
    }
    assert found["CanaryRole"]["RoleName"] == "picus-canary-role"
    assert found["Alarms"]["Parameters"]["AlternateTargetGroupFullName"] == "CanaryTargetGroup.TargetGroupFullName"


def test_changing_the_strategy_changes_nothing_else():
    """Especially not the rule: an update would reset the weights that ECS has shifted."""
    rolling, canary = resources(), resources(**CANARY)
    before, after = (found["Service"].pop("DeploymentConfiguration") for found in (rolling, canary))
    assert rolling == canary
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == OF_THE_STRATEGY
    assert after["Strategy"] == "CANARY" and after["BakeTimeInMinutes"] == "7"
    assert after["CanaryConfiguration"] == {"CanaryPercent": "20", "CanaryBakeTimeInMinutes": "15"}


def test_only_another_listener_changes_the_rule_whose_weights_ecs_owns():
    rule = resources()["CanaryRule"]
    for variant in (CANARY, {"RequestsPerAddress": "100"}, {"MinTasks": "4"}, {"AccessLogs": "true"}, {"AlarmEmail": "a@b.example"}):
        assert resources(**variant)["CanaryRule"] == rule
    assert resources(**TOKENS)["CanaryRule"] == rule | {"ListenerArn": "HttpsListener"}


def test_scaling_follows_the_requests_of_both_target_groups():
    tracked = resources()["ScaleOnRequests"]["TargetTrackingScalingPolicyConfiguration"]
    requests, *counted = tracked["CustomizedMetricSpecification"]["Metrics"]
    assert requests["Expression"] == "SUM([FILL(own, 0), FILL(alternate, 0)])" and requests.get("ReturnData", True)
    dimensions = {one["Id"]: {d["Name"]: d["Value"] for d in one["MetricStat"]["Metric"]["Dimensions"]} for one in counted}
    balancer = "LoadBalancer.LoadBalancerFullName"
    assert dimensions == {
        "own": {"LoadBalancer": balancer, "TargetGroup": "TargetGroup.TargetGroupFullName"},
        "alternate": {"LoadBalancer": balancer, "TargetGroup": "CanaryTargetGroup.TargetGroupFullName"},
    }
    assert {one["MetricStat"]["Metric"]["MetricName"] for one in counted} == {"RequestCountPerTarget"}
    assert not any(one["ReturnData"] for one in counted)


@pytest.mark.parametrize(
    ("given", "subscribed"),
    [
        ({}, set()),
        ({"AlarmEmail": "a@b.example"}, {("Pages", "email", "a@b.example"), ("Tickets", "email", "a@b.example")}),
        ({"AlarmWebhook": "https://b.example/"}, {("Pages", "https", "https://b.example/"), ("Tickets", "https", "https://b.example/")}),
    ],
)
def test_subscribers_get_pages_and_tickets(given, subscribed):
    passed_on = {name: str(value) for name, value in resources(**given)["Alarms"]["Parameters"].items()}
    found = resources("dashboards/alarms.yaml", **passed_on)
    topics = {name: part["TopicName"] for name, part in found.items() if set(part) == {"TopicName", "DisplayName"}}
    assert topics == {"Pages": "picus-alarms", "Tickets": "picus-tickets"}
    subscriptions = {(part["TopicArn"], part["Protocol"], part["Endpoint"]) for part in found.values() if "Endpoint" in part}
    assert subscriptions == subscribed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (TOKENS | {"PublicName": ""}, "CertificateArn needs PublicName"),
        (TOKENS | {"JwtJwksEndpoint": ""}, "JwtIssuer needs JwtJwksEndpoint"),
        (TOKENS | {"JwtAudience": ""}, "JwtIssuer needs JwtAudience"),
        (TOKENS | {"JwtIssuer": ""}, "JwtAudience and JwtScope need JwtIssuer"),
        ({"JwtScope": "write"}, "JwtAudience and JwtScope need JwtIssuer"),
        (TOKENS | {"JwtScope": "read write"}, "JwtScope"),
        (TOKENS | {"JwtAudience": "two words"}, "JwtAudience"),
        # Elastic Load Balancing would refuse these later, during the deployment.
        (TOKENS | {"JwtIssuer": "https://issuer.example/" + "i" * 256}, "JwtIssuer"),
        (TOKENS | {"JwtJwksEndpoint": "http://issuer.example/keys"}, "JwtJwksEndpoint"),
        (TOKENS | {"JwtJwksEndpoint": "https://issuer.example"}, "JwtJwksEndpoint"),
        (TOKENS | {"JwtJwksEndpoint": "https://issuer.example/" + "k" * 256}, "JwtJwksEndpoint"),
        *((TOKENS | {"JwtAudienceClaim": claim}, "JwtAudienceClaim") for claim in ("exp", "iss", "nbf", "iat")),
        ({"AlarmEmail": "nobody"}, "AlarmEmail"),
        ({"AlarmWebhook": "http://plain.example/"}, "AlarmWebhook"),
        ({"BakeMinutes": "16"}, "BakeMinutes"),
        (TOKENS | {"CertificateArn": ""}, "JwtIssuer needs CertificateArn"),
        (TOKENS | {"DeploymentStrategy": "CANARY"}, "JwtIssuer needs ROLLING"),
        ({"VpcId": "vpc-1", "TaskSubnetIds": "subnet-1,subnet-2"}, "VpcId needs LoadBalancerSubnetIds"),
        ({"VpcId": "vpc-1", "LoadBalancerSubnetIds": "subnet-1,subnet-2"}, "VpcId needs TaskSubnetIds"),
        ({"RequestsPerAddress": "9"}, "RequestsPerAddress"),
        ({"LogLevel": "WARN"}, "LogLevel"),
        ({"TracesExporter": "otlp"}, "TracesExporter"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        resources(**given)
