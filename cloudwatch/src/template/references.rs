//! The values of `Ref` and `Fn::GetAtt` that follow from a resource's properties.
//!
//! Each entry has a type, an attribute (none for `Ref`) and a value. In the value, `${…}` is a property of the
//! resource, a pseudo parameter, or `${LogicalId}`. Ids that AWS would invent are invented here. Topics have their
//! names here instead of ARNs.

pub(super) const REFERENCES: &[(&str, &str, &str)] = &[
    ("AWS::CloudWatch::Alarm", "", "${AlarmName}"),
    ("AWS::CloudWatch::CompositeAlarm", "", "${AlarmName}"),
    ("AWS::CloudWatch::Dashboard", "", "${DashboardName}"),
    ("AWS::SNS::Topic", "", "${TopicName}"),
    ("AWS::DynamoDB::Table", "", "${TableName}"),
    ("AWS::IAM::Role", "Arn", "arn:aws:iam::${AWS::AccountId}:role/${RoleName}"),
    ("AWS::Logs::LogGroup", "", "${LogGroupName}"),
    ("AWS::ECS::Cluster", "", "${ClusterName}"),
    (
        "AWS::ECS::TaskDefinition",
        "",
        "arn:aws:ecs:${AWS::Region}:${AWS::AccountId}:task-definition/${Family}:1",
    ),
    ("AWS::Lambda::Function", "", "${FunctionName}"),
    (
        "AWS::Lambda::Function",
        "Arn",
        "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionName}",
    ),
    (
        "AWS::Lambda::Alias",
        "",
        "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionName}:${Name}",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "",
        "arn:aws:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:loadbalancer/app/${Name}/0123456789abcdef",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerFullName",
        "app/${Name}/0123456789abcdef",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "",
        "arn:aws:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:targetgroup/${Name}/0123456789abcdef",
    ),
    (
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "TargetGroupFullName",
        "targetgroup/${Name}/0123456789abcdef",
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        "",
        "arn:aws:elasticloadbalancing:${AWS::Region}:${AWS::AccountId}:listener/${LogicalId}",
    ),
];
