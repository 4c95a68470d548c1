//! Tests each alarm under each assumption about CloudWatch: it fires within its promise, is quiet while all is well,
//! and ends.
//!
//! `docs/PROMISES.md` is the table of the results. `UPDATE_SNAPSHOTS=1` rewrites it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::{env, fs, thread};

use picus_cloudwatch::alarm::State;
use picus_cloudwatch::data::Minute;
use picus_cloudwatch::definition::{Alarm, Kind, Source};
use picus_cloudwatch::expression::Expression;
use picus_cloudwatch::math::Fill;
use picus_cloudwatch::metric::Metric;
use picus_cloudwatch::publication::{Publication, Reading};
use picus_cloudwatch::watch::Watch;

use crate::given::{alarms, alarms_of, root, template};
use crate::synthetic::{fault, minute, quiet};

const TABLE: &str = "docs/PROMISES.md";

/// The most data points more than needed that an alarm may look at.
const MORE_POINTS: usize = 10;
/// How many orders of arrival are tried where delays or losses differ from minute to minute.
const SEEDS: usize = 8;
/// At little traffic, requests come in one minute of this many.
const SELDOM: usize = 7;
/// Calm minutes before the fault: longer than the longest warm-up, and than two periods of the longest short window.
const CALM: usize = 40;
/// The longest time until an alarm ends. The short windows of tickets have 6 hours.
const END: usize = 6 * 60 + 30;

/// An assumption about CloudWatch, and its column in the table.
struct Assumption {
    heading: &'static str,
    publications: Vec<Publication>,
    fill: Fill,
    /// Whether AWS documents it, or calls it usual. Then every promise must hold.
    is_usual: bool,
}

fn assumptions() -> Vec<Assumption> {
    let late = |lag| Publication { lag, ..Publication::default() };
    let upto_3 = || (0..=3).map(late).collect::<Vec<_>>();
    let usual = |heading, publication: Publication| {
        let is_even = publication.jitter == 0 && publication.lost_one_in.is_none();
        let seeds = 0..if is_even { 1 } else { SEEDS };
        Assumption {
            heading,
            publications: seeds.map(|seed| Publication { seed, ..publication }).collect(),
            fill: Fill::Each,
            is_usual: true,
        }
    };
    vec![
        usual("0 min late", late(0)),
        usual("1 min", late(1)),
        usual("2 min", late(2)),
        usual("3 min", late(3)),
        Assumption { is_usual: false, ..usual("4 min", late(4)) },
        usual("1 to 3 min", Publication { jitter: 2, ..late(1) }),
        Assumption {
            is_usual: false,
            ..usual("each by itself", Publication { jitter: 2, each_by_itself: true, ..late(1) })
        },
        Assumption {
            is_usual: false,
            ..usual("a tenth lost", Publication { lost_one_in: Some(10), ..late(1) })
        },
        Assumption {
            heading: "`FILL` spares an empty series",
            publications: upto_3(),
            fill: Fill::NoneOfAnEmptySeries,
            is_usual: false,
        },
        Assumption {
            heading: "`FILL` spares what is late",
            publications: upto_3(),
            fill: Fill::NoneThatIsLate,
            is_usual: false,
        },
    ]
}

/// The worst result of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worst {
    FiresAfter(usize),
    Late(usize),
    FiresAgain,
    NeverEnds,
    NeverFires,
    FiresWithoutReason,
}

impl Worst {
    fn holds(self) -> bool {
        matches!(self, Self::FiresAfter(_))
    }

    fn cell(self) -> String {
        match self {
            Self::FiresAfter(minutes) => minutes.to_string(),
            Self::Late(minutes) => format!("**{minutes}**"),
            Self::FiresAgain => "**fires twice**".to_owned(),
            Self::NeverEnds => "**does not end**".to_owned(),
            Self::NeverFires => "**silent**".to_owned(),
            Self::FiresWithoutReason => "**false alarm**".to_owned(),
        }
    }
}

/// An alarm with all alarms of its rule, and their data.
struct Case {
    name: String,
    promised: usize,
    alarms: Vec<Alarm>,
    well: Minute,
    quiet: Minute,
    ill: Minute,
    uses_fill: bool,
}

