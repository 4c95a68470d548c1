"""Checks what the templates say where an emulator would not notice a mistake, and how scripts treat wrong arguments."""

import json
import re
import subprocess
import sys
import zipfile

import cfnlint.decode
from cfnlint.template import Template
from cfnlint.template.transforms._language_extensions import language_extension
import pytest
import yaml

from world import ROOT


def rendered(template):
    text = subprocess.run([ROOT / "deploy" / "render", template], check=True, capture_output=True, text=True).stdout
    return text, cfnlint.decode.decode_str(text)[0]


@pytest.fixture(scope="module")
def picus():
    return rendered("deploy/templates/picus.yaml")[1]


@pytest.fixture(scope="module")
def restoring():
    sys.path.insert(0, str(ROOT / "deploy"))
    from operations import restoring

    return restoring


@pytest.fixture(scope="module")
def release():
    sys.path.insert(0, str(ROOT / "deploy"))
    from operations import release

    return release


@pytest.fixture(scope="module")
def bootstrap():
    return rendered("deploy/templates/bootstrap.yaml")[1]


def test_the_table_outlives_the_stack_and_can_be_restored(picus):
    table = picus["Resources"]["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}
    assert table["Properties"]["DeletionProtectionEnabled"] is True


def test_a_restored_table_gets_what_the_template_gives_it(picus, restoring):
    properties = picus["Resources"]["Table"]["Properties"]
    assert restoring.LIVE == properties["TableName"] and properties["DeletionProtectionEnabled"] is True
    assert restoring.RECOVERY_DAYS == properties["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"]
    assert {name for name in properties} == {
        "TableName", "BillingMode", "AttributeDefinitions", "KeySchema", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled"
    }, "a property that a restored table may lack"


@pytest.mark.parametrize(("machine", "named"), [(b"\xb7\0", "arm64"), (b"\x3e\0", "x86_64"), (b"\xf3\0", None)])
def test_a_delete_handler_for_another_processor_is_refused(machine, named, tmp_path, release):
    package = tmp_path / "delete-handler.zip"
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("bootstrap", b"\x7fELF\2\1\1" + bytes(9) + b"\3\0" + machine)
    assert release.architecture(package.read_bytes()) == named
    if named:
        other = {"arm64": "x86_64", "x86_64": "arm64"}[named]
        call = [ROOT / "deploy/deploy", "--image", "one", "--delete-handler", package, "--parameter", f"Architecture={other}"]
        done = subprocess.run(call, capture_output=True, text=True)
        assert done.returncode == 64 and f"is compiled for {named}, and Architecture is {other}" in done.stderr


def test_the_stop_time_out_is_longer_than_the_drain(picus):
    service = next(c for c in picus["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"] if c["Name"] == "service")
    source = (ROOT / "service/src/config.rs").read_text()
    grace = int(re.search(r'"PICUS_SHUTDOWN_GRACE_SECONDS", "(\d+)"', source)[1])
    delay = int(re.search(r'"PICUS_SHUTDOWN_DELAY_SECONDS", "(\d+)"', source)[1])
    request = int(re.search(r'"PICUS_REQUEST_TIMEOUT_SECONDS", "(\d+)"', source)[1])
    keep_alive = int(re.search(r'"PICUS_KEEP_ALIVE_SECONDS", "(\d+)"', source)[1])
    attributes = {a["Key"]: a["Value"] for a in picus["Resources"]["LoadBalancer"]["Properties"]["LoadBalancerAttributes"] if "Key" in a}
    assert service["StopTimeout"] > grace >= delay + request
    assert keep_alive > int(attributes["idle_timeout.timeout_seconds"])


def test_scaling_keeps_at_least_two_tasks_and_follows_requests_and_cpu(picus):
    assert picus["Parameters"]["MinTasks"]["Default"] == 2
    policies = [r["Properties"]["TargetTrackingScalingPolicyConfiguration"] for r in picus["Resources"].values() if r["Type"].endswith("ScalingPolicy")]
    kinds = {p["PredefinedMetricSpecification"]["PredefinedMetricType"] for p in policies if "PredefinedMetricSpecification" in p}
    own = [metric for p in policies for metric in p.get("CustomizedMetricSpecification", {}).get("Metrics", [])]
    counted = {metric["MetricStat"]["Metric"]["MetricName"] for metric in own if "MetricStat" in metric}
    assert kinds == {"ECSServiceAverageCPUUtilization"} and counted == {"RequestCountPerTarget"}


def test_only_scaling_sets_the_number_of_tasks(picus):
    """If the template had a count, a rollback of the stack would undo scaling, possibly under high load."""
    assert "DesiredCount" not in picus["Resources"]["Service"]["Properties"] and "DesiredTasks" not in picus["Parameters"]


def minutes_of_the_longest_deployment(parameters):
    """The time for a deployment: each task starts and serves, and the old ones drain. A canary keeps both for a while."""
    steady, smoke = 15, 6
    deployment = steady + parameters["CanaryMinutes"]["MaxValue"] + parameters["BakeMinutes"]["MaxValue"]
    # The longest case: the smoke test fails at the end, the rollback's deployment fails too, and the stack
    # rolls back.
    return 3 * deployment + 2 * smoke


def test_no_deployment_outlives_its_job_nor_the_job_its_credentials(picus, bootstrap):
    jobs = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]
    longest_session = bootstrap["Resources"]["DeployRole"]["Properties"]["MaxSessionDuration"]
    for name in ("deploy", "roll-back"):
        job = jobs[name]
        (session,) = [step["with"]["role-duration-seconds"] for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
        assert minutes_of_the_longest_deployment(picus["Parameters"]) <= job["timeout-minutes"]
        assert job["timeout-minutes"] * 60 <= session <= longest_session <= 12 * 3600


def test_deployments_wait_only_for_each_other():
    workflow = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
    waiting = {name: job["concurrency"] for name, job in workflow["jobs"].items() if "concurrency" in job}
    assert waiting == dict.fromkeys(("deploy", "roll-back"), {"group": "deploy", "queue": "max"})
    assert "concurrency" not in workflow and "needs" not in workflow["jobs"]["roll-back"]


def test_every_log_group_expires(picus):
    groups = [r["Properties"] for r in picus["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert len(groups) == 3 and all("RetentionInDays" in group for group in groups)


def test_the_bootstrap_fits_into_a_request_and_its_policies_into_a_role(bootstrap):
    text, _ = rendered("deploy/templates/bootstrap.yaml")
    assert len(text.encode()) <= 51_200, "CloudFormation takes no larger template without a bucket"
    role = bootstrap["Resources"]["DeployRole"]["Properties"]
    assert len(role["ManagedPolicyArns"]) <= 10
    assert sum(len(json.dumps(p["PolicyDocument"], separators=(",", ":"))) for p in role["Policies"]) <= 10_240


def test_releases_can_not_be_overwritten(bootstrap):
    images = bootstrap["Resources"]["Images"]["Properties"]
    assert images["ImageTagMutability"] == "IMMUTABLE" and images["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert bootstrap["Resources"]["Artifacts"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    for bucket in ("Artifacts", "AccessLogs"):
        closed = bootstrap["Resources"][bucket]["Properties"]["PublicAccessBlockConfiguration"]
        assert len(closed) == 4 and all(closed.values())
        statements = bootstrap["Resources"][f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [s["Condition"] for s in statements if s["Effect"] == "Deny"]


def test_a_missing_file_stops_the_rendering():
    template = ROOT / "target" / "lacking.yaml"
    template.parent.mkdir(exist_ok=True)
    template.write_text("Resources:\n  # include nowhere.yaml\n")
    done = subprocess.run([ROOT / "deploy" / "render", template], capture_output=True, text=True)
    template.unlink()
    assert done.returncode == 66 and done.stderr == "render: there is no file nowhere.yaml\n"


@pytest.mark.parametrize(
    ("call", "lacks"),
    [
        ("bootstrap", "--repository OWNER@ID/NAME@ID is missing"),
        ("bootstrap --repository", "--repository needs a value"),
        ("deploy", "--image TAG is missing"),
        ("deploy --image one", "--delete-handler FILE is missing"),
        ("deploy --image one --delete-handler README.md", "README.md is no zip file"),
        ("package-image one sparc", "sparc is neither arm64 nor x86_64"),
        ("package-lambda one.zip sparc", "sparc is neither arm64 nor x86_64"),
        ("deploy --image one --parameter CertificateArn", "--parameter wants NAME=VALUE"),
        ("deploy --imagine one", "unknown argument --imagine"),
        ("rollback --now", "unknown argument --now"),
        ("status now", "unknown argument now"),
        ("tear-down --everything", "unknown argument --everything"),
        ("test-page now", "unknown argument now"),
        ("push-image one", "an image and a tag are wanted"),
    ],
)
def test_bad_input_is_one_clear_line(call, lacks):
    script, *arguments = call.split()
    done = subprocess.run([ROOT / "deploy" / script, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 64
    assert done.stderr == f"{script}: {lacks}; see {ROOT}/deploy/{script} --help\n"


@pytest.mark.parametrize(
    "script", ["bootstrap", "deploy", "newest", "push-image", "render", "restore", "rollback", "smoke", "status", "tear-down", "test-page"]
)
def test_every_script_prints_its_usage(script):
    done = subprocess.run([ROOT / "deploy" / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(f"Usage: deploy/{script}")


# Options that a Mac's tools lack, and syntax that its Bash 3.2 lacks.
OF_LINUX_ALONE = re.compile(
    r"readlink -f|realpath|sed -i|date (-d|--date)|stat -c|grep -\w*P|base64 -w|xargs -r|mktemp --|cp --|\bnproc\b"
    r"|mapfile|readarray|declare -A|local -n|\$\{\w+(,,|\^\^|@)|&>>|\|&"
)


def commands(document):
    """The commands of a document: its shell blocks, and calls of `aws` or of deploy/ in the text."""
    text = (ROOT / document).read_text()
    blocks = re.findall(r"^ *```sh[^\n]*\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`((?:aws|deploy/[a-z-]+|curl|for|while) [^`]+)`", text)]


DOCUMENTS = sorted(str(path.relative_to(ROOT)) for part in ("*.md", "deploy/*.md", "docs/**/*.md") for path in ROOT.glob(part))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_documents_work_on_a_mac(document):
    for command in commands(document):
        assert not OF_LINUX_ALONE.search(command), command
        for line in command.splitlines():
            # zsh does not split a variable's value into words. No shell splits it in an assignment.
            bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", line)
            assert re.match(r" *\w+=", bare) or not re.search(r"\$[A-Za-z_{]", bare), line
            # By default, zsh does not support comments on the command line.
            assert line.lstrip().startswith("#") or not re.search(r"\s#\s", bare), line


@pytest.mark.parametrize("script", [path.name for path in (ROOT / "deploy").iterdir() if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")])
def test_the_scripts_work_on_a_mac(script):
    found = OF_LINUX_ALONE.search((ROOT / "deploy" / script).read_text())
    assert not found, found


def test_the_costs_in_the_readme_add_up():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]*[0-9][^|]*) \| ([0-9.]+) \|$", (ROOT / "deploy/README.md").read_text(), re.MULTILINE)
    assert len(rows) == 21
    for what, arithmetic, dollars in rows:
        assert re.fullmatch(r"[0-9.+× ()]+", arithmetic), what
        assert float(dollars) == round(eval(arithmetic.replace("×", "*")), 2), what


def test_the_sums_in_the_readme_are_right():
    text = re.sub(r"(\d) of [a-z]+", r"\1", (ROOT / "deploy/README.md").read_text().replace("\n", " "))
    sums = re.findall(r"((?:[0-9.]+ [×+/] )+[0-9.]+) = ([0-9.]*[0-9])", text)
    assert len(sums) == 5, sums
    for arithmetic, result in sums:
        places = len(result.partition(".")[2])
        assert round(eval(arithmetic.replace("×", "*")), places) == float(result), arithmetic


def watching():
    template = rendered("dashboards/alarms.yaml")[1]
    return language_extension(Template("", template, ["eu-central-1"]))[1]["Resources"].values()


def test_alarms_keep_cloudwatchs_limits():
    alarms = [r["Properties"] for r in watching() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) > 20
    for alarm in alarms:
        stated = [m["MetricStat"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
        expressions = [m for m in alarm.get("Metrics", []) if "Expression" in m]
        assert len(stated) <= 10 and len(expressions) <= 10, alarm["AlarmName"]
        period = max([alarm.get("Period", 0), *(int(each["Period"]) for each in stated)])
        longest = 7 if period >= 3600 else 1
        assert 0 < period * alarm["EvaluationPeriods"] <= longest * 86400, alarm["AlarmName"]


def test_the_readme_has_the_right_number_of_alarms():
    resources = list(watching())
    alarms = [r["Properties"] for r in resources if r["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = sum(len([m for m in a["Metrics"] if "MetricStat" in m]) if "Metrics" in a else 1 for a in alarms)
    composite = len([r for r in resources if r["Type"] == "AWS::CloudWatch::CompositeAlarm"])
    dashboards = len([r for r in resources if r["Type"] == "AWS::CloudWatch::Dashboard"])
    readme = (ROOT / "deploy/README.md").read_text()
    assert f"alarms on {metrics} metrics, and {composite} composite ones" in readme
    assert dashboards == 4
