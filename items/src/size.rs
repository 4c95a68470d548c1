//! Sizes as DynamoDB counts them (Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats"): names and
//! strings by their UTF-8 bytes, numbers by their digits, three bytes for a list or map, and one more for each of its
//! entries.

use crate::attributes::OBJECT_ID;

/// DynamoDB's limit for an item, with its names: 400 KB.
pub(crate) const MAX_ITEM_BYTES: usize = 400 * 1024;
/// The size of the id's name, and of an id as text.
pub(crate) const ID_BYTES: usize = OBJECT_ID.len() + 36;

/// A list or a map without its entries.
pub(crate) const CONTAINER: usize = 3;
/// An entry of a list or a map, without its name and value.
pub(crate) const ENTRY: usize = 1;
/// Booleans and null. JSON has no binary and no sets.
pub(crate) const CONSTANT: usize = 1;

/// The item is larger than DynamoDB allows.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// Adds up an item's size, with its id, while it is parsed. So an item that is too large is refused before all of it
/// is in memory.
#[derive(Debug)]
pub(crate) struct Size(usize);

impl Size {
    /// The size of an item that has only an id.
    pub(crate) fn new() -> Self {
        Self(ID_BYTES)
    }

    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.0 += bytes;
        if self.0 > MAX_ITEM_BYTES { Err(TooLarge) } else { Ok(()) }
    }
}
