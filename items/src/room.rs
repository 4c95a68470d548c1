//! Limits the memory that all requests use together. A legal item can use fifty times the memory of its text, so a
//! limit on the number of requests is not enough.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The unit of counting. Finer steps would not matter.
const UNIT: usize = 1024;
/// The memory of a value in a list or a map, without its text: the value itself, and spare capacity of lists.
const VALUE_BYTES: usize = 128;

tokio::task_local! {
    /// The room of the current request.
    static CURRENT: Room;
}

/// There is not enough memory for more.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("there is no room in memory for it at this time")]
pub struct NoRoom;

/// The memory that all requests may use together.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// A new, empty room.
    #[must_use]
    pub fn room(&self) -> Room {
        Room(Arc::new(Inner { budget: self.0.clone(), held: Mutex::default() }))
    }

    /// The bytes that are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.available_permits() * UNIT
    }
}

/// What a room holds. Each kind is counted on its own.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// The minimum of every request.
    Base,
    /// The client's body.
    Body,
    /// The item parsed from it.
    Item,
    /// The request to DynamoDB.
    Request,
    /// DynamoDB's response, and the items made of it.
    Reply,
    /// The response to the client.
    Answer,
}

/// The memory that one request uses of a budget, until its last clone is dropped.
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
    /// Counts this many bytes for `content`, instead of what was counted for it before.
    ///
    /// # Errors
    /// [`NoRoom`]. What was counted before stays counted.
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

    /// Counts nothing for `content` any more.
    pub fn release(&self, content: Content) {
        // Less memory is always available.
        let _ = self.hold(content, 0);
    }

    /// Another room of the same budget, that holds nothing yet.
    pub(crate) fn beside(&self) -> Self {
        Budget(self.0.budget.clone()).room()
    }

    /// Runs `work` with this room, which counts the requests to DynamoDB and its responses.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.budget.add_permits(self.held.get_mut().units);
    }
}

/// The room of the current request, if there is one.
pub(crate) fn current() -> Option<Room> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The most memory for the values of a JSON text while it is parsed. Each value has a separator before or after it.
pub(crate) fn weight_of_json(text: &[u8], most_values: usize) -> usize {
    let separators = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    text.len() + separators.min(most_values) * VALUE_BYTES
}

/// The same for a response of DynamoDB's with this many values. Its own text is in memory beside them, and their
/// lists double as they grow.
pub(crate) fn weight_of_reply(bytes: usize, values: usize) -> usize {
    2 * bytes + values.next_power_of_two() * (VALUE_BYTES * 2 / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_stays_within_the_budget_and_is_freed_with_its_last_clone() {
        let budget = Budget::new(10 * UNIT);
        let (one, other) = (budget.room(), budget.room());
        one.hold(Content::Body, 4 * UNIT - 1).unwrap();
        one.hold(Content::Request, UNIT + 1).unwrap();
        assert_eq!(budget.free(), 5 * UNIT);
        assert!(other.hold(Content::Body, 5 * UNIT + 1).is_err());
        assert_eq!(budget.free(), 5 * UNIT, "a refused request takes no room");
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
