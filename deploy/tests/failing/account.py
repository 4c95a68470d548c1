"""Describes everything in an emulated account that a deployment creates or changes, without names that differ from run to run."""

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
        # In the state, these names replace the images' tags, so that deploying image 2 over 1 equals deploying
        # 1 over 2.
        self.names = {}

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
        """The account's facts, as a dictionary of JSON values."""
        facts = {}
        for name, stack in self.stacks().items():
            if "-Alarms-" in name:
                continue
            template = self.client("cloudformation").get_template(StackName=name)["TemplateBody"]
            text = template if isinstance(template, str) else json.dumps(template)
            pending = self.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
            facts[f"stack {name}"] = {
                "status": stack["StackStatus"].replace("CREATE", "UPDATE"),
                "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", []) if each["ParameterKey"] != "DeployedAt"},
                "tags": stack.get("Tags"),
                "template": hashlib.sha256(text.encode()).hexdigest(),
                "pending": len([each for each in pending if each["ExecutionStatus"] == "AVAILABLE"]),
            }
        facts["roles"] = sorted(role["RoleName"] for role in self.client("iam").list_roles()["Roles"])
        facts["table"] = self.table()
        facts["service"] = self.service()
        facts["rules"] = self.rules()
        facts["topics"] = sorted(topic["TopicArn"].split(":")[-1] for topic in self.client("sns").list_topics()["Topics"])
        facts["pushed"] = "new" in (self.images() or [])
        facts["good release"] = self.deployed_release_is_good(facts)
        text = re.sub(r"\d{8}T\d{6}Z-", "TIME-", json.dumps(facts, sort_keys=True).replace(self.id, "ACCOUNT"))
        for tag, name in self.names.items():
            text = text.replace(f"TIME-{tag}", f"TIME-{name}").replace(f"picus-service:{tag}", f"picus-service:{name}")
            text = text.replace(f'"ImageTag": "{tag}"', f'"ImageTag": "{name}"')
        return json.loads(text)

    def make_table(self, **more):
        """Sets what the stack would set."""
        self.client("dynamodb").create_table(
            TableName="picus_data",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
            DeletionProtectionEnabled=True,
            **more,
        )

    def table(self):
        try:
            table = self.client("dynamodb").describe_table(TableName="picus_data")["Table"]
        except botocore.exceptions.ClientError:
            return None
        return {"protected": table["DeletionProtectionEnabled"]}

    def service(self):
        try:
            found = self.client("ecs").describe_services(cluster="picus-cluster", services=["picus-service"])["services"]
        except botocore.exceptions.ClientError:
            return None
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
        """The images that were pushed."""
        try:
            return sorted(each["imageTag"] for each in self.client("ecr").list_images(repositoryName="picus-service")["imageIds"])
        except botocore.exceptions.ClientError:
            return None

    def deployed_release_is_good(self, facts):
        if "Release" not in facts.get("stack picus", {}).get("parameters", {}):
            return None
        key = f"releases/{facts['stack picus']['parameters']['Release']}/parameters"
        # By its prefix, because a page has at most a thousand keys.
        listed = self.client("s3").list_objects_v2(Bucket=f"picus-artifacts-{self.id}-{self.region}", Prefix=key)
        return key in [each["Key"] for each in listed.get("Contents", [])]
