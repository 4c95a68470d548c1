//! Compares the catalogue's metrics with the conventions, and the scraped metrics with the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use picus_catalogue::{self as catalogue, Kind, Metric, registry};
use picus_cloudwatch::emf;
use picus_drills::samples;

use super::Findings;
use super::emitted::Emitted;
use super::model::Model;

/// The differences between the catalogue and the conventions.
pub(super) fn findings(model: &Model) -> Findings {
    catalogue::ALL.iter().flat_map(|metric| of(metric, model)).collect()
}

fn of(metric: &Metric, model: &Model) -> Vec<String> {
    let name = metric.otel_name;
    let Some(known) = model.metric(name) else {
        // The conventions do not cover Picus' own namespace.
        let is_own = name.starts_with("picus.");
        return if is_own { vec![] } else { vec![format!("metric {name}: missing_metric")] };
    };
    let mut found = Vec::new();
    let instrument = match metric.kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter => "updowncounter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    };
    if known["instrument"] != instrument {
        found.push(format!("metric {name}: unexpected_instrument, {instrument}"));
    }
    if known["unit"] != metric.otel_unit {
        found.push(format!("metric {name}: unit_mismatch, {}", metric.otel_unit));
    }
    if let Kind::Histogram(bounds) = metric.kind {
        let advised: Vec<f64> = serde_json::from_value(known["buckets"].clone()).unwrap();
        let is_in =
            |list: &[f64], bound: &f64| list.iter().any(|other| (other - bound).abs() < 1e-9);
        let more = bounds.iter().filter(|bound| !is_in(&advised, bound));
        found.extend(more.map(|bound| format!("metric {name}: a bucket more, {bound}")));
        let less = advised.iter().filter(|bound| !is_in(bounds, bound));
        found.extend(less.map(|bound| format!("metric {name}: a bucket less, {bound}")));
    }
    let attributes: BTreeSet<_> =
        metric.labels.iter().map(|label| registry::attribute(label)).collect();
    let levels = model.levels("metrics", name);
    for (attribute, level) in levels.iter().filter(|(_, level)| *level != "opt_in") {
        if !attributes.contains(attribute) {
            found.push(format!("metric {name}: {level}_attribute_not_present, {attribute}"));
        }
    }
    for attribute in attributes {
        if !levels.contains_key(&attribute) {
            found.push(format!("metric {name}: unexpected attribute, {attribute}"));
        }
        // Labels are always text, so only the name is checked.
        found.extend(model.fault_of_name(&attribute));
    }
    found
}

/// Checks that every emitted metric has the name, kind, labels and buckets of the catalogue, and that every
/// label was emitted.
pub(super) fn assert_as_declared(emitted: &Emitted) {
    let mut unseen: BTreeMap<&str, BTreeSet<&str>> = catalogue::ALL
        .iter()
        .map(|metric| (metric.name, metric.labels.iter().copied().collect()))
        .collect();
    let mut see = |name: &str, labels: &mut dyn Iterator<Item = &String>| {
        let metric = catalogue::ALL.iter().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        for label in labels {
            assert!(metric.labels.contains(&label.as_str()), "{name} has {label}");
            unseen.get_mut(name).unwrap().remove(label.as_str());
        }
    };
    for sample in samples(&emitted.scrape) {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            let name = sample.name.strip_suffix(end)?;
            catalogue::ALL
                .iter()
                .find(|known| known.name == name && matches!(known.kind, Kind::Histogram(_)))
        });
        if let (Some(Metric { name, kind: Kind::Histogram(bounds), .. }), Some(bound)) =
            (histogram, sample.labels.get("le"))
        {
            let known = |bound: &str| bounds.iter().any(|known| known.to_string() == *bound);
            assert!(bound == "+Inf" || known(bound), "{name} has a bucket {bound}");
        }
        let name = histogram.map_or(sample.name.as_str(), |metric| metric.name);
        see(name, &mut sample.labels.keys().filter(|label| *label != "le"));
    }
    for (program, line) in &emitted.lines {
        for (metric, _) in emf::metrics(line) {
            assert_eq!(metric.namespace, "Picus", "{program}");
            see(&metric.name, &mut metric.dimensions.keys().filter(|name| *name != "service_name"));
        }
    }
    unseen.retain(|_, labels| !labels.is_empty());
    assert!(unseen.is_empty(), "never seen: {unseen:?}");
    for metric in catalogue::ALL.iter().filter(|metric| **metric != catalogue::FAAS_COLDSTARTS) {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::UpDownCounter | Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let line = format!("# TYPE {} {kind}", metric.name);
        assert!(emitted.scrape.lines().any(|found| found == line), "no {line}");
    }
}
