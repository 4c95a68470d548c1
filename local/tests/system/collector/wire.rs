//! The way from the programs to DynamoDB, with the faults that a table on one machine never has.

use picus_local::dynamodb::{DynamoDb, Storage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// Connections end without an answer.
    Unreachable,
    /// Each call is refused for the rate of calls.
    Throttles,
}

pub(super) struct Wire {
    pub(super) dynamodb: DynamoDb,
    pub(super) endpoint: String,
    fault: watch::Sender<Option<Fault>>,
}

impl Wire {
    /// A way to a DynamoDB of its own.
    pub(super) async fn start() -> Self {
        let dynamodb = DynamoDb::start(&Storage::Memory).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let behind = dynamodb.endpoint.trim_start_matches("http://").to_owned();
        let (fault, now) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(serve(near, behind.clone(), now.clone()));
            }
        });
        Self { dynamodb, endpoint, fault }
    }

    /// From now on, this is wrong.
    pub(super) fn fault(&self, fault: Fault) {
        self.fault.send_replace(Some(fault));
    }
}

/// Serves a connection until what is wrong changes.
async fn serve(mut near: TcpStream, behind: String, mut now: watch::Receiver<Option<Fault>>) {
    let fault = *now.borrow_and_update();
    let served = async {
        match fault {
            None => {
                let mut far = TcpStream::connect(behind).await?;
                copy_bidirectional(&mut near, &mut far).await.map(|_| ())
            }
            Some(Fault::Unreachable) => Ok(()),
            Some(Fault::Throttles) => {
                // The calls are small: each comes in one piece.
                while near.read(&mut [0; 16384]).await? > 0 {
                    near.write_all(THROTTLED.as_bytes()).await?;
                }
                Ok(())
            }
        }
    };
    tokio::select! {
        // Broken off by either side: that is what the test is about.
        _ = served => {}
        _ = now.changed() => {}
    }
}

const THROTTLED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.0\r\n\
    Content-Length: 111\r\n\r\n\
    {\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\",\
    \"message\":\"Slower, please\"}";
