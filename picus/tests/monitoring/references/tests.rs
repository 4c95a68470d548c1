//! Compares the metrics that alarms and dashboards refer to with those that are published.

use super::*;

/// All references of alarms and dashboards, each with its alarm or panel.
fn references() -> Vec<(String, Search)> {
    let mut all = Vec::new();
    for alarm in alarms() {
        all.extend(alarm.metrics().map(|metric| (alarm.name.clone(), Search::of(metric))));
    }
    for panel in DASHBOARDS.into_iter().flat_map(panels) {
        all.extend(panel.references().map(|search| (panel.title.clone(), search)));
    }
    all
}

#[test]
fn each_metric_that_an_alarm_watches_is_published() {
    let faults = faults(&alarms());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_metric_that_a_dashboard_shows_is_published() {
    for name in DASHBOARDS {
        let panels = panels(name);
        assert!(panels.len() > 5, "{name}");
        let faults: Vec<_> = panels.iter().flat_map(faults_of_panel).collect();
        assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
    }
}

/// If no alarm counts a measured route, its requests use up the error budget unseen.
#[test]
fn the_latency_slo_counts_all_routes_and_is_shown_for_each() {
    let lacks = |whose: &str, file: &str, found: &BTreeSet<Metric>, wanted: Vec<Metric>| {
        let lacking = wanted.iter().filter(|metric| !found.contains(metric));
        let lacking: Vec<_> = lacking.map(ToString::to_string).collect();
        assert!(lacking.is_empty(), "{file}: {whose} lacks\n{}", lacking.join("\n"));
    };
    let mut windows = 0;
    for alarm in alarms().iter().filter(|alarm| alarm.name.starts_with("picus-latency-")) {
        let found: BTreeSet<_> = alarm.metrics().cloned().collect();
        // Composite alarms refer to alarms, not metrics.
        if !found.is_empty() {
            lacks(&alarm.name, "dashboards/alarms.yaml", &found, counters_of_the_slo());
            windows += 1;
        }
    }
    assert_eq!(windows, 8);
    let panels = panels("overview");
    for (title, wanted) in [
        ("Latency budget left", counters_of_the_slo()),
        ("Began within the latency SLO", counters_by_route()),
    ] {
        let panel = panels.iter().find(|panel| panel.title.starts_with(title)).unwrap();
        let found = panel.metrics.iter().map(|(metric, _)| metric.clone()).collect();
        lacks(title, "dashboards/overview.json", &found, wanted);
    }
}

/// A route that fails for all its users may be too small a share of the whole to page.
#[test]
fn each_route_has_its_own_burn_rate_in_a_page_and_a_ticket() {
    let alarms = alarms();
    for window in ["10m", "6h"] {
        let watched: BTreeSet<_> = alarms
            .iter()
            .filter(|alarm| alarm.name.starts_with("picus-route-") && alarm.name.ends_with(window))
            .flat_map(Alarm::metrics)
            .collect();
        for counter in [&catalogue::REQUESTS_FAILED, &catalogue::REQUESTS_MEASURED] {
            for route in route::SLO_OF_SERVICE {
                let of_route = [("service_name", SERVICE), ("http_route", route)];
                let metric = Metric::new(OWN, counter.name, &of_route);
                assert!(
                    watched.contains(&metric),
                    "no picus-route-…-{window} watches {metric}: add the route to Routes in dashboards/alarms.yaml, to both loops, and to the rules of the alarms that combine routes"
                );
            }
        }
    }
}

/// CloudWatch's limit for an alarm must not prevent another route.
#[test]
fn the_latency_alarms_do_not_depend_on_the_number_of_routes() {
    for metric in
        counters_of_the_slo().iter().filter(|metric| metric.dimensions["service_name"] == SERVICE)
    {
        assert!(!metric.dimensions.contains_key("http_route"), "{metric}");
        let declared = of_the_service(&metric.name);
        let set: Dimensions = metric.dimensions.keys().cloned().collect();
        assert!(
            declared.contains(&set),
            "otel-collector.yaml: declare {metric} in metric_declarations"
        );
    }
}

#[test]
fn every_entry_of_whole_is_needed() {
    let references = references();
    for entry in &WHOLE {
        let is_used = |(whose, search): &(String, Search)| is_meant(whose, &search.name)(&entry);
        assert!(
            references.iter().any(is_used),
            "remove this from WHOLE, because no alarm or panel needs it: {entry:?}"
        );
    }
}

/// The distribution of each duration with `percentiles by` in the catalogue is published by these labels, and no
/// other.
#[test]
fn percentiles_are_published_as_the_catalogue_says() {
    let all = ["50", "99", "99.9"].map(str::to_owned);
    let mut shown = BTreeSet::new();
    for panel in DASHBOARDS.into_iter().flat_map(panels) {
        let mut percentiles = BTreeMap::<_, BTreeSet<_>>::new();
        for (search, statistic) in panel.searches {
            if let Statistic::Percentile(percent) = statistic
                && search.namespace == OWN
            {
                let told = percentiles.entry((search.name, search.dimensions)).or_default();
                told.insert(percent.to_string());
            }
        }
        for (metric, told) in percentiles {
            assert_eq!(told, BTreeSet::from(all.clone()), "{}: {metric:?}", panel.title);
            shown.insert(metric);
        }
    }
    for metric in catalogue::ALL {
        let by = (!metric.percentiles_by.is_empty()).then(|| -> Dimensions {
            let labels = metric.percentiles_by.iter().chain(&["service_name"]);
            labels.map(ToString::to_string).collect()
        });
        let published = selected(&DISTRIBUTIONS, metric.name);
        assert_eq!(published, by.iter().cloned().collect(), "{}", metric.name);
        let scraped = selected(&SCRAPED, metric.name);
        assert!(by.iter().all(|by| !scraped.contains(by)), "{} would count twice", metric.name);
        if let Some(by) = by {
            let wanted = (metric.name.to_owned(), by);
            assert!(shown.contains(&wanted), "no panel shows {wanted:?}");
        }
    }
}

/// Each metric is shown or watched somewhere, in each of its dimension sets, so that nobody pays for unused ones.
#[test]
fn each_metric_that_is_emitted_is_used() {
    let references = references();
    let mut emitted = BTreeSet::new();
    for name in catalogue::ALL.iter().map(|metric| metric.name) {
        for program in [SERVICE, HANDLER] {
            let sets = dimension_sets(OWN, name, Some(program));
            emitted.extend(sets.into_iter().map(|set| (program, name, set)));
        }
    }
    let is_used = |(program, name, set): &(&str, &str, Dimensions)| {
        references.iter().any(|(_, search)| {
            let of = search.values.get("service_name");
            search.name == *name && search.dimensions == *set && of.is_none_or(|of| of == program)
        })
    };
    let unused: Vec<_> = emitted.iter().filter(|emitted| !is_used(emitted)).collect();
    assert!(emitted.len() > 40, "{}", emitted.len());
    assert!(
        unused.is_empty(),
        "emitted, but no alarm or panel uses them; add them to a panel in dashboards/: {unused:#?}"
    );
}

/// The collector and the handler's table declare a metric only with labels that it has.
#[test]
fn every_declared_dimension_is_a_label() {
    for metric in catalogue::ALL {
        let labels: Dimensions =
            metric.labels.iter().chain(&["service_name"]).map(ToString::to_string).collect();
        for set in dimension_sets(OWN, metric.name, None) {
            assert!(
                set.is_subset(&labels),
                "{} is declared with labels that it does not have: {set:?}",
                metric.name
            );
        }
    }
    let known = |name: &str| catalogue::ALL.iter().any(|metric| metric.name == name);
    assert!(OF_THE_HANDLER.iter().all(|(name, _)| known(name)));
}
