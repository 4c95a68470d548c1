//! Reads CloudFormation templates as CloudFormation does: YAML with short tags, conditions, the loops of
//! `AWS::LanguageExtensions`, and intrinsic functions.

mod conditions;
mod error;
mod functions;
mod loops;
mod references;
mod written;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use conditions::Conditions;
pub use error::TemplateError;
use functions::Scope;
pub use written::Parameters;
pub use yaml::read;

/// A template with values for its parameters. It has only resources whose conditions hold, and only the chosen branch
/// of each `Fn::If`.
#[derive(Debug, Clone)]
pub struct Template(Scope);

/// A resource in the template, its functions not evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// Its logical id.
    pub id: &'a str,
    /// Its type, such as `AWS::DynamoDB::Table`.
    pub kind: &'a str,
    /// Its properties, or null.
    pub properties: &'a Value,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A fault in the template, or in its parameters.
    pub fn read(text: &str, parameters: &Parameters) -> Result<Self, TemplateError> {
        let template = yaml::read(text)?;
        let of = |section: &str| template[section].as_object().cloned().unwrap_or_default();
        let defaults =
            of("Parameters").into_iter().map(|(name, value)| (name, value["Default"].clone()));
        let mut values: Parameters = defaults.filter(|(_, value)| !value.is_null()).collect();
        values.extend(parameters.clone());
        for (name, value) in PSEUDO_PARAMETERS {
            values.insert(name.to_owned(), json!(value));
        }
        let mut scope = Scope { values, mappings: Arc::new(of("Mappings")), ..Scope::default() };
        let conditions = Conditions(of("Conditions"));
        let mut resources = BTreeMap::new();
        for mut written in loops::expanded(of("Resources"), &scope)? {
            let scope = scope.with(&written.variables);
            let condition = &written.resource["Condition"];
            if condition.is_null() || conditions.holds(condition, &scope)? {
                written.resource = conditions.choose(&written.resource, &scope)?;
                resources.insert(written.id.clone(), written);
            }
        }
        scope.resources = Arc::new(resources);
        Ok(Self(scope))
    }

    /// The resources with their logical ids.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.0.resources.values().map(|written| Resource {
            id: &written.id,
            kind: written.resource["Type"].as_str().unwrap_or_default(),
            properties: &written.resource["Properties"],
        })
    }

    /// Evaluates the functions in a value of the resource `id`.
    ///
    /// # Errors
    /// A reference to something unknown, or a function that is not supported.
    pub fn resolve(&self, id: &str, value: &Value) -> Result<Value, TemplateError> {
        let written = self.0.resources.get(id);
        let variables = written.map(|written| written.variables.clone()).unwrap_or_default();
        self.0.with(&variables).resolve(value)
    }
}

