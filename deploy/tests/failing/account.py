"""What is in an account of the emulator, as far as a deployment makes or changes it, without names that each run makes anew."""

import hashlib
import json
import re

import boto3
import botocore.config
import botocore.exceptions

SESSION = boto3.Session()


class Account:
    def __init__(self, number, endpoint, region):
        self.id = f"{number:012d}"
        self.endpoint, self.region, self.clients = endpoint, region, {}

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = SESSION.client(
                service, region_name=self.region, endpoint_url=self.endpoint, aws_access_key_id=self.id, aws_secret_access_key="any",
                config=botocore.config.Config(s3={"addressing_style": "path"}),
            )
        return self.clients[service]

    def stacks(self):
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: stack for stack in found}

    def parameters(self, name="picus"):
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.stacks()[name]["Parameters"]}

    def state(self):
        """A dictionary of facts; each is JSON."""
        facts = {}
        for name, stack in self.stacks().items():
            if "-Alarms-" in name:
                continue
            template = self.client("cloudformation").get_template(StackName=name)["TemplateBody"]
            text = template if isinstance(template, str) else json.dumps(template)
            pending = self.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
            facts[f"stack {name}"] = {
                "status": stack["StackStatus"].replace("CREATE", "UPDATE"),
                "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"] if each["ParameterKey"] != "DeployedAt"},
                "tags": stack["Tags"],
                "template": hashlib.sha256(text.encode()).hexdigest(),
                "pending": len([each for each in pending if each["ExecutionStatus"] == "AVAILABLE"]),
            }
        facts["roles"] = sorted(role["RoleName"] for role in self.client("iam").list_roles()["Roles"])
        facts["table"] = self.table()
        facts["service"] = self.service()
        facts["rules"] = self.rules()
        facts["topics"] = sorted(topic["TopicArn"].split(":")[-1] for topic in self.client("sns").list_topics()["Topics"])
        facts["images"] = self.images()
        facts["good release"] = self.deployed_release_is_good(facts)
        return json.loads(re.sub(r"\d{8}T\d{6}Z-", "TIME-", json.dumps(facts, sort_keys=True).replace(self.id, "ACCOUNT")))

    def table(self):
        try:
            table = self.client("dynamodb").describe_table(TableName="picus_data")["Table"]
        except botocore.exceptions.ClientError:
            return None
        return {"protected": table["DeletionProtectionEnabled"]}

    def service(self):
        found = self.client("ecs").describe_services(cluster="picus-cluster", services=["picus-service"])["services"]
        active = [each for each in found if each["status"] == "ACTIVE"]
        if not active:
            return None
        (service,) = active
        definition = self.client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        images = [each["image"] for each in definition["containerDefinitions"]]
        return {"desired": service["desiredCount"], "images": images}

    def rules(self):
        elb = self.client("elbv2")
        balancers = [each["LoadBalancerArn"] for each in elb.describe_load_balancers()["LoadBalancers"]]
        listeners = [each["ListenerArn"] for balancer in balancers for each in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]]
        rules = [rule for listener in listeners for rule in elb.describe_rules(ListenerArn=listener)["Rules"]]
        weights = [
            (group["TargetGroupArn"].split("/")[-2], group["Weight"])
            for rule in rules for action in rule["Actions"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])
        ]
        return {"priorities": sorted(rule["Priority"] for rule in rules), "weights": sorted(weights)}

    def images(self):
        try:
            return sorted(each["imageTag"] for each in self.client("ecr").list_images(repositoryName="picus-service")["imageIds"])
        except botocore.exceptions.ClientError:
            return None

    def deployed_release_is_good(self, facts):
        if "stack picus" not in facts:
            return None
        key = f"releases/{facts['stack picus']['parameters']['Release']}/parameters"
        listed = self.client("s3").list_objects_v2(Bucket=f"picus-artifacts-{self.id}-{self.region}")
        return key in [each["Key"] for each in listed.get("Contents", [])]
