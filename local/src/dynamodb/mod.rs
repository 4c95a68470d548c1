//! DynamoDB: an engine in this process, reached over HTTP and checked for permissions like the real one. Or another
//! DynamoDB elsewhere.

mod error;
mod metrics;
mod partial;
mod permissions;
mod proxy;
mod taken_name;

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_config::Region;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::deployment::{Role, Table};
use crate::iam::REGION;
use crate::server::Server;
pub use error::DynamoDbError;
use metrics::Reporter;
use permissions::Permissions;
pub use permissions::{ADMINISTRATOR, Calls};
use picus_cloudwatch::metric_sink::MetricSink;
pub use proxy::DynamoDbFault;
use proxy::Proxy;

/// Where the items are stored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub enum Storage {
    /// In a folder, which keeps them.
    Folder(PathBuf),
    Memory,
    /// In another DynamoDB at this URL.
    Elsewhere(String),
}

/// A running DynamoDB with the table.
#[derive(Debug)]
pub struct DynamoDb {
    /// Its URL.
    pub endpoint: String,
    engine: Option<Engine>,
}

#[derive(Debug)]
struct Engine {
    proxy: Arc<Proxy>,
    server: Server,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    /// Keeps other processes away from the folder.
    _lock: Option<File>,
}

impl DynamoDb {
    /// Starts the engine, or connects to the DynamoDB elsewhere. Creates the table if it does not exist. The engine
    /// reports to `metrics` what DynamoDB reports to CloudWatch.
    ///
    /// # Errors
    /// Why the table can't be used, and what to do about it.
    pub async fn start(
        storage: &Storage,
        table: &Table,
        roles: &[Role],
        metrics: MetricSink,
    ) -> Result<Self, DynamoDbError> {
        let permissions = Permissions::new(roles)?;
        let this = match storage {
            Storage::Elsewhere(endpoint) => Self { endpoint: endpoint.clone(), engine: None },
            Storage::Memory => {
                let database = dynoxide::Database::memory().map_err(data(Path::new("memory")))?;
                serve(database, table, permissions, metrics, None).await?
            }
            Storage::Folder(folder) => {
                let lock = lock(folder)?;
                let file = folder.join("picus.sqlite");
                let database =
                    dynoxide::Database::new(&file.to_string_lossy()).map_err(data(folder))?;
                serve(database, table, permissions, metrics, Some(lock)).await?
            }
        };
        create_table(&this.endpoint, table).await?;
        Ok(this)
    }

    /// All calls so far, with their roles. Unknown for a DynamoDB elsewhere.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.engine.as_ref().map(|engine| engine.proxy.calls()).unwrap_or_default()
    }

    /// Sets a fault, or ends it. A DynamoDB elsewhere never gets one.
    pub fn set_fault(&self, fault: Option<DynamoDbFault>) {
        if let Some(engine) = &self.engine {
            engine.proxy.set_fault(fault);
        }
    }

    /// Finishes the calls in progress, and stops.
    pub async fn stop(self) {
        if let Some(Engine { server, stop, ended, _lock, .. }) = self.engine {
            server.stop().await;
            // If the engine has failed, nobody receives this.
            let _ = stop.send(());
            let _ = ended.await;
        }
    }
}

fn data(folder: &Path) -> impl Fn(dynoxide::DynoxideError) -> DynamoDbError {
    move |error| {
        // After its first sentence, the engine advises its own users.
        let reason = error.to_string();
        let reason = reason.split(". ").next().unwrap_or_default().to_owned();
        DynamoDbError::Data { folder: folder.to_owned(), reason }
    }
}

/// Locks the folder for this process.
fn lock(folder: &Path) -> Result<File, DynamoDbError> {
    let failed = |source| DynamoDbError::Folder { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(DynamoDbError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn serve(
    database: dynoxide::Database,
    table: &Table,
    permissions: Permissions,
    metrics: MetricSink,
    lock: Option<File>,
) -> Result<DynamoDb, DynamoDbError> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any_port).await.map_err(DynamoDbError::Listen)?;
    let engine = listener.local_addr().map_err(DynamoDbError::Listen)?;
    let reporter = Reporter { table: table.name.clone(), sink: metrics };
    let proxy = Arc::new(Proxy::new(engine, permissions, reporter));
    let socket = TcpListener::bind(any_port).await.map_err(DynamoDbError::Listen)?;
    let answers = proxy.clone();
    let server = Server::start(socket, move |request, _| {
        let proxy = answers.clone();
        async move { proxy.answer(request).await }
    })
    .map_err(DynamoDbError::Listen)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(async move {
        let stopped = async {
            // Resolves when told to stop, or when the system is gone.
            let _ = stopped.await;
        };
        // Only the listener can fail here. The programs' calls then fail, and say so.
        let _ = dynoxide::server::serve_with_shutdown(listener, database, stopped).await;
    });
    let endpoint = format!("http://{}", server.address());
    let engine = Engine { proxy, server, stop, ended, _lock: lock };
    Ok(DynamoDb { endpoint, engine: Some(engine) })
}

async fn create_table(endpoint: &str, table: &Table) -> Result<(), DynamoDbError> {
    let failed = |reason: String| DynamoDbError::Table {
        table: table.name.clone(),
        endpoint: endpoint.to_owned(),
        reason,
    };
    let config = aws_config::from_env()
        .endpoint_url(endpoint)
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ADMINISTRATOR, "local", None, None, "local"))
        .load()
        .await;
    let id = AttributeDefinition::builder()
        .attribute_name(&table.key)
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name(&table.key).key_type(KeyType::Hash);
    let created = Client::new(&config)
        .create_table()
        .table_name(&table.name)
        .attribute_definitions(id.build().map_err(|error| failed(error.to_string()))?)
        .key_schema(key.build().map_err(|error| failed(error.to_string()))?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(CreateTableError::ResourceInUseException(_)) => Ok(()),
            _ => Err(failed(reason(&error))),
        },
    }
}

/// DynamoDB's error, or why it can't be reached.
fn reason(error: &SdkError<CreateTableError>) -> String {
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{code}: {message}");
    }
    let mut innermost: &dyn Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
