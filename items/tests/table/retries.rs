//! How often a call is attempted, and how long it waits between attempts. The tests skip the waits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::config::{AsyncSleep, Credentials, Sleep};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use futures_util::future::{self, join_all};
use parking_lot::Mutex;
use picus_items::{Key, Settings, Table};
use tokio::time::timeout;

use crate::given;

/// A DynamoDB that gives every call the same answer, and counts the calls.
#[derive(Debug, Clone)]
struct Always {
    status: u16,
    body: &'static str,
    asked: Arc<AtomicUsize>,
}

impl HttpConnector for Always {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.asked.fetch_add(1, Relaxed);
        let status = self.status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.body))))
    }
}

/// Deadlines of this length or longer never pass. The SDK's own deadline for credentials is as long. Waits
/// between attempts are shorter.
const DEADLINE: Duration = Duration::from_secs(5);

/// Skips the waits between attempts, and records how long each would have been.
#[derive(Debug, Clone, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Waits {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration >= DEADLINE {
            return Sleep::new(future::pending());
        }
        self.0.lock().push(duration);
        Sleep::new(future::ready(()))
    }
}

const BROKEN: (u16, &str) = (500, "{}");
const THROTTLED: (u16, &str) = (400, r#"{"__type":"ThrottlingException"}"#);

/// Starts `count` reads at once. Returns the number of calls that DynamoDB got, and all waits. All tables of
/// one region share the SDK's retry tokens, so each test uses its own region.
async fn reads(
    count: usize,
    region: &'static str,
    (status, body): (u16, &'static str),
    (environment, own): (u32, Option<u32>),
) -> (usize, Vec<Duration>) {
    let waits = Waits::default();
    let dynamodb = Always { status, body, asked: Arc::default() };
    let config = aws_config::from_env()
        .region(Region::from_static(region))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .retry_config(RetryConfig::standard().with_max_attempts(environment))
        .sleep_impl(waits.clone())
        .http_client(given::over(dynamodb.clone()))
        .load()
        .await;
    let table = table(&config, own);
    let key = Key::new("k").unwrap();
    // If a wait were as long as a deadline, the reads would never end.
    let all = Box::pin(join_all((0..count).map(|_| table.get(&key))));
    let failures = timeout(Duration::from_secs(30), all).await.unwrap();
    assert!(failures.iter().all(Result::is_err));
    let waits = waits.0.lock().clone();
    (dynamodb.asked.load(Relaxed), waits)
}

fn table(config: &SdkConfig, own: Option<u32>) -> Table {
    let max_attempts = own.and_then(NonZeroU32::new);
    let settings = Settings {
        max_attempts,
        attempt_timeout: DEADLINE,
        operation_timeout: DEADLINE,
        ..Settings::default()
    };
    Table::new(config, &settings)
}

#[tokio::test]
async fn the_setting_of_picus_overrides_that_of_the_sdk() {
    assert_eq!(reads(1, "attempts", BROKEN, (5, None)).await.0, 5);
    assert_eq!(reads(1, "attempts", BROKEN, (5, Some(2))).await.0, 2);
    assert_eq!(reads(1, "attempts", BROKEN, (1, Some(2))).await.0, 2);
}

#[tokio::test]
async fn a_throttled_call_waits_longer_than_a_failed_one() {
    // Random waits of up to 25 ms, then 50 ms, then 100 ms.
    let (asked, waits) = reads(10, "waits", BROKEN, (4, None)).await;
    assert_eq!((asked, waits.len()), (40, 30));
    let longest = waits.iter().max().unwrap();
    assert!(*longest <= Duration::from_millis(100), "{waits:?}");
    // Up to one second, then two, then four.
    let (asked, waits) = reads(10, "throttles", THROTTLED, (4, None)).await;
    assert_eq!((asked, waits.len()), (40, 30));
    let longest = waits.iter().max().unwrap();
    assert!(*longest > Duration::from_millis(400), "{waits:?}");
}

#[tokio::test]
async fn all_calls_share_the_tokens_for_retries() {
    let (asked, _) = reads(200, "tokens", BROKEN, (9, None)).await;
    assert_eq!(asked, 200 + 500 / 14);
    let (asked, _) = reads(200, "tokens-throttled", THROTTLED, (4, None)).await;
    assert_eq!(asked, 200 + 500 / 5);
    // Another table of the same region finds only the tokens that the last retry gave back.
    let (asked, _) = reads(10, "tokens", BROKEN, (9, None)).await;
    assert_eq!(asked, 10 + 1);
}
