//! All of it, started in its order and stopped in the other.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::net::TcpListener;
use tokio::time;

use crate::dynamodb::{
    Calls, DynamoDb, DynamoDbError, DynamoDbFault, FUNCTION_ROLE, Storage, TABLE, TASK_ROLE,
};
use crate::iam::REGION;
use crate::lambda::{Function, Lambda};
use crate::load_balancer::{
    Action, Condition, HealthCheck, IDLE_TIMEOUT, Listener, LoadBalancer, Rule, TargetGroup,
};
use crate::names::FUNCTION;
use crate::output::Output;
use crate::process::Launcher;
use crate::tasks::Task;
use picus_cloudwatch::metric_sink::MetricSink;

/// How long the first task may take to be healthy.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The load balancer's port; 0 for any.
    pub port: u16,
    /// Where the items are kept.
    pub storage: Storage,
    /// How many tasks the service has.
    pub tasks: usize,
    /// The longest that the delete handler may take.
    pub function_timeout: Duration,
    /// The most invocations of it at once.
    pub function_concurrency: usize,
    /// An executable that knows this one's hidden arguments: this one.
    pub executable: PathBuf,
    /// Where the programs' lines go.
    pub output: Output,
    /// Where the parts of AWS report to, and the programs their lines.
    pub metrics: MetricSink,
    /// How tasks are asked for their health.
    pub health_check: HealthCheck,
    /// The collector that gets the programs' traces, by OTLP over HTTP, at this URL.
    pub otlp_endpoint: Option<String>,
    /// Variables for both programs.
    pub environment: HashMap<String, String>,
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port can't be had.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; free the port, or choose another with --port"
    )]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// There is no table.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The service does not come up; its output says why.
    #[error("the service was not healthy within {} seconds: see its lines above", START_TIMEOUT.as_secs())]
    Service,
}

/// Picus, running.
#[derive(Debug)]
pub struct System {
    dynamodb: DynamoDb,
    launcher: Launcher,
    function: Lambda,
    group: Arc<TargetGroup>,
    tasks: Vec<Task>,
    load_balancer: LoadBalancer,
}

impl System {
    /// Starts everything, and returns when it serves.
    ///
    /// # Errors
    /// What does not start, and what to do about it.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let taken = |source| StartError::Port { port: options.port, source };
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(taken)?;
        let dynamodb = DynamoDb::start(&options.storage, options.metrics.clone()).await?;
        let endpoint = &dynamodb.endpoint;
        let function = Lambda::new(function(&options), launcher(&options, endpoint, FUNCTION_ROLE));
        let launcher = launcher(&options, endpoint, TASK_ROLE);
        let group = Arc::new(TargetGroup::new(options.health_check.clone()));
        let tasks: Vec<_> =
            (0..options.tasks).map(|_| Task::keep(launcher.clone(), group.clone())).collect();
        let listener = listener(&function, &group);
        let load_balancer =
            LoadBalancer::start(socket, listener, IDLE_TIMEOUT, options.metrics.clone())
                .map_err(taken)?;
        let healthy = async {
            while group.healthy().len() < options.tasks {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        time::timeout(START_TIMEOUT, healthy).await.map_err(|_| StartError::Service)?;
        Ok(Self { dynamodb, launcher, function, group, tasks, load_balancer })
    }

    /// Where clients turn to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.load_balancer.address()
    }

    /// Where DynamoDB is.
    #[must_use]
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.dynamodb.endpoint
    }

    /// What the programs have called DynamoDB for, and in the name of which role.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.dynamodb.calls()
    }

    /// The service's tasks.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The service's tasks, to be changed: one may be taken out and stopped.
    pub fn tasks_mut(&mut self) -> &mut Vec<Task> {
        &mut self.tasks
    }

    /// Adds a task, with these variables changed.
    pub fn add_task(&mut self, environment: &[(&str, &str)]) {
        let mut launcher = self.launcher.clone();
        for (name, value) in environment {
            launcher.environment.insert((*name).to_owned(), (*value).to_owned());
        }
        self.tasks.push(Task::keep(launcher, self.group.clone()));
    }

    /// From now on, this is wrong with DynamoDB; with one elsewhere, nothing.
    pub fn dynamodb_fault(&self, fault: Option<DynamoDbFault>) {
        self.dynamodb.set_fault(fault);
    }

    /// The tasks behind the load balancer.
    #[must_use]
    pub fn group(&self) -> &TargetGroup {
        &self.group
    }

    /// The delete handler.
    #[must_use]
    pub fn function(&self) -> &Lambda {
        &self.function
    }

    /// Stops everything: first what takes requests, last what keeps the items.
    pub async fn stop(self) {
        self.load_balancer.stop().await;
        for task in self.tasks {
            task.stop().await;
        }
        self.function.stop();
        self.dynamodb.stop().await;
    }
}

/// Both programs get the same, but each has its role.
fn launcher(options: &Options, endpoint: &str, role: &str) -> Launcher {
    let defaults = [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", role),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("DYNAMODB_TABLE_NAME", TABLE),
    ];
    let mut environment: HashMap<_, _> =
        defaults.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let traces = match &options.otlp_endpoint {
        Some(endpoint) => ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        None => ("OTEL_SDK_DISABLED", "true"),
    };
    // Whoever looks at traces on one machine waits for them.
    for (name, value) in [traces, ("OTEL_BSP_SCHEDULE_DELAY", "200")] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    environment.extend(options.environment.clone());
    Launcher {
        executable: options.executable.clone(),
        environment,
        output: options.output.clone(),
        metrics: options.metrics.clone(),
    }
}

/// As it is deployed, but for what the options say.
fn function(options: &Options) -> Function {
    Function {
        name: FUNCTION,
        program: "delete-handler",
        timeout: options.function_timeout,
        concurrency: options.function_concurrency,
        memory_mb: 256,
    }
}

/// As it is deployed: deletes go to the function, everything else to the service.
fn listener(function: &Lambda, group: &Arc<TargetGroup>) -> Listener {
    let deletes = Rule {
        priority: 100,
        conditions: vec![
            Condition::HttpRequestMethod(Method::DELETE),
            Condition::PathPattern("/picus/*".to_owned()),
        ],
        action: Action::Invoke { function: function.clone(), multi_value_headers: true },
    };
    Listener::new(vec![deletes], Action::Forward(group.clone()))
}
