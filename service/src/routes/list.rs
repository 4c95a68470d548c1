//! `GET /picus/list`

use actix_web::http::header::LINK;
use actix_web::http::{ConnectionType, Version};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use picus_api::{Code, Error, route};
use picus_catalogue as catalogue;
use picus_items::{Cursor, Item, Limit, Table};

use crate::error;

pub(crate) async fn list(
    request: HttpRequest,
    table: Data<Table>,
) -> Result<HttpResponse, error::Error> {
    match Query::parse(request.query_string())? {
        Query::All => all(&table, request.version()).await,
        Query::Page(limit, cursor) => page(&table, limit, cursor).await,
    }
}

async fn page(
    table: &Table,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<HttpResponse, error::Error> {
    let page = table.page(limit, cursor).await?;
    let mut response = HttpResponse::Ok();
    if let Some(next) = page.next {
        response.insert_header((LINK, route::next_page(limit.get(), next)));
    }
    let mut text = vec![b'['];
    for (at, item) in page.items.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        item.append_json(&mut text);
    }
    text.push(b']');
    count(page.items.len(), text.len());
    Ok(response.content_type("application/json").body(text))
}

async fn all(table: &Table, version: Version) -> Result<HttpResponse, error::Error> {
    let mut pages = Box::pin(table.scan());
    // Before the first byte a failure is still an answer.
    let first = pages.try_next().await?;
    let pages = stream::iter(first.map(Ok)).chain(pages);
    let mut response = HttpResponse::Ok().content_type("application/json").streaming(array(pages));
    if version < Version::HTTP_11 {
        // HTTP/1.0 knows no chunks: the end of the connection is that of the list (RFC 9112, 6.1).
        let head = response.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// A JSON array, a page at a time. An error ends it without its bracket, and the connection with it.
fn array(
    pages: impl Stream<Item = Result<Vec<Item>, picus_items::Error>>,
) -> impl Stream<Item = Result<Bytes, Error>> {
    let mut separator = b'[';
    let elements = pages.map(move |page| {
        let page = page?;
        let mut text = Vec::new();
        for item in &page {
            text.push(std::mem::replace(&mut separator, b','));
            item.append_json(&mut text);
        }
        count(page.len(), text.len());
        // Of an empty table there was no first item to open the array.
        if text.is_empty() && separator == b'[' {
            separator = b',';
            text.push(b'[');
        }
        Ok(Bytes::from(text))
    });
    elements.chain(stream::once(async {
        count(0, 1);
        Ok(Bytes::from_static(b"]"))
    }))
}

fn count(items: usize, bytes: usize) {
    metrics::counter!(catalogue::ITEMS_LISTED.name).increment(items as u64);
    metrics::counter!(catalogue::BYTES_LISTED.name).increment(bytes as u64);
}

/// What is asked for.
enum Query {
    All,
    Page(Limit, Option<Cursor>),
}

impl Query {
    /// Reads the query; parameters that it does not know are left alone.
    fn parse(query: &str) -> Result<Self, Error> {
        let limit = single(query, "limit")
            .map_err(|Twice| Error::new(Code::InvalidLimit, "limit is given twice"))?;
        let cursor = single(query, "cursor")
            .map_err(|Twice| Error::new(Code::InvalidCursor, "cursor is given twice"))?;
        match (limit, cursor) {
            (None, None) => Ok(Self::All),
            (None, Some(_)) => {
                Err(Error::new(Code::InvalidCursor, "A cursor needs a limit: add `limit=N`"))
            }
            (Some(limit), cursor) => {
                let limit = Limit::parse(&limit)?;
                let cursor = cursor.map(|cursor| Cursor::parse(&cursor)).transpose()?;
                Ok(Self::Page(limit, cursor))
            }
        }
    }
}

struct Twice;

fn single(query: &str, name: &str) -> Result<Option<String>, Twice> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
    let value = values.next().map(|(_, value)| value.into_owned());
    if values.next().is_some() { Err(Twice) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> Code {
        match Query::parse(query) {
            Err(error) => error.code(),
            Ok(_) => panic!("{query} was taken"),
        }
    }

    #[test]
    fn a_query_is_all_or_a_page() {
        assert!(matches!(Query::parse(""), Ok(Query::All)));
        assert!(matches!(Query::parse("other=1&&=%zz"), Ok(Query::All)));
        assert!(
            matches!(Query::parse("limit=7"), Ok(Query::Page(limit, None)) if limit.get() == 7)
        );
    }

    #[test]
    fn bad_queries_are_refused() {
        for query in ["limit", "limit=", "limit=0", "limit=%31001", "limit=1&limit=1", "limit=%ff"]
        {
            assert_eq!(refusal(query), Code::InvalidLimit, "{query}");
        }
        for query in [
            "cursor=MTph",
            "limit=1&cursor=",
            "limit=1&cursor=x",
            "limit=1&cursor=MTph&cursor=MTph",
        ] {
            assert_eq!(refusal(query), Code::InvalidCursor, "{query}");
        }
    }
}
