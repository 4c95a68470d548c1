//! The list of drills.

use std::time::Duration;

use crate::clients::Sli;
use crate::traffic::{
    BUSY, FEW_DELETES, FEW_LISTS, FLOOD, FLOOD_OF_DELETES, IMPATIENT, LOW, NONE, NORMAL,
    SOME_DELETES, Traffic, WHOLE_LISTS,
};
use picus_local::dynamodb::DynamoDbFault;
use picus_local::lambda::FunctionFault;

/// A fault, and the alarms that it must cause.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Drill {
    pub name: &'static str,
    /// The fault.
    pub fault: Fault,
    /// The cause to which the runbooks of its alarms must lead, in their words.
    pub cause: &'static str,
    /// The clients' requests during the drill.
    pub traffic: Traffic,
    /// Settings of both programs, chosen so that a small fault is enough.
    pub settings: &'static [(&'static str, &'static str)],
    /// How many minutes of the fault are recorded.
    pub recorded: usize,
    /// How many calm minutes come before it.
    pub calm: usize,
    /// How many minutes it lasts.
    pub lasts: usize,
    /// The alarms that must fire.
    pub alarms: &'static [&'static str],
    /// Other alarms that must fire, each with the reason why that is right.
    pub others: &'static [(&'static str, &'static str)],
    /// Alarms that may fire, each with the reason why it depends on chance.
    pub perhaps: &'static [(&'static str, &'static str)],
    /// SLIs that may differ from what the clients saw, each with the reason.
    pub differs: &'static [(Sli, &'static str)],
    /// The alarm that rolls a bad deployment back.
    pub rolled_back_by: Option<&'static str>,
}

impl Drill {
    /// The time within which a response must begin.
    pub(crate) fn limit(&self) -> Duration {
        let mut settings = self.settings.iter().chain(&SETTINGS);
        let limit = settings.find(|(name, _)| *name == LIMIT);
        let seconds = limit.and_then(|(_, seconds)| seconds.parse().ok());
        Duration::from_secs_f64(seconds.unwrap_or(f64::MAX).min(60.0))
    }
}

/// The fault of a drill.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Fault {
    None,
    DynamoDb(DynamoDbFault),
    /// In the delete handler's processes.
    Handler(FunctionFault),
    /// The delete handler's log lines do not arrive.
    HandlerUnheard,
    /// All tasks are gone.
    TasksGone,
    /// One task is gone and not replaced.
    TaskGone,
    /// A deployment replaces all tasks by some with these settings.
    BadDeployment(&'static [(&'static str, &'static str)]),
    /// A deployment replaces all tasks by some whose calls to DynamoDB take this long.
    SlowDeployment(Duration),
    /// The tasks' memory limit is hardly above their use. Nothing enforces it; only the reported share changes.
    MemoryShort,
    /// The tasks get too little CPU.
    CpuShort,
    /// This many tasks have no collector.
    CollectorsGone(usize),
}

/// The delete handler's time-out in a drill, in seconds. Some drills hang until it passes.
pub const FUNCTION_TIMEOUT: u64 = 5;

const DAY: usize = 24 * 60;

/// Slower than a drill's latency SLO, which is slower than a quick call on a busy machine.
const SLOW: Duration = Duration::from_millis(2500);
/// The setting of the latency SLO.
const LIMIT: &str = "PICUS_LATENCY_OBJECTIVE_SECONDS";
/// See [`SLOW`]: attempts must not be given up earlier. A minute's requests come all at once here; reads that come
/// through the whole minute, as those of clients do, would not be gathered.
pub(crate) const SETTINGS: [(&str, &str); 4] = [
    ("PICUS_GATHERED_READS", "false"),
    ("PICUS_WORKERS", "1"),
    (LIMIT, "2"),
    ("PICUS_DYNAMODB_ATTEMPT_TIMEOUT_SECONDS", "4"),
];

const CALM: Drill = Drill {
    name: "calm",
    fault: Fault::None,
    cause: "",
    traffic: NORMAL,
    settings: &[],
    recorded: 8,
    calm: 90,
    lasts: 40,
    alarms: &[],
    others: &[],
    perhaps: &[],
    differs: &[],
    rolled_back_by: None,
};

const OUT: (&str, &str) = ("picus-outage", "most requests fail");
const PERHAPS_OUT: (&str, &str) =
    ("picus-outage", "how large a share of the requests fails is up to the moment");
const PAGES: (&str, &str) = ("picus-page", "pages once for whatever hurts users");
const ROUTES: (&str, &str) = ("picus-route-page", "a route is as good as down, or all are");
const BURNS: (&str, &str) = ("picus-availability-page", "users get errors");
const SPENDS: (&str, &str) =
    ("picus-availability-ticket", "the budget burns, whichever window is looked at");

const UNHEARD: (&str, &str) = (
    "picus-delete-handler-telemetry-lost",
    "one that dies over its invocation tells nothing of it",
);