impl Case {
    fn of(name: &str, all: &[Alarm]) -> Self {
        let mut names = BTreeSet::from([name]);
        loop {
            let parts = all.iter().filter(|alarm| names.contains(alarm.name.as_str()));
            let parts = parts.flat_map(|alarm| match &alarm.kind {
                Kind::Composite(rule) => rule.alarms(),
                Kind::Metric(_) => Vec::new(),
            });
            let more: BTreeSet<_> = parts.chain(names.iter().copied()).collect();
            if more.len() == names.len() {
                break;
            }
            names = more;
        }
        let alarms: Vec<_> =
            all.iter().filter(|alarm| names.contains(alarm.name.as_str())).cloned().collect();
        let watched: BTreeSet<&Metric> = alarms.iter().flat_map(Alarm::metrics).collect();
        let only = |minute: Minute| {
            Minute(minute.0.into_iter().filter(|(metric, _)| watched.contains(metric)).collect())
        };
        let uses_fill = alarms.iter().any(|alarm| match &alarm.kind {
            Kind::Metric(metric) => metric.queries.iter().any(|query| match &query.source {
                Source::Expression(expression) => has_fill(expression),
                Source::Metric(..) => false,
            }),
            Kind::Composite(_) => false,
        });
        let [well, quiet, ill] = [minute(&[]), quiet(&[]), fault(name)].map(only);
        let promised = all.iter().find(|alarm| alarm.name == name).and_then(|it| it.fires_within);
        let promised = promised.unwrap_or_else(|| {
            panic!("dashboards/alarms.yaml: {name} has no FiresWithinMinutes in its Metadata")
        });
        Self { name: name.to_owned(), promised, alarms, well, quiet, ill, uses_fill }
    }

    fn worst(&self, assumption: &Assumption) -> Worst {
        let runs = assumption.publications.iter().flat_map(|publication| {
            (0..=MORE_POINTS).map(|more_points| {
                self.run(*publication, Reading { more_points, fill: assumption.fill })
            })
        });
        runs.max().unwrap_or(Worst::NeverFires)
    }

    fn run(&self, publication: Publication, reading: Reading) -> Worst {
        let mut watch = Watch::under(self.alarms.clone(), publication, reading);
        let mut until = |minute: &Minute, state: State, at_most: usize| {
            (1..=at_most).find(|_| {
                watch.minute(minute).unwrap();
                watch.state(&self.name) == Some(state)
            })
        };
        for minute in 0..CALM {
            let now = if minute % SELDOM == 0 { &self.well } else { &self.quiet };
            if until(now, State::Alarm, 1).is_some() {
                return Worst::FiresWithoutReason;
            }
        }
        if until(&self.well, State::Alarm, CALM).is_some() {
            return Worst::FiresWithoutReason;
        }
        let Some(after) = until(&self.ill, State::Alarm, self.promised.min(60) + 10) else {
            return Worst::NeverFires;
        };
        if until(&self.well, State::Ok, END).is_none() {
            return Worst::NeverEnds;
        }
        // Data that is still late at the end must not raise the alarm again.
        if until(&self.well, State::Alarm, 15).is_some() {
            return Worst::FiresAgain;
        }
        if after > self.promised { Worst::Late(after) } else { Worst::FiresAfter(after) }
    }
}

fn has_fill(expression: &Expression) -> bool {
    match expression {
        Expression::Call(name, parts) => name == "FILL" || parts.iter().any(has_fill),
        Expression::Array(parts) => parts.iter().any(has_fill),
        Expression::Binary(_, left, right) => has_fill(left) || has_fill(right),
        Expression::Number(_) | Expression::Text(_) | Expression::Id(_) => false,
    }
}

type Row = (String, Vec<Option<Worst>>);

