//! Sizes as DynamoDB counts them (Amazon DynamoDB Developer Guide, "DynamoDB item sizes and
//! formats"): names and strings by their UTF-8 bytes, numbers by their digits, and three bytes for
//! a list or map with one more for each of its entries.

use crate::attributes::OBJECT_ID;

/// DynamoDB's limit for an item, its names included: 400 KB.
pub(crate) const MAX_ITEM_BYTES: usize = 400 * 1024;
/// The name of the id, and an id as text.
pub(crate) const ID_BYTES: usize = OBJECT_ID.len() + 36;

/// A list or a map without its entries.
pub(crate) const CONTAINER: usize = 3;
/// An entry of either, without its name and its value.
pub(crate) const ENTRY: usize = 1;
/// Booleans and null. JSON has no binary and no sets.
pub(crate) const CONSTANT: usize = 1;

/// It is larger than an item may be.
#[derive(Debug)]
pub(crate) struct TooLarge;

/// What an item comes to, its id included, as it is read. A text that is mostly an item too large is known as that
/// before all of it is in memory.
#[derive(Debug)]
pub(crate) struct Size(usize);

impl Size {
    /// An item's with nothing but its id.
    pub(crate) fn new() -> Self {
        Self(ID_BYTES)
    }

    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.0 += bytes;
        if self.0 > MAX_ITEM_BYTES { Err(TooLarge) } else { Ok(()) }
    }
}
