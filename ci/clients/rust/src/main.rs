//! The story that every client has to make work.

mod openapi_generator;
mod progenitor;

use std::collections::HashSet;
use std::env;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use url::Url;

type Item = Map<String, Value>;

/// What a generated client has to make work.
trait Client {
    async fn put(&self, item: Item, idempotency_key: Option<&str>) -> String;
    async fn get(&self, key: &str) -> Item;
    /// The items of a page, and its `Link`.
    async fn page(&self, limit: u16, cursor: Option<&str>) -> (Vec<Item>, Option<String>);
    async fn delete(&self, key: &str) -> String;
    /// The status and the code of the answer to a key that is not there.
    async fn refusal(&self, key: &str) -> (u16, String);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base = env::var("PICUS").unwrap();
    story("openapi-generator rust", &openapi_generator::client(&base)).await;
    story("progenitor", &progenitor::client(&base)).await;
}

async fn story(name: &str, client: &impl Client) {
    let item: Item = serde_json::from_str(include_str!("../../item.json")).unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let key = format!("{}-{now}", name.replace(' ', "-"));
    let id = client.put(item.clone(), Some(&key)).await;
    assert_eq!(client.put(item.clone(), Some(&key)).await, id);
    let mut got = client.get(&id).await;
    assert_eq!(got.remove("object_id"), Some(json!(id)));
    assert_eq!(got, item);

    let mut ids = HashSet::from([id.clone()]);
    for n in [2, 3] {
        ids.insert(client.put(Item::from_iter([("n".to_owned(), json!(n))]), None).await);
    }
    let (mut listed, mut pages, mut next) = (HashSet::new(), 0, None);
    while pages == 0 || next.is_some() {
        let (items, link) = client.page(2, next.as_deref()).await;
        listed.extend(items.iter().map(|item| item["object_id"].as_str().unwrap().to_owned()));
        pages += 1;
        next = link.as_deref().and_then(cursor);
    }
    assert!(pages >= 2 && listed.is_superset(&ids), "{pages} pages, {listed:?}");

    for id in &ids {
        assert!(client.delete(id).await.contains("deleted successfully"));
    }
    assert_eq!(client.refusal(&id).await, (404, "item_not_found".to_owned()));
    println!("{name}: works");
}

/// The cursor of a `Link: </picus/list?limit=2&cursor=…>; rel="next"`.
fn cursor(link: &str) -> Option<String> {
    let (next, _) = link.strip_prefix('<')?.split_once(r#">; rel="next""#)?;
    let address = Url::parse("http://picus").unwrap().join(next).unwrap();
    address.query_pairs().find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
}