/// The rows of the table. Assumptions about `FILL` do not concern alarms without it.
fn rows(all: &[Alarm]) -> Vec<Row> {
    let assumptions = assumptions();
    let names: Vec<_> = all.iter().filter(|alarm| alarm.fires_within.is_some()).collect();
    let row = |alarm: &Alarm| {
        let case = Case::of(&alarm.name, all);
        let cell = |assumption: &Assumption| {
            let concerns = case.uses_fill || assumption.fill == Fill::Each;
            concerns.then(|| case.worst(assumption))
        };
        (alarm.name.clone(), assumptions.iter().map(cell).collect())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = names.iter().map(|alarm| scope.spawn(move || row(alarm))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn table(rows: &[Row], all: &[Alarm]) -> String {
    let mut text = "\
# What each alarm promises, under what assumption

A test makes this table: `UPDATE_SNAPSHOTS=1 cargo test --workspace --test monitoring -- promises`. It plays the fault of each
alarm to the alarms of `dashboards/alarms.yaml`, with calm before and after it. In some of the calm, requests come in only one
minute of seven. CloudWatch's guide leaves some things open, so it tries the whole range of them.

A cell has the most minutes until the alarm fires, for each evaluation range of N to N + 10 data points, and for eight orders of
arrival if delays differ. It is bold if the promise does not hold. A dash says that the assumption does not concern the alarm.

- **N min late**: all metrics are visible N minutes after their minute. AWS calls 1 to 3 minutes usual.
- **1 to 3 min**: the delay changes from minute to minute, so minutes come in any order. What one publisher reports of one
  thing, with the same dimensions, comes together.
- **each by itself**: the same, but each metric comes alone.
- **a tenth lost**: of each publisher one minute in ten never comes.
- **`FILL` spares an empty series**: `FILL` adds nothing to a metric without any data point. The guide does not say.
- **`FILL` spares what is late**: `FILL` adds nothing past the newest data point. The guide says that it does add there.

"
    .to_owned();
    let headings: Vec<_> = assumptions().iter().map(|it| it.heading).collect();
    writeln!(text, "| alarm | promise | {} |", headings.join(" | ")).unwrap();
    writeln!(text, "|---|---|{}", "---|".repeat(headings.len())).unwrap();
    let found = |name: &str| all.iter().find(|alarm| alarm.name == name);
    for (name, cells) in rows {
        let cells: Vec<_> =
            cells.iter().map(|cell| cell.map_or("–".to_owned(), Worst::cell)).collect();
        let promised = found(name).and_then(|alarm| alarm.fires_within).unwrap_or_default();
        writeln!(text, "| `{name}` | {promised} | {} |", cells.join(" | ")).unwrap();
    }
    text.push_str("\n## Promises that need an assumption\n\n");
    for (name, _) in rows {
        if let Some(assumes) = found(name).and_then(|alarm| alarm.assumes.as_ref()) {
            writeln!(text, "- `{name}`: {}", assumes.trim()).unwrap();
        }
    }
    text
}

/// Usual behaviour breaks no promise, and the table says which behaviour would.
#[test]
fn promises_hold_under_each_assumption_or_name_it() {
    let all = alarms();
    let rows = rows(&all);
    let text = table(&rows, &all);
    let path = root().join(TABLE);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let assumptions = assumptions();
    let mut faults = Vec::new();
    for (name, cells) in &rows {
        let broken: Vec<_> = assumptions
            .iter()
            .zip(cells)
            .filter(|(_, cell)| cell.is_some_and(|cell| !cell.holds()))
            .collect();
        for (assumption, cell) in broken.iter().filter(|(assumption, cell)| {
            // Firing twice is a nuisance, but breaks no promise.
            assumption.is_usual && *cell != &Some(Worst::FiresAgain)
        }) {
            faults.push(format!("{name}, {}: {cell:?}", assumption.heading));
        }
        let assumes = all.iter().any(|alarm| alarm.name == *name && alarm.assumes.is_some());
        if assumes == broken.is_empty() {
            faults.push(format!("{name}: its Metadata says that it assumes something: {assumes}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{TABLE} does not match the alarms. Rewrite it with UPDATE_SNAPSHOTS=1, and review it. It should be:\n{text}"
    );
}

/// These are the alarms before tests had late data.
#[test]
fn an_alarm_that_fails_with_late_data_is_found() {
    let spares_empty = Reading { more_points: 0, fill: Fill::NoneOfAnEmptySeries };
    let usual = Reading { more_points: 0, ..Reading::default() };
    for (name, right, wrong, reading, expected) in [
        (
            "picus-no-healthy-target",
            "      EvaluationPeriods: 5\n      TreatMissingData: breaching\n      # The values",
            "      EvaluationPeriods: 3\n      TreatMissingData: breaching\n      # The values",
            usual,
            Worst::FiresWithoutReason,
        ),
        (
            "picus-dynamodb-throttling",
            "could silence the alarm.\n      EvaluationPeriods: 8\n",
            "could silence the alarm.\n      EvaluationPeriods: 5\n",
            usual,
            Worst::NeverFires,
        ),
        (
            "picus-delete-handler-telemetry-lost",
            " + 0 * FILL(invocations, 0)",
            "",
            spares_empty,
            Worst::NeverFires,
        ),
    ] {
        let mutant = template().replacen(right, wrong, 1);
        assert_ne!(mutant, template(), "{name}");
        let case = Case::of(name, &alarms_of(&mutant));
        let late = Publication { lag: 3, ..Publication::default() };
        assert_eq!(case.run(late, reading), expected, "{name}");
    }
}
