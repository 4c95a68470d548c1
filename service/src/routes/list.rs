//! `GET /picus/list`

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::header::LINK;
use actix_web::http::{ConnectionType, Version};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, stream};
use picus_api::{Code, Error, route};
use picus_catalogue as catalogue;
use picus_items::{Content, Cursor, Item, Limit, Position, Room, Table};
use tokio::time::{self, Instant};

use crate::limits::{Limits, Place};
use crate::{answer, error};

/// The size to aim at for a page of the whole list. It is large enough that calls do not slow the list down, and
/// small enough for the memory held while a client reads slowly.
const PAGE_BYTES: usize = 256 * 1024;
/// The most items in the first page. What the items of other lists were like says whether it has less.
const FIRST_ITEMS: u16 = 100;
const MOST_ITEMS: u16 = 1000;
/// How long a list that has begun waits until it asks for room again.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn list(
    request: HttpRequest,
    limits: Data<Limits>,
    table: Data<Table>,
) -> Result<HttpResponse, error::Error> {
    match Query::parse(request.query_string())? {
        Query::All => all(&request, limits, table).await,
        Query::Page(limit, cursor) => page(&request, &limits, &table, limit, cursor).await,
    }
}

async fn page(
    request: &HttpRequest,
    limits: &Limits,
    table: &Table,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<HttpResponse, error::Error> {
    let room = limits.room();
    let _place = limits.place_of_list(request, &room).await?;
    let page = room.within(table.page(limit, cursor)).await?;
    let mut response = HttpResponse::Ok();
    if let Some(next) = page.next {
        response.insert_header((LINK, route::next_page(limit.get(), next)));
    }
    let items = page.items.len();
    let mut text = Vec::new();
    append(page.items, b'[', &mut text);
    if text.is_empty() {
        text.push(b'[');
    }
    text.push(b']');
    count(items, text.len());
    let answer = limits.answer(text, room, true)?;
    Ok(response.content_type("application/json").body(answer))
}

/// Appends the items' JSON. `separator` goes before the first item, commas before the others.
fn append(items: Vec<Item>, mut separator: u8, text: &mut Vec<u8>) {
    for item in items {
        text.push(std::mem::replace(&mut separator, b','));
        item.append_json(text);
    }
}

async fn all(
    request: &HttpRequest,
    limits: Data<Limits>,
    table: Data<Table>,
) -> Result<HttpResponse, error::Error> {
    let mut whole = Whole::new(limits, table);
    whole.share.hold(Content::Answer, PAGE_BYTES).map_err(picus_items::Error::from)?;
    let place = whole.limits.place_of_list(request, &whole.room).await?;
    // Before the first byte, a failure can still become an error response.
    let first = whole.page(place).await?;
    let mut response =
        HttpResponse::Ok().content_type("application/json").streaming(whole.stream(first));
    if request.version() < Version::HTTP_11 {
        // HTTP/1.0 has no chunks. The end of the connection ends the list (RFC 9112, 6.1).
        let head = response.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// The whole list, sent page by page. While it waits for its client, it holds one page's memory and no place.
struct Whole {
    limits: Data<Limits>,
    table: Data<Table>,
    room: Room,
    share: Room,
    next: Next,
    /// How many items to ask for in the next page.
    items: u16,
    separator: u8,
}

/// Where the next page begins.
enum Next {
    At(Option<Position>),
    Nowhere,
}

impl Whole {
    fn new(limits: Data<Limits>, table: Data<Table>) -> Self {
        let (room, share) = (limits.room(), limits.listing.room());
        let items = limits.items_in_page.load(Ordering::Relaxed).min(FIRST_ITEMS);
        let (next, separator) = (Next::At(None), b'[');
        Self { limits, table, room, share, next, items, separator }
    }

    /// The next page's text, or after the last page, the bracket that ends the array.
    async fn page(&mut self, _place: Place) -> Result<Bytes, Error> {
        let Next::At(start) = &self.next else { return Ok(Bytes::new()) };
        let (items, next) = self.room.within(self.table.scan(start.clone(), self.items)).await?;
        let found = items.len();
        let mut text = Vec::new();
        append(items, self.separator, &mut text);
        let held = self.share.hold(Content::Answer, text.capacity().max(PAGE_BYTES));
        let held = held.and_then(|()| self.room.hold(Content::Answer, text.capacity()));
        self.room.release(Content::Reply);
        if let Err(no_room) = held {
            self.room.release(Content::Answer);
            self.items = (self.items / 8).max(1);
            return Err(picus_items::Error::from(no_room).into());
        }
        if let Some(average) = text.len().checked_div(found) {
            self.separator = b',';
            let fit = PAGE_BYTES / average.max(1);
            self.items = u16::try_from(fit).unwrap_or(MOST_ITEMS).clamp(1, MOST_ITEMS);
            self.limits.items_in_page.store(self.items, Ordering::Relaxed);
        }
        if next.is_none() {
            if self.separator == b'[' {
                text.push(b'[');
            }
            text.push(b']');
        }
        count(found, text.len());
        self.next = next.map_or(Next::Nowhere, |next| Next::At(Some(next)));
        Ok(text.into())
    }

    /// The next page's text, as soon as there are a place and memory for it.
    async fn page_in_time(&mut self) -> Result<Bytes, Error> {
        // The last page has been sent.
        self.room.release(Content::Answer);
        let end = Instant::now() + self.limits.request_timeout;
        loop {
            let place = self.limits.next_place_of_list().await?;
            match self.page(place).await {
                Err(error) if error.code() == Code::Overloaded && Instant::now() < end => {
                    time::sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// A JSON array, in pieces. An error breaks off the array and the connection.
    fn stream(self, first: Bytes) -> impl Stream<Item = Result<Bytes, Error>> {
        stream::try_unfold((self, first), async |(mut whole, mut page)| {
            // A page may be empty without being the last.
            while page.is_empty() {
                if matches!(whole.next, Next::Nowhere) {
                    return Ok(None);
                }
                page = whole.page_in_time().await?;
            }
            let piece = answer::piece(&mut page);
            Ok(Some((piece, (whole, page))))
        })
    }
}

fn count(items: usize, bytes: usize) {
    metrics::counter!(catalogue::ITEMS_LISTED.name).increment(items as u64);
    metrics::counter!(catalogue::BYTES_LISTED.name).increment(bytes as u64);
}

/// The list that the query asks for.
enum Query {
    All,
    Page(Limit, Option<Cursor>),
}

impl Query {
    /// Parses the query. Unknown parameters are ignored.
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
    fn a_query_asks_for_all_items_or_a_page() {
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
