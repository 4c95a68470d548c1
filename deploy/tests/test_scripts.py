"""How the scripts handle bad situations other than a failed call, in an emulated account without containers."""

import json
import os
import shutil
import subprocess

import pytest

from world import ROOT


def bootstrapped(lab):
    return lab.account().bootstrapped("one", "two")


@pytest.fixture(scope="module")
def picus(lab):
    case = bootstrapped(lab)
    case.must(*case.deploy("one"))
    return case


def test_a_first_cluster_created_before_the_role_of_ecs_is_created_again(lab):
    case = bootstrapped(lab)
    case.account.client("iam").delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    done = case.must(*case.deploy("one"))
    assert "Unable to assume the service linked role" in done.out and "was not there yet: once more" in done.out
    assert case.account.stacks()["picus"]["StackStatus"] == "CREATE_COMPLETE"


def test_a_first_deployment_that_fails_is_followed_by_a_good_one(lab, tmp_path):
    case = bootstrapped(lab)
    broken = copied(tmp_path)
    done = case.run(*case.deploy("one", "--parameter", "MinTasks=3"), root=broken)
    assert done.code == 1 and "stack picus is ROLLBACK_COMPLETE" in done.err, done.out + done.err
    done = case.must(*case.deploy("one"))
    assert "is removed first" in done.out and case.account.parameters()["MinTasks"] == "2"


def test_failures_in_a_nested_stack_are_printed(picus, tmp_path):
    broken = copied(tmp_path)
    before = picus.account.state()
    done = picus.run(*picus.deploy("two"), root=broken)
    assert done.code == 1 and done.err == "deploy: stack picus is UPDATE_ROLLBACK_COMPLETE: the first event above that FAILED says why\n"
    (line,) = [line for line in done.out.splitlines() if "/Broken" in line]
    assert line.strip().startswith("picus-Alarms-") and "_FAILED: " in line, line
    assert picus.account.state()["stack picus"]["parameters"] == before["stack picus"]["parameters"]


def copied(to):
    """A copy of the repository, as far as a deployment needs it. One resource of its alarms can't be created."""
    for folder in ("deploy", "policies", "dashboards"):
        shutil.copytree(ROOT / folder, to / folder, ignore=shutil.ignore_patterns("tests"))
    shutil.copy(ROOT / "otel-collector.yaml", to)
    alarms = to / "dashboards/alarms.yaml"
    text = alarms.read_text()
    assert text.count("\nOutputs:") == 1
    alarms.write_text(text.replace("\nOutputs:", "\n  Broken:\n    Type: AWS::Nobody::KnowsIt\nOutputs:"))
    return to


def test_the_reason_for_a_refused_change_set_is_printed(picus):
    """The answers are AWS's (CloudFormation API reference, DescribeEvents), because the emulator validates nothing."""
    arn = "arn:aws:cloudformation:eu-central-1:000000000001:changeSet/change-1/1"
    reason = "The following validation failed: [AWS::EarlyValidation::PropertyValidation]. Use DescribeEvents for details."
    failed = {"Status": "FAILED", "StatusReason": reason, "ChangeSetId": arn, "StackId": "arn:picus", "Changes": []}
    event = {"EventType": "VALIDATION_ERROR", "LogicalResourceId": "Service", "ValidationPath": "/Resources/Service/Properties/Cpu",
             "ValidationStatusReason": "Cpu is no property"}
    answers = {
        "cloudformation describe-change-set": (0, json.dumps(failed), ""),
        "cloudformation describe-events": (0, json.dumps({"OperationEvents": [event]}), ""),
        "cloudformation delete-change-set": (0, "", ""),
    }
    done = picus.run(*picus.deploy("two"), answers=answers)
    assert done.code == 1 and done.err == f"deploy: no change set: {reason}\n"
    assert "  Service                      /Resources/Service/Properties/Cpu Cpu is no property\n" in done.out
    assert "cloudformation execute-change-set" not in done.calls


def test_a_change_of_rules_is_refused_while_the_second_target_group_is_live(picus):
    elb = picus.account.client("elbv2")
    shift(elb, first=0, second=1)
    done = picus.must("status")
    assert "picus-ecs-tg (weight 0)" in done.out and "picus-ecs-tg-canary (weight 1)" in done.out
    changes = [{"Type": "Resource", "ResourceChange": {
        "Action": "Add", "LogicalResourceId": "PutTokenRule", "ResourceType": "AWS::ElasticLoadBalancingV2::ListenerRule"}}]
    made = {"Status": "CREATE_COMPLETE", "ChangeSetId": "arn:set", "StackId": "arn:picus", "Changes": changes}
    answers = {"cloudformation describe-change-set": (0, json.dumps(made), ""), "cloudformation delete-change-set": (0, "", "")}
    done = picus.run(*picus.deploy("two"), answers=answers)
    assert done.code == 1 and "picus-ecs-tg-canary has requests now, and a change of PutTokenRule" in done.err
    assert "cloudformation execute-change-set" not in done.calls
    shift(elb, first=1, second=0)
    done = picus.run(*picus.deploy("two"), answers=answers)
    assert "cloudformation execute-change-set" in done.calls
    # CloudFormation may take 36 hours to give up on a canary that never becomes healthy.
    assert "an administrator can run: aws cloudformation cancel-update-stack --stack-name picus\n" in done.out


def shift(elb, first, second):
    """Swaps the weights, as ECS does at the end of a canary."""
    groups = {group["TargetGroupName"]: group["TargetGroupArn"] for group in elb.describe_target_groups()["TargetGroups"]}
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (rule,) = [rule for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"] if rule["Priority"] == "200"]
    weights = [{"TargetGroupArn": groups["picus-ecs-tg"], "Weight": first}, {"TargetGroupArn": groups["picus-ecs-tg-canary"], "Weight": second}]
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}])


