//! Compares everything that both programs emit with OpenTelemetry's semantic conventions. Each difference must
//! be in `catalogue/conventions/deviations.yaml`, with its reason, and that file must contain nothing else.
//!
//! The findings have the names of Weaver's live check, if it has one for them.

mod emitted;
mod metrics;
mod model;
mod signals;

use std::collections::BTreeSet;
use std::fs;

use picus_catalogue::conventions::VERSION;
use picus_catalogue::registry;
use picus_cloudwatch::template;

use emitted::emitted;
use model::{Model, repository};

/// The differences from the conventions, one sentence each.
type Findings = BTreeSet<String>;

#[tokio::test]
async fn every_emitted_name_follows_the_conventions_or_is_a_listed_deviation() {
    let model = Model::read();
    assert_eq!(model.version, VERSION);
    let emitted = Box::pin(emitted()).await;
    metrics::assert_as_declared(&emitted);
    signals::assert_as_declared(&emitted.spans);
    let mut found = metrics::findings(&model);
    found.extend(signals::of_spans(&model, &emitted.spans));
    found.extend(signals::of_resources(&model, &emitted.spans));
    found.extend(signals::of_lines(&model, &emitted.lines));
    let listed = listed();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in deviations.yaml:\n{unlisted:#?}");
    let needless: Vec<_> = listed.difference(&found).collect();
    assert!(needless.is_empty(), "nothing needs these of deviations.yaml:\n{needless:#?}");
}

/// The registry for Weaver is valid YAML, and refers only to attributes that it or OpenTelemetry defines.
#[test]
fn the_registry_refers_only_to_defined_attributes() {
    let model = Model::read();
    let files = registry::files().map(|(name, text)| (name, template::read(&text).unwrap()));
    let groups =
        || files.iter().flat_map(|(_, file)| file["groups"].as_array().into_iter().flatten());
    let attributes =
        || groups().flat_map(|group| group["attributes"].as_array().into_iter().flatten());
    let own: Vec<_> = attributes().filter_map(|attribute| attribute["id"].as_str()).collect();
    let mut refs = attributes().filter_map(|attribute| attribute["ref"].as_str());
    let unknown = refs.find(|name| {
        !own.contains(name)
            && model.fault_of_name(name).is_some_and(|fault| fault.ends_with("missing_attribute"))
    });
    assert_eq!(unknown, None);
    let ids: BTreeSet<_> = groups().map(|group| group["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), groups().count(), "each group once");
    assert!(ids.len() > 10, "{ids:?}");
}

fn listed() -> Findings {
    let file = repository().join("catalogue/conventions/deviations.yaml");
    let list = template::read(&fs::read_to_string(file).unwrap()).unwrap();
    let mut all = Findings::new();
    for deviation in list["deviations"].as_array().unwrap() {
        assert!(deviation["reason"].as_str().unwrap().len() > 20, "{deviation}");
        for finding in deviation["findings"].as_array().unwrap() {
            let finding = finding.as_str().unwrap().to_owned();
            assert!(all.insert(finding.clone()), "{finding}: twice");
        }
    }
    all
}