/// The account that templates are read for: AWS reserves this id for documentation.
pub const ACCOUNT: &str = "123456789012";
/// See [`ACCOUNT`].
pub const REGION: &str = "eu-central-1";
const PSEUDO_PARAMETERS: [(&str, &str); 4] = [
    ("AWS::AccountId", ACCOUNT),
    ("AWS::Partition", "aws"),
    ("AWS::Region", REGION),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// A template's resources by logical id, with all functions evaluated.
///
/// # Errors
/// A fault in the template, or in its parameters.
pub fn resources(text: &str, parameters: &Parameters) -> Result<Map<String, Value>, TemplateError> {
    let template = Template::read(text, parameters)?;
    let resolved =
        template.0.resources.values().map(|written| {
            Ok((written.id.clone(), template.resolve(&written.id, &written.resource)?))
        });
    resolved.collect()
}

/// Replaces the `${names}` in a text, as `Fn::Sub` does.
///
/// # Errors
/// A name without a value.
pub fn substitute(text: &str, parameters: &Parameters) -> Result<String, TemplateError> {
    Scope { values: parameters.clone(), ..Scope::default() }.filled(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters: {Base: {Type: String}, Name: {Type: String, Default: n}}
Mappings: {M: {one: {Seconds: 60, Rate: 1.5}, two-2: {Seconds: 120, Rate: 2}}}
Resources:
  Topic: {Type: 'AWS::SNS::Topic', Properties: {TopicName: t}}
  Fn::ForEach::L:
    - W
    - [one, two-2]
    - 'A&{W}':
        Type: AWS::CloudWatch::Alarm
        Properties:
          AlarmName: !Sub 'a-${W}'
          AlarmActions: [!Ref Topic]
          Period: !FindInMap [M, !Ref W, Seconds]
          Text: !Sub ['${Name} ${Rate} ${Base}', {Rate: !FindInMap [M, !Ref W, Rate]}]
  Both: {Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {AlarmName: b, AlarmRule: !Sub 'ALARM(${Atwo2})'}}
";

    #[test]
    fn a_template_is_read_as_cloudformation_reads_it() {
        let parameters = Parameters::from([("Base".to_owned(), json!("u"))]);
        let resources = resources(TEMPLATE, &parameters).unwrap();
        assert_eq!(resources.keys().collect::<Vec<_>>(), ["Aone", "Atwo2", "Both", "Topic"]);
        let properties = &resources["Atwo2"]["Properties"];
        assert_eq!(
            *properties,
            json!({"AlarmName": "a-two-2", "AlarmActions": ["t"], "Period": 120, "Text": "n 2 u"})
        );
        assert_eq!(resources["Both"]["Properties"]["AlarmRule"], "ALARM(a-two-2)");
    }

    #[test]
    fn an_undefined_name_is_refused_by_name() {
        let error = resources(TEMPLATE, &Parameters::new()).unwrap_err();
        assert_eq!(error, TemplateError::Unknown("Base".to_owned()));
        let other = TEMPLATE.replace("M, !Ref W, Rate", "M, !Ref W, Rates");
        let parameters = Parameters::from([("Base".to_owned(), json!("u"))]);
        assert!(matches!(resources(&other, &parameters), Err(TemplateError::Unknown(_))));
    }

    const CONDITIONAL: &str = "
Parameters: {Tls: {Type: String, Default: ''}, Size: {Type: Number, Default: 2}}
Conditions:
  Secure: !Not [!Equals [!Ref Tls, '']]
  Two: !Equals [!Ref Size, '2']
  Both: !And [!Condition Secure, !Condition Two]
  Either: !Or [!Condition Secure, !Condition Two]
Resources:
  Balancer: {Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: {Name: b}}
  Group: {Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: {Name: !Sub 'g-${Size}'}}
  Only: {Type: 'AWS::SNS::Topic', Condition: Both, Properties: {TopicName: t}}
  Values:
    Type: A::B::C
    Properties:
      List: [!If [Secure, one, !Ref AWS::NoValue], !If [Either, two, three]]
      Gone: !If [Secure, one, !Ref AWS::NoValue]
      Group: !Sub '${Balancer.LoadBalancerFullName} ${Group.TargetGroupFullName}'
      Arn: !Ref Group
      Joined: !Join ['-', [!Ref Size, !Select [1, [a, b]]]]
";

    #[test]
    fn conditions_choose_resources_and_branches() {
        let without = resources(CONDITIONAL, &Parameters::new()).unwrap();
        assert_eq!(without.keys().collect::<Vec<_>>(), ["Balancer", "Group", "Values"]);
        assert_eq!(without["Values"]["Properties"]["List"], json!(["two"]));
        assert!(without["Values"]["Properties"].get("Gone").is_none());
        let parameters = Parameters::from([("Tls".to_owned(), json!("yes"))]);
        let with = resources(CONDITIONAL, &parameters).unwrap();
        assert_eq!(with["Only"]["Properties"]["TopicName"], "t");
        assert_eq!(with["Values"]["Properties"]["List"], json!(["one", "two"]));
        assert_eq!(with["Values"]["Properties"]["Gone"], "one");
    }

    #[test]
    fn references_and_attributes_follow_from_a_resources_properties() {
        let resources = resources(CONDITIONAL, &Parameters::new()).unwrap();
        let values = &resources["Values"]["Properties"];
        assert_eq!(values["Group"], "app/b/0123456789abcdef targetgroup/g-2/0123456789abcdef");
        let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/g-2/0123456789abcdef";
        assert_eq!(values["Arn"], arn);
        assert_eq!(values["Joined"], "2-b");
    }

    #[test]
    fn an_unknown_attribute_is_refused_where_it_is_used() {
        let template = CONDITIONAL.replace("!Ref Group", "!GetAtt Group.Colour");
        let template = Template::read(&template, &Parameters::new()).unwrap();
        let values = template.resources().find(|resource| resource.id == "Values").unwrap();
        let error = template.resolve("Values", &values.properties["Arn"]).unwrap_err();
        assert!(error.to_string().contains("`Colour` of Group"), "{error}");
        assert_eq!(template.resolve("Values", &values.properties["List"]).unwrap(), json!(["two"]));
    }
}
