//! The client that Progenitor makes.

use std::num::NonZeroU32;

use progenitor_client::Error;
use serde_json::Value;

use crate::Item;

#[allow(clippy::all, clippy::pedantic, reason = "it is generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/progenitor.rs"));
}

pub(crate) fn client(base: &str) -> generated::Client {
    generated::Client::new(base)
}

impl crate::Client for generated::Client {
    async fn put(&self, item: Item, idempotency_key: Option<&str>) -> String {
        let key = idempotency_key.map(|key| key.parse().unwrap());
        let item = serde_json::from_value(Value::Object(item)).unwrap();
        self.put_item(key.as_ref(), &item).await.unwrap().object_id.to_string()
    }

    async fn get(&self, key: &str) -> Item {
        self.get_item(&key.parse().unwrap(), None, None).await.unwrap().into_inner().into()
    }

    async fn page(&self, limit: u16, cursor: Option<&str>) -> (Vec<Item>, Option<String>) {
        let page = self.list_items(cursor, NonZeroU32::new(limit.into())).await.unwrap();
        let link = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        (page.into_inner().into_iter().map(Into::into).collect(), link)
    }

    async fn delete(&self, key: &str) -> String {
        self.delete_item(&key.parse().unwrap(), None, None).await.unwrap().into_inner().message
    }

    async fn refusal(&self, key: &str) -> (u16, String) {
        let Err(Error::ErrorResponse(refused)) = self.get_item(&key.parse().unwrap(), None, None).await else {
            panic!("there is such an item");
        };
        (refused.status().as_u16(), refused.into_inner().code.to_string())
    }
}
