"""What no emulator runs: the template's variants, resolved as CloudFormation resolves them."""

import pytest
from ministack.services.cloudformation import engine

from test_intent import rendered

TLS = {"CertificateArn": "arn:aws:acm:eu-central-1:000000000000:certificate/1", "PublicName": "picus.example"}
TOKENS = {**TLS, "JwtIssuer": "https://issuer.example/", "JwtJwksEndpoint": "https://issuer.example/keys"}


class Attributes:
    """Those of a resource that is not made: each is its own name."""

    def __init__(self, resource):
        self.resource = resource

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return f"{self.resource}.{name}"


def resources(**parameters):
    """The resources that there are with these parameters, each with its properties."""
    template = engine._parse_template(rendered("deploy/templates/picus.yaml")[0])
    given = {"Release": "one", "ImageTag": "one", "DesiredTasks": "2", "DeployedAt": "2026-11-24T06:00:00Z", **parameters}
    values = engine._resolve_parameters(template, [{"Key": key, "Value": value} for key, value in given.items()])
    conditions = engine._evaluate_conditions(template, values)
    engine._evaluate_rules(template, values, conditions)
    there = {name: part for name, part in template["Resources"].items() if "Condition" not in part or conditions[part["Condition"]]}
    named = {name: {"Attributes": Attributes(name)} for name in there}
    properties = {name: part.get("Properties", {}) for name, part in there.items()}
    return engine._resolve_refs(properties, named, values, conditions, {}, "picus", "picus")


def actions(rule):
    return [action["Type"] for action in sorted(rule["Actions"], key=lambda action: action["Order"])]


def test_without_a_variant_nothing_of_one_is_there():
    found = resources()
    assert {"HttpsListener", "PutTokenRule", "CanaryTargetGroup", "CanaryRule", "CanaryRole", "WebAcl"}.isdisjoint(found)
    assert actions(found["DeleteRule"]) == ["forward"] and found["DeleteRule"]["ListenerArn"] == "HttpListener"
    assert "AdvancedConfiguration" not in found["Service"]["LoadBalancers"][0]
    assert found["Service"]["DeploymentConfiguration"]["Strategy"] == "ROLLING"
    assert "CanaryConfiguration" not in found["Service"]["DeploymentConfiguration"]
    assert found["Alarms"]["Parameters"]["AlternateTargetGroupFullName"] == "TargetGroup.TargetGroupFullName"
    assert [rule["FromPort"] for rule in found["LoadBalancerGroup"]["SecurityGroupEgress"]] == [8080]


def test_with_an_issuer_every_write_is_checked_before_it_goes_on():
    found = resources(**TOKENS)
    put, delete = found["PutTokenRule"], found["DeleteRule"]
    for rule, target in ((put, "TargetGroup"), (delete, "LambdaTargetGroup")):
        assert rule["ListenerArn"] == "HttpsListener"
        assert actions(rule) == ["jwt-validation", "forward"]
        check, forward = sorted(rule["Actions"], key=lambda action: action["Order"])
        assert check["JwtValidationConfig"] == {"Issuer": TOKENS["JwtIssuer"], "JwksEndpoint": TOKENS["JwtJwksEndpoint"]}
        assert forward["TargetGroupArn"] == target
    # All posts, whatever the path: what a rule does not match goes to the service without a token.
    assert put["Conditions"] == [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}}]
    assert [action["Type"] for action in found["HttpListener"]["DefaultActions"]] == ["redirect"]
    assert [rule["FromPort"] for rule in found["LoadBalancerGroup"]["SecurityGroupEgress"]] == [8080, 443]


@pytest.mark.parametrize(("tls", "listener"), [({}, "HttpListener"), (TLS, "HttpsListener")])
def test_a_canary_has_two_like_target_groups_and_a_rule_to_shift_requests_between_them(tls, listener):
    found = resources(DeploymentStrategy="CANARY", CanaryPercent="20", CanaryMinutes="15", **tls)
    group, canary = dict(found["TargetGroup"]), dict(found["CanaryTargetGroup"])
    assert group.pop("Name") != canary.pop("Name") and group == canary
    rule = found["CanaryRule"]
    assert rule["ListenerArn"] == listener and rule["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
    assert int(rule["Priority"]) > int(found["DeleteRule"]["Priority"]), "deletes are the delete handler's"
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
    deployment = found["Service"]["DeploymentConfiguration"]
    assert deployment["Strategy"] == "CANARY"
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": "20", "CanaryBakeTimeInMinutes": "15"}
    assert "ScaleOnRequests" not in found and "ScaleOnCpu" in found
    assert [rule["FromPort"] for rule in found["LoadBalancerGroup"]["SecurityGroupEgress"]] == [8080]
    assert found["Alarms"]["Parameters"]["AlternateTargetGroupFullName"] == "CanaryTargetGroup.TargetGroupFullName"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (TOKENS | {"PublicName": ""}, "A certificate needs PublicName"),
        (TOKENS | {"JwtJwksEndpoint": ""}, "JwtIssuer needs JwtJwksEndpoint"),
        (TOKENS | {"CertificateArn": ""}, "JwtIssuer needs CertificateArn"),
        (TOKENS | {"DeploymentStrategy": "CANARY"}, "it needs ROLLING"),
        ({"VpcId": "vpc-1", "TaskSubnetIds": "subnet-1,subnet-2"}, "VpcId needs LoadBalancerSubnetIds"),
        ({"VpcId": "vpc-1", "LoadBalancerSubnetIds": "subnet-1,subnet-2"}, "VpcId needs TaskSubnetIds"),
        ({"RequestsPerAddress": "9"}, "RequestsPerAddress"),
        ({"LogLevel": "WARN"}, "LogLevel"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        resources(**given)
