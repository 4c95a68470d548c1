//! Counts the memory of requests to DynamoDB, and of its responses, in the room of the client's request.
//!
//! Responses are read here instead of in the SDK, so that their size is known before anything is made of them. Large
//! ones then wait for their turn.

use aws_sdk_dynamodb::config::{ConfigBag, RuntimeComponents};
use aws_sdk_dynamodb::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::BytesMut;
use memchr::memchr_iter;

use crate::room::{self, Content, NoRoom, Room};
use crate::turns::Turns;

/// A response of this size is parsed in a fraction of a millisecond, or in one on a quarter of a CPU.
const LARGE: usize = 32 * 1024;

/// DynamoDB has done the call, but there is no memory for its response.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not read")]
pub(crate) struct Unread(#[source] NoRoom);

/// Wraps the HTTP client that opens the connections.
#[derive(Debug)]
pub(crate) struct HeldClient {
    client: SharedHttpClient,
    turns: Turns,
}

impl HeldClient {
    pub(crate) fn new(client: SharedHttpClient) -> Self {
        Self { client, turns: Turns::default() }
    }
}

impl HttpClient for HeldClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(HeldConnector { connector, turns: self.turns.clone() })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.client.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct HeldConnector {
    connector: SharedHttpConnector,
    turns: Turns,
}

impl HttpConnector for HeldConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(room) = room::current() else { return self.connector.call(request) };
        // The item has been turned into this text, which may have spare capacity as large again.
        room.release(Content::Item);
        room.release(Content::Reply);
        let length = request.body().content_length().unwrap_or(0);
        if let Err(no_room) = room.hold(Content::Request, 2 * in_memory(length)) {
            return HttpConnectorFuture::ready(Err(refusal(no_room)));
        }
        let (answer, turns) = (self.connector.call(request), self.turns.clone());
        HttpConnectorFuture::new(async move {
            let response = read(answer.await?, &room).await?;
            if response.body().bytes().is_some_and(|body| body.len() >= LARGE) {
                turns.take().await;
            }
            Ok(response)
        })
    }
}

/// The same response, with its whole body in memory.
async fn read(mut response: HttpResponse, room: &Room) -> Result<HttpResponse, ConnectorError> {
    let length = response.headers().get("content-length").and_then(|length| length.parse().ok());
    let length = in_memory(length.unwrap_or(0));
    room.hold(Content::Reply, room::weight_of_reply(length, 0)).map_err(unread)?;
    let mut body = ByteStream::new(response.take_body());
    let mut text = BytesMut::with_capacity(length);
    let mut values = 0;
    while let Some(piece) =
        body.try_next().await.map_err(|error| ConnectorError::io(error.into()))?
    {
        // Each of DynamoDB's values is an object: `{"S":"…"}`.
        values += memchr_iter(b'{', &piece).count();
        let weight = room::weight_of_reply(length.max(text.len() + piece.len()), values);
        room.hold(Content::Reply, weight).map_err(unread)?;
        text.extend_from_slice(&piece);
    }
    *response.body_mut() = SdkBody::from(text.freeze());
    Ok(response)
}

/// A length beyond any memory is refused like one that does not fit.
fn in_memory(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX / 4).min(usize::MAX / 4)
}

/// Not retried, because a retry would need as much memory.
fn refusal(no_room: NoRoom) -> ConnectorError {
    ConnectorError::other(no_room.into(), None)
}

pub(crate) fn unread(no_room: NoRoom) -> ConnectorError {
    ConnectorError::other(Unread(no_room).into(), None)
}
