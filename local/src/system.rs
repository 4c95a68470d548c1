//! The whole system: starts its parts in order, and stops them in reverse.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, io};

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time;

use crate::deployment::{self, Deployment, DeploymentError, HEALTH_CHECK_INTERVAL};
use crate::dynamodb::{Calls, DynamoDb, DynamoDbError, DynamoDbFault, Storage};
use crate::groups::Groups;
use crate::lambda::{Function, Lambda};
use crate::load_balancer::{Access, LoadBalancer, TargetGroup};
use crate::output::Output;
use crate::process::Launcher;
use crate::tasks::Task;
use picus_cloudwatch::metric_sink::MetricSink;

/// The longest wait for the first healthy task.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The options of a start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rendered template of the deployment.
    pub template: Cow<'static, str>,
    /// The load balancer's port; 0 for any free one.
    pub port: u16,
    /// Where the items are stored.
    pub storage: Storage,
    /// The number of tasks.
    pub tasks: usize,
    /// The delete handler's time-out, if not the template's.
    pub function_timeout: Option<Duration>,
    /// The delete handler's most concurrent invocations, if not the template's.
    pub function_concurrency: Option<usize>,
    /// How long an idle environment of the delete handler is kept, if not as long as usual.
    pub function_max_idle: Option<Duration>,
    /// An executable that knows `picus`' hidden arguments.
    pub executable: PathBuf,
    /// Where the programs' lines go.
    pub output: Output,
    /// Receives the metrics of AWS and of the programs.
    pub metrics: MetricSink,
    /// Gets each entry of the load balancer's access log.
    pub access_log: Option<UnboundedSender<Access>>,
    /// The longest time between two health checks of a task.
    pub health_check_interval: Duration,
    /// The URL of a collector for the programs' traces, by OTLP over HTTP.
    pub otlp_endpoint: Option<String>,
    /// Variables for both programs.
    pub environment: HashMap<String, String>,
}

/// The deployment as it is, with items in memory, on any port, silent. This executable is `picus`.
impl Default for Options {
    fn default() -> Self {
        Self {
            template: deployment::TEMPLATE.into(),
            port: 0,
            storage: Storage::Memory,
            tasks: 1,
            function_timeout: None,
            function_concurrency: None,
            function_max_idle: None,
            // If it is unknown, starting it fails with a message.
            executable: env::current_exe().unwrap_or_default(),
            output: Output::Quiet,
            metrics: MetricSink::default(),
            access_log: None,
            health_check_interval: HEALTH_CHECK_INTERVAL,
            otlp_endpoint: None,
            environment: HashMap::new(),
        }
    }
}

impl Options {
    /// The variables that the delete handler gets instead of this process's own.
    ///
    /// # Errors
    /// The local system does not do what the template says.
    pub fn function_environment(&self) -> Result<HashMap<String, String>, StartError> {
        let function = Deployment::read(&self.template)?.function;
        // Every address of DynamoDB is as good: only settings are read.
        let launcher = launcher(self, "http://127.0.0.1", &function.role, &function.environment);
        let level = ("AWS_LAMBDA_LOG_LEVEL".to_owned(), function.log_level);
        Ok([level].into_iter().chain(launcher.environment).collect())
    }
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum StartError {
    /// The port is not free.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; free the port, or choose another with --port"
    )]
    Port {
        port: u16,
        /// The system's error.
        source: io::Error,
    },
    /// The local system does not do what the templates say.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The table can't be used.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The service does not become healthy. Its output says why.
    #[error("the service was not healthy within {} seconds: see its lines above", START_TIMEOUT.as_secs())]
    Service,
    /// The service refused its settings, with this message.
    #[error("the service does not start: {0}")]
    Settings(String),
}

/// A running system.
#[derive(Debug)]
pub struct System {
    deployment: Deployment,
    dynamodb: DynamoDb,
    launcher: Launcher,
    function: Lambda,
    group: Arc<TargetGroup>,
    tasks: Vec<Task>,
    load_balancer: LoadBalancer,
}