def test_the_scripts_say_whether_anybody_receives_pages(picus):
    sns, topic = picus.account.client("sns"), f"arn:aws:sns:{picus.account.region}:{picus.account.id}:picus-alarms"
    nobody = "pages reach nobody: no confirmed subscription of the topic picus-alarms; nobody has subscribed"
    assert f"note: {nobody}\n" in picus.must("status").out
    done = picus.run("test-page")
    assert done.code == 1 and nobody in done.err and "sns publish" not in done.calls

    pending = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "ops@example.com"}]}
    done = picus.run("status", answers={"sns list-subscriptions-by-topic": (0, json.dumps(pending), "")})
    assert "topic picus-alarms; ops@example.com has not confirmed yet\n" in done.out

    sqs = picus.account.client("sqs")
    queue = sqs.create_queue(QueueName="pages")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{picus.account.region}:{picus.account.id}:pages")
    done = picus.run("test-page")
    assert "a test went to the topic picus-alarms" in done.out and "tickets reach nobody" in done.err
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Subject"] == "Picus: a test, nothing is wrong"
    assert "pages reach nobody" not in picus.must("status").out


def test_no_release_is_an_empty_list(lab):
    done = bootstrapped(lab).must("rollback", "--list")
    assert done.out == "" and done.err == "rollback: there is no good release yet\n"


def test_an_answer_without_a_count_is_an_error(lab):
    done = bootstrapped(lab).run("rollback", "--list", answers={"s3api list-objects-v2": (0, "{}", "")})
    assert done.code == 1 and done.out == "" and "an answer has no KeyCount" in done.err, done


def test_releases_over_several_pages_are_all_listed(lab):
    case = bootstrapped(lab)
    names = [f"20200101T{number:06}Z-one" for number in range(1001)]
    s3, bucket = case.account.client("s3"), f"picus-artifacts-{case.account.id}-{case.account.region}"
    for name in names:
        s3.put_object(Bucket=bucket, Key=f"releases/{name}/parameters", Body=b"")
    assert case.must("rollback", "--list").out.splitlines() == names


def test_a_role_that_others_use_is_not_called_unused(lab):
    case = bootstrapped(lab)
    role = {"RoleName": "ecsTaskExecutionRole", "CreateDate": "2024-01-01T00:00:00Z", "RoleLastUsed": {"LastUsedDate": "2026-11-25T10:00:00Z", "Region": "eu-west-1"}}
    done = case.run(*case.deploy("one"), answers={"iam get-role": (0, json.dumps({"Role": role}), "")})
    assert done.code == 1 and "was last used on 2026-11-25T10:00:00Z in eu-west-1" in done.err and "only if nothing of yours needs it" in done.err


@pytest.mark.parametrize(("version", "least"), [("aws-cli/1.42.0 Python/3.9", "1.43.0"), ("aws-cli/2.31.9 Python/3.13", "2.32.0")])
def test_an_old_aws_cli_is_refused(lab, version, least):
    done = lab.account().run("status", answers={"": (0, version, "")})
    assert done.code == 1 and done.err.endswith(f", and {least} or newer is needed\n") and done.calls == [""]


def fake_cli(folder, code, err):
    """A fake AWS CLI that always fails in the same way, and counts its calls."""
    (folder / "aws").write_text(f"""#!/bin/sh
[ "$1" = --version ] && {{ echo aws-cli/2.40.0; exit; }}
echo "$AWS_REGION $AWS_DEFAULT_REGION $AWS_CLI_ERROR_FORMAT" >>{folder}/calls
echo '{err}' >&2
exit {code}
""")
    (folder / "aws").chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_REGION": "eu-north-1", "PYTHONPATH": str(ROOT / "deploy/tests/failing/quick")}
    done = subprocess.run([ROOT / "deploy/status"], env=environment, capture_output=True, text=True)
    return done, (folder / "calls").read_text().splitlines()


@pytest.mark.parametrize(("code", "err", "calls"), [
    (254, "An error occurred (AccessDenied) when calling the DescribeStacks operation: no", 1),
    (254, "An error occurred (ContinuousBackupsUnavailableException) when calling the X operation: not yet", 1),
    (253, "Unable to locate credentials", 1),
    (252, "Unknown options: --cli-input-jsonn", 1),
    (254, "An error occurred (ThrottlingException) when calling the X operation (reached max retries: 5): Rate exceeded", 3),
    (254, "An error occurred (503) when calling the HeadBucket operation: Service Unavailable", 3),
    (255, "Could not connect to the endpoint URL: https://x", 3),
    (0, "", 3),
])
def test_refused_calls_are_final_and_unanswered_calls_are_repeated(tmp_path, code, err, calls):
    done, made = fake_cli(tmp_path, code, err)
    assert done.returncode == 1 and len(made) == calls, done.stderr
    assert done.stderr.splitlines()[-1].startswith("status: aws cloudformation describe-stacks: ")


def test_both_versions_of_the_cli_get_the_region_and_the_error_format(tmp_path):
    done, made = fake_cli(tmp_path, 253, "")
    assert made == ["eu-north-1 eu-north-1 legacy"] and done.stderr == "status: aws cloudformation describe-stacks: exit code 253\n"


def test_cdpath_has_no_effect(tmp_path):
    (tmp_path / "deploy").mkdir()
    environment = {**os.environ, "CDPATH": str(tmp_path)}
    said = [subprocess.run(["deploy/render", "dashboards/alarms.yaml"], cwd=ROOT, env=each, capture_output=True, text=True) for each in (environment, os.environ)]
    assert said[0].returncode == 0 and said[0].stdout == said[1].stdout
