//! All of it, started in its order and stopped in the other.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, io};

use tokio::net::TcpListener;
use tokio::time;

use crate::deployment::{self, Deployment, DeploymentError, HEALTH_CHECK_INTERVAL};
use crate::dynamodb::{Calls, DynamoDb, DynamoDbError, DynamoDbFault, Storage};
use crate::groups::Groups;
use crate::lambda::{Function, Lambda};
use crate::load_balancer::{LoadBalancer, TargetGroup};
use crate::output::Output;
use crate::process::Launcher;
use crate::tasks::Task;
use picus_cloudwatch::metric_sink::MetricSink;

/// How long the first task may take to be healthy.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rendered template of what is deployed.
    pub template: Cow<'static, str>,
    /// The load balancer's port; 0 for any.
    pub port: u16,
    /// Where the items are kept.
    pub storage: Storage,
    /// How many tasks the service has.
    pub tasks: usize,
    /// The longest that the delete handler may take, if not what the template says.
    pub function_timeout: Option<Duration>,
    /// The most invocations of it at once, if not what the template says.
    pub function_concurrency: Option<usize>,
    /// How long a process of its is kept that has nothing to do, if not as long as usual.
    pub function_max_idle: Option<Duration>,
    /// An executable that knows `picus`' hidden arguments, as `picus` itself does.
    pub executable: PathBuf,
    /// Where the programs' lines go.
    pub output: Output,
    /// Where the parts of AWS report to, and the programs their lines.
    pub metrics: MetricSink,
    /// The longest time from one health check of a task to the next.
    pub health_check_interval: Duration,
    /// The collector that gets the programs' traces, by OTLP over HTTP, at this URL.
    pub otlp_endpoint: Option<String>,
    /// Variables for both programs.
    pub environment: HashMap<String, String>,
}

/// What is deployed, with its items in memory, on any port, and silent; this executable is `picus`.
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
            // Where it can't be known, what is started is not there, and that is said.
            executable: env::current_exe().unwrap_or_default(),
            output: Output::Quiet,
            metrics: MetricSink::default(),
            health_check_interval: HEALTH_CHECK_INTERVAL,
            otlp_endpoint: None,
            environment: HashMap::new(),
        }
    }
}

/// Why the system did not start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum StartError {
    /// The port can't be had.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; free the port, or choose another with --port"
    )]
    Port {
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The templates say what is not done here.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// There is no table.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The service does not come up; its output says why.
    #[error("the service was not healthy within {} seconds: see its lines above", START_TIMEOUT.as_secs())]
    Service,
    /// The service can't use its settings, as it says.
    #[error("the service does not start: {0}")]
    Settings(String),
}

/// Picus, running.
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
    /// Starts everything, and returns when it serves.
    ///
    /// # Errors
    /// What does not start, and what to do about it.
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
        let load_balancer =
            LoadBalancer::start(socket, listener, attributes, metrics()).map_err(taken)?;
        let this = Self { deployment, dynamodb, launcher, function, group, tasks, load_balancer };
        this.until_healthy(options.tasks).await?;
        Ok(this)
    }

    /// What is deployed.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
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
        let definition = self.deployment.service.task.clone();
        self.tasks.push(Task::keep(launcher, definition, self.group.clone()));
    }

    /// Puts a new task in the place of each, as ECS does at a rolling deployment: once the new one is
    /// healthy, the old one is taken out of the load balancer, its requests end, and it is told to stop.
    /// Tells whether all of them stopped by themselves and well.
    ///
    /// # Errors
    /// A new task that is not healthy in time. The old ones that are left stay.
    pub async fn roll(&mut self) -> Result<bool, StartError> {
        let mut ended_well = true;
        for _ in 0..self.tasks.len() {
            self.add_task(&[]);
            self.until_healthy(self.tasks.len()).await?;
            ended_well &= self.tasks.remove(0).stop().await;
        }
        Ok(ended_well)
    }

    /// Waits until so many tasks are healthy.
    async fn until_healthy(&self, count: usize) -> Result<(), StartError> {
        let healthy = async {
            while self.group.healthy().len() < count {
                // It would say so again and again, until nobody waits any more.
                if let Some(complaints) = self.tasks.iter().find_map(Task::refusal) {
                    return Err(StartError::Settings(complaints.to_owned()));
                }
                time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        };
        time::timeout(START_TIMEOUT, healthy).await.unwrap_or(Err(StartError::Service))
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

/// What a program gets: what the templates say, what is different here, and what was asked for.
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

/// As it is deployed, but for what the options say.
fn function(options: &Options, deployment: &Deployment) -> Function {
    let function = deployment.function.clone();
    Function {
        timeout: options.function_timeout.unwrap_or(function.timeout),
        concurrency: options.function_concurrency.unwrap_or(function.concurrency),
        max_idle: options.function_max_idle.unwrap_or(function.max_idle),
        ..function
    }
}
