//! What is lost of a delivery, and why.

/// What is lost of a batch of spans.
#[derive(Debug)]
pub(super) struct Lost {
    /// How many.
    pub(super) spans: usize,
    /// The first one's cause, for people.
    pub(super) why: String,
}
