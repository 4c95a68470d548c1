//! The memory that requests take up, by weight. One legal item can take up fifty times what its text has: a
//! bound on the number of requests says nothing of it.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// What is counted in: finer than that matters to nobody.
const UNIT: usize = 1024;
/// A value within a list or a map, beside its text: itself, and what lists have to spare as they grow.
const VALUE_BYTES: usize = 128;

tokio::task_local! {
    /// The room of the request that is worked on.
    static CURRENT: Room;
}

/// There is no room for more at this time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("there is no room in memory for it at this time")]
pub struct NoRoom;

/// Bytes that all requests may take up together.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// This many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// A room that holds nothing yet.
    #[must_use]
    pub fn room(&self) -> Room {
        Room(Arc::new(Inner { budget: self.0.clone(), held: Mutex::default() }))
    }

    /// What is not taken up.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.available_permits() * UNIT
    }
}

/// What a room can hold, each with a weight of its own.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// What a request takes up in any case.
    Base,
    /// What has come from the client.
    Body,
    /// The item that was made of it.
    Item,
    /// What is sent to DynamoDB.
    Request,
    /// What DynamoDB answered, and the items that are made of it.
    Reply,
    /// What goes to the client.
    Answer,
}

/// What one request takes up of a budget, until the last of its clones is gone.
#[derive(Debug, Clone)]
pub struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget: Arc<Semaphore>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: [usize; 6],
    units: usize,
}

impl Room {
    /// Holds this much of `content` from now on, in place of what it held of it.
    ///
    /// # Errors
    /// [`NoRoom`]: what was held before is held still.
    pub fn hold(&self, content: Content, bytes: usize) -> Result<(), NoRoom> {
        let mut held = self.0.held.lock();
        let others: usize = held.bytes.iter().sum::<usize>() - held.bytes[content as usize];
        let units = (others + bytes).div_ceil(UNIT);
        if units > held.units {
            let more = u32::try_from(units - held.units).map_err(|_| NoRoom)?;
            self.0.budget.try_acquire_many(more).map_err(|_| NoRoom)?.forget();
        } else {
            self.0.budget.add_permits(held.units - units);
        }
        held.units = units;
        held.bytes[content as usize] = bytes;
        Ok(())
    }

    /// Holds nothing of `content` any more.
    pub fn release(&self, content: Content) {
        // Less is always to be had.
        let _ = self.hold(content, 0);
    }

    /// Works with this room: what is sent to DynamoDB and comes from there is held in it.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.budget.add_permits(self.held.get_mut().units);
    }
}

/// The room of the request that is worked on, where there is one.
pub(crate) fn current() -> Option<Room> {
    CURRENT.try_with(Clone::clone).ok()
}

/// What the values of a JSON text take up at most while it is read: each has a separator before or after it.
pub(crate) fn weight_of_json(text: &[u8], most_values: usize) -> usize {
    let separators = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    text.len() + separators.min(most_values) * VALUE_BYTES
}

/// The same of an answer of DynamoDB's with this many values. Its own text is there beside them; their lists
/// double as they grow.
pub(crate) fn weight_of_reply(bytes: usize, values: usize) -> usize {
    2 * bytes + values.next_power_of_two() * (VALUE_BYTES * 2 / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_grows_and_shrinks_within_the_budget_and_goes_with_its_last_clone() {
        let budget = Budget::new(10 * UNIT);
        let (one, other) = (budget.room(), budget.room());
        one.hold(Content::Body, 4 * UNIT - 1).unwrap();
        one.hold(Content::Request, UNIT + 1).unwrap();
        assert_eq!(budget.free(), 5 * UNIT);
        assert!(other.hold(Content::Body, 5 * UNIT + 1).is_err());
        assert_eq!(budget.free(), 5 * UNIT, "what is refused takes nothing");
        other.hold(Content::Body, 5 * UNIT).unwrap();
        one.release(Content::Body);
        assert_eq!(budget.free(), 3 * UNIT);
        let clone = one.clone();
        drop(one);
        assert_eq!(budget.free(), 3 * UNIT);
        drop((clone, other));
        assert_eq!(budget.free(), 10 * UNIT);
    }

    #[test]
    fn values_weigh_more_than_their_text() {
        assert_eq!(weight_of_json(br#"{"a":["",""]}"#, 100), 13 + 3 * VALUE_BYTES);
        assert_eq!(weight_of_json(br"[[[[", 2), 4 + 2 * VALUE_BYTES);
    }
}