const DAWDLES: (&str, &str) =
    ("picus-latency-ticket", "the budget burns, whichever window is looked at");

const WAITS: &str = "how many answers come late, or too late, is up to the moment";

/// The load balancer counts a request whose target fails as a request, and once more as its own 502 or 504.
const TWICE: (Sli, &str) =
    (Sli::Availability, "the load balancer's own 502 and 504 count twice among all requests");

/// A request that waits for its task to run is not measured yet.
const CLOCKLESS: (Sli, &str) =
    (Sli::Latency, "a task that does not run does not start its clock, while its clients wait");

/// All drills.
pub const DRILLS: &[Drill] = &[
    CALM,
    Drill { name: "low-traffic", traffic: LOW, ..CALM },
    Drill { name: "traffic-gone", traffic: NONE, ..CALM },
    Drill {
        name: "dynamodb-unreachable",
        fault: Fault::DynamoDb(DynamoDbFault::Unreachable),
        cause: "DynamoDB can't be reached",
        alarms: &["picus-outage", "picus-page", "picus-availability-page"],
        others: &[ROUTES, SPENDS],
        ..CALM
    },
    Drill {
        name: "dynamodb-fails",
        fault: Fault::DynamoDb(DynamoDbFault::Fails(1)),
        settings: &[("PICUS_DYNAMODB_MAX_ATTEMPTS", "1")],
        cause: "DynamoDB itself",
        alarms: &["picus-page", "picus-availability-page"],
        others: &[ROUTES, SPENDS, OUT],
        ..CALM
    },
    Drill {
        name: "dynamodb-slow",
        fault: Fault::DynamoDb(DynamoDbFault::Slow(1, SLOW)),
        cause: "DynamoDB, or the network to it",
        alarms: &["picus-page", "picus-latency-page"],
        others: &[ROUTES, DAWDLES],
        ..CALM
    },
    Drill {
        name: "dynamodb-throttles",
        fault: Fault::DynamoDb(DynamoDbFault::Throttles(2)),
        // The SDK waits a random time before it retries.
        settings: &[("PICUS_DYNAMODB_MAX_ATTEMPTS", "1")],
        cause: "load rose faster than the table can grow",
        alarms: &["picus-dynamodb-throttling"],
        others: &[ROUTES, PAGES, BURNS, SPENDS],
        perhaps: &[PERHAPS_OUT],
        ..CALM
    },
    Drill {
        name: "one-call-in-250-fails",
        fault: Fault::DynamoDb(DynamoDbFault::Denies(250)),
        traffic: BUSY,
        recorded: 10,
        calm: 3 * DAY,
        lasts: 2 * DAY,
        cause: "the role of the task or function lacks an action, or the table's name is wrong",
        alarms: &["picus-availability-ticket"],
        ..CALM
    },
    Drill {
        name: "one-call-in-40-is-slow",
        fault: Fault::DynamoDb(DynamoDbFault::Slow(40, SLOW)),
        traffic: BUSY,
        recorded: 8,
        calm: 3 * DAY,
        lasts: 2 * DAY,
        cause: "DynamoDB is slow at times",
        alarms: &["picus-latency-ticket"],
        ..CALM
    },
    Drill {
        name: "impatient-clients",
        fault: Fault::DynamoDb(DynamoDbFault::SlowOperation(
            "GetItem",
            Duration::from_millis(3500),
        )),
        traffic: IMPATIENT,
        recorded: 4,
        cause: "DynamoDB is slow for this route's action",
        alarms: &["picus-route-page", "picus-page"],
        others: &[DAWDLES, ("picus-latency-page", "half of all clients wait in vain")],
        ..CALM
    },
    Drill {
        name: "long-lists-trickle",
        fault: Fault::DynamoDb(DynamoDbFault::SlowPages(SLOW)),
        traffic: WHOLE_LISTS,
        recorded: 4,
        ..CALM
    },
    Drill {
        name: "lists-denied",
        fault: Fault::DynamoDb(DynamoDbFault::DeniesOperation("Scan")),
        traffic: FEW_LISTS,
        cause: "the role lacks this route's action",
        alarms: &["picus-route-page", "picus-page"],
        others: &[SPENDS],
        ..CALM
    },
    Drill {
        name: "deletes-denied",
        fault: Fault::DynamoDb(DynamoDbFault::DeniesOperation("DeleteItem")),
        traffic: FEW_DELETES,
        cause: "the role lacks this route's action",
        alarms: &["picus-route-page", "picus-page"],
        others: &[SPENDS],
        ..CALM
    },
    Drill {
        name: "deletes-slow",
        fault: Fault::DynamoDb(DynamoDbFault::SlowOperation("DeleteItem", SLOW)),
        traffic: SOME_DELETES,
        recorded: 4,
        cause: "DynamoDB is slow for this route's action",
        alarms: &["picus-route-page", "picus-page"],
        others: &[DAWDLES],
        ..CALM
    },
    Drill {
        name: "tasks-gone",
        fault: Fault::TasksGone,
        cause: "the image, ECR, or the network to ECR",
        alarms: &["picus-outage", "picus-no-healthy-target"],
        others: &[PAGES, BURNS, SPENDS, ("picus-tasks-below-desired", "none of them is there")],
        ..CALM
    },
    Drill {
        name: "task-gone",
        fault: Fault::TaskGone,
        cause: "the zones have no capacity",
        alarms: &["picus-tasks-below-desired"],
        ..CALM
    },
    Drill {
        name: "bad-deployment",
        fault: Fault::BadDeployment(&[("DYNAMODB_TABLE_NAME", "picus_date")]),
        cause: "the role of the task or function lacks an action, or the table's name is wrong",
        alarms: &["picus-page", "picus-availability-page"],
        others: &[ROUTES, SPENDS, OUT],
        rolled_back_by: Some("picus-availability-page-5m"),
        ..CALM
    },
    Drill {
        name: "slow-deployment",
        fault: Fault::SlowDeployment(SLOW),
        recorded: 4,
        cause: "DynamoDB, or the network to it",
        alarms: &["picus-page", "picus-latency-page"],
        others: &[ROUTES, DAWDLES],
        rolled_back_by: Some("picus-latency-page-5m"),
        ..CALM
    },
    Drill {
        name: "memory-short",
        fault: Fault::MemoryShort,
        cause: "each task has less memory than before",
        alarms: &["picus-service-memory"],
        ..CALM
    },
    Drill {
        name: "cpu-short",
        fault: Fault::CpuShort,
        settings: &[(LIMIT, "1")],
        recorded: 4,
        cause: "the tasks are short of CPU",
        alarms: &["picus-latency-ticket"],
        perhaps: &[
            PAGES,
            ROUTES,
            PERHAPS_OUT,
            ("picus-latency-page", WAITS),
            ("picus-availability-page", WAITS),
            ("picus-availability-ticket", WAITS),
            ("picus-no-healthy-target", "its health is asked for in vain, too"),
        ],
        differs: &[CLOCKLESS],
        ..CALM
    },
    Drill {
        name: "traffic-flood",
        fault: Fault::DynamoDb(DynamoDbFault::Slow(1, Duration::from_millis(150))),
        traffic: FLOOD,
        settings: &[("PICUS_MAX_IN_FLIGHT", "16")],
        cause: "more users, a client in a loop, or an attack",
        alarms: &["picus-load-shed"],
        others: &[ROUTES, PAGES, BURNS, SPENDS],
        perhaps: &[PERHAPS_OUT],
        ..CALM
    },
    Drill {
        name: "handler-crashes",
        fault: Fault::Handler(FunctionFault::Crash),
        cause: "the process ended",
        alarms: &["picus-page", "picus-delete-handler-errors"],
        others: &[ROUTES, BURNS, SPENDS, UNHEARD],
        differs: &[TWICE],
        ..CALM
    },
    Drill {
        name: "handler-hangs",
        fault: Fault::Handler(FunctionFault::Hang),
        recorded: 6,
        cause: "the handler hangs before it answers",
        alarms: &["picus-page", "picus-delete-handler-errors", "picus-delete-handler-duration"],
        others: &[ROUTES, BURNS, SPENDS, UNHEARD],
        differs: &[TWICE],
        ..CALM
    },
    Drill {
        name: "deletes-flood",
        fault: Fault::DynamoDb(DynamoDbFault::Slow(1, Duration::from_millis(200))),
        traffic: FLOOD_OF_DELETES,
        cause: "more deletes than planned",
        alarms: &["picus-delete-handler-throttles"],
        others: &[ROUTES, PAGES, BURNS, SPENDS],
        perhaps: &[PERHAPS_OUT],
        differs: &[TWICE],
        ..CALM
    },
    Drill {
        name: "collectors-gone",
        fault: Fault::CollectorsGone(2),
        cause: "the collector of one task or all",
        alarms: &["picus-service-telemetry-lost"],
        ..CALM
    },
    Drill {
        name: "one-collector-gone",
        fault: Fault::CollectorsGone(1),
        cause: "the collector of one task or all",
        alarms: &["picus-service-telemetry-lost"],
        ..CALM
    },
    Drill {
        name: "traces-refused",
        fault: Fault::BadDeployment(&[
            ("OTEL_SDK_DISABLED", "false"),
            // Nothing listens on the port of "discard".
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            // So small that spans are dropped.
            ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
        ]),
        cause: "the collector is down",
        alarms: &["picus-telemetry-dropped"],
        ..CALM
    },
    Drill {
        name: "handler-unheard",
        fault: Fault::HandlerUnheard,
        cause: "the function's role lacks `logs:PutLogEvents`",
        alarms: &["picus-delete-handler-telemetry-lost"],
        ..CALM
    },
];
