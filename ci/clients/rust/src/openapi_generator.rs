//! The client that openapi-generator makes. It gives the body of an answer alone, so that a
//! middleware keeps the `Link` of the last one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::Extensions;
use openapi::apis::Error;
use openapi::apis::configuration::Configuration;
use openapi::apis::items_api::{GetItemError, delete_item, get_item, list_items, put_item};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};

use crate::Item;

pub(crate) struct Client {
    configuration: Configuration,
    link: Arc<Link>,
}

#[derive(Default)]
struct Link(Mutex<Option<String>>);

#[async_trait::async_trait]
impl Middleware for Link {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let response = next.run(request, extensions).await?;
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        *self.0.lock().unwrap() = link;
        Ok(response)
    }
}

pub(crate) fn client(base: &str) -> Client {
    let link = Arc::new(Link::default());
    let client = ClientBuilder::new(reqwest::Client::new()).with_arc(link.clone()).build();
    let configuration = Configuration { base_path: base.to_owned(), client, ..Configuration::default() };
    Client { configuration, link }
}

impl crate::Client for Client {
    async fn put(&self, item: Item, idempotency_key: Option<&str>) -> String {
        let item: HashMap<_, _> = item.into_iter().collect();
        put_item(&self.configuration, item, idempotency_key).await.unwrap().object_id.to_string()
    }

    async fn get(&self, key: &str) -> Item {
        get_item(&self.configuration, key, None, None).await.unwrap().into_iter().collect()
    }

    async fn page(&self, limit: u16, cursor: Option<&str>) -> (Vec<Item>, Option<String>) {
        let page = list_items(&self.configuration, Some(limit.into()), cursor).await.unwrap();
        let items = page.into_iter().map(|item| item.into_iter().collect()).collect();
        (items, self.link.0.lock().unwrap().take())
    }

    async fn delete(&self, key: &str) -> String {
        delete_item(&self.configuration, key, None, None).await.unwrap().message
    }

    async fn refusal(&self, key: &str) -> (u16, String) {
        let Err(Error::ResponseError(refused)) = get_item(&self.configuration, key, None, None).await else {
            panic!("there is such an item");
        };
        // The generated enum takes the first of its equal variants, whatever the status.
        let Some(GetItemError::Status400(failure)) = refused.entity else { panic!("{refused:?}") };
        (refused.status.as_u16(), failure.code.to_string())
    }
}