impl System {
    /// Starts everything, and returns when it is healthy.
    ///
    /// # Errors
    /// Why it did not start, and what to do about it.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let deployment = Deployment::read(&options.template)?;
        let taken = |source| StartError::Port { port: options.port, source };
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(taken)?;
        let metrics = || options.metrics.clone();
        let dynamodb =
            DynamoDb::start(&options.storage, &deployment.table, &deployment.roles, metrics())
                .await?;
        let launcher = |role, variables| launcher(&options, &dynamodb.endpoint, role, variables);
        let function = function(&options, &deployment);
        let function_launcher = launcher(&function.role, &function.environment);
        let Deployment { service, load_balancer, .. } = &deployment;
        let launcher = launcher(&service.task.role, &service.task.environment);
        let function = Lambda::new(function, function_launcher);
        let groups = Groups::new(load_balancer, &function, options.health_check_interval);
        let group = groups.of_servers(&service.group)?;
        let keep = || Task::keep(launcher.clone(), service.task.clone(), group.clone());
        let tasks: Vec<_> = (0..options.tasks).map(|_| keep()).collect();
        let listener = groups.listener(load_balancer)?;
        let attributes = load_balancer.attributes.clone();
        let access_log = options.access_log.clone();
        let load_balancer =
            LoadBalancer::start(socket, listener, attributes, metrics(), access_log)
                .map_err(taken)?;
        let this = Self { deployment, dynamodb, launcher, function, group, tasks, load_balancer };
        this.until_healthy(options.tasks).await?;
        Ok(this)
    }

    /// What is deployed.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The address for clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.load_balancer.address()
    }

    /// DynamoDB's URL.
    #[must_use]
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.dynamodb.endpoint
    }

    /// The programs' calls to DynamoDB, with their roles.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.dynamodb.calls()
    }

    /// The service's tasks.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The service's tasks, for taking one out and stopping it.
    pub fn tasks_mut(&mut self) -> &mut Vec<Task> {
        &mut self.tasks
    }

    /// Adds a task with these variables changed.
    pub fn add_task(&mut self, environment: &[(&str, &str)]) {
        let mut launcher = self.launcher.clone();
        for (name, value) in environment {
            launcher.environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let definition = self.deployment.service.task.clone();
        self.tasks.push(Task::keep(launcher, definition, self.group.clone()));
    }

    /// Replaces each task, as a rolling deployment of ECS does. When the new task is healthy, the old one leaves the
    /// load balancer, its requests end, and it is told to stop. Returns whether all old tasks stopped by themselves,
    /// without an error.
    ///
    /// # Errors
    /// A new task is not healthy in time. The remaining old ones stay.
    pub async fn roll(&mut self) -> Result<bool, StartError> {
        let mut ended_well = true;
        for _ in 0..self.tasks.len() {
            self.add_task(&[]);
            self.until_healthy(self.tasks.len()).await?;
            ended_well &= self.tasks.remove(0).stop().await;
        }
        Ok(ended_well)
    }

    /// Waits until this many tasks are healthy.
    async fn until_healthy(&self, count: usize) -> Result<(), StartError> {
        let healthy = async {
            while self.group.healthy().len() < count {
                // Another start would fail in the same way.
                if let Some(complaints) = self.tasks.iter().find_map(Task::refusal) {
                    return Err(StartError::Settings(complaints.to_owned()));
                }
                time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        };
        time::timeout(START_TIMEOUT, healthy).await.unwrap_or(Err(StartError::Service))
    }

    /// Sets a fault of DynamoDB, or ends it. A DynamoDB elsewhere never gets one.
    pub fn dynamodb_fault(&self, fault: Option<DynamoDbFault>) {
        self.dynamodb.set_fault(fault);
    }

    /// The target group of the tasks.
    #[must_use]
    pub fn group(&self) -> &TargetGroup {
        &self.group
    }

    /// The delete handler.
    #[must_use]
    pub fn function(&self) -> &Lambda {
        &self.function
    }

    /// Stops everything: first what takes requests, last what stores the items.
    pub async fn stop(self) {
        self.load_balancer.stop().await;
        for task in self.tasks {
            task.stop().await;
        }
        self.function.stop();
        self.dynamodb.stop().await;
    }
}

/// A program's variables: from the templates, from the local differences, and from the options.
fn launcher(
    options: &Options,
    dynamodb: &str,
    role: &str,
    variables: &BTreeMap<String, String>,
) -> Launcher {
    let mut environment: HashMap<_, _> = variables.clone().into_iter().collect();
    for (name, value) in deployment::variables(dynamodb, role, options.otlp_endpoint.as_deref()) {
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

/// The deployed function, changed by the options.
fn function(options: &Options, deployment: &Deployment) -> Function {
    let function = deployment.function.clone();
    Function {
        timeout: options.function_timeout.unwrap_or(function.timeout),
        concurrency: options.function_concurrency.unwrap_or(function.concurrency),
        max_idle: options.function_max_idle.unwrap_or(function.max_idle),
        ..function
    }
}
