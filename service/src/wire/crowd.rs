//! The connections of one worker. When there are nearly as many as may be, those that have been idle for longest make
//! room for the next.
//!
//! Clients keep connections that they do not use: the newest is used first, and after a peak the others stay open. Left
//! alone they would take every place until their keep-alive is over, and nobody else could connect.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::time::{self, Instant};

/// One in so many places is kept for connections that come.
const KEPT_FREE: usize = 8;
/// A connection that was used more recently than this may be about to be used again.
const LEAST_IDLE: Duration = Duration::from_secs(1);
/// How often they are looked through while there are so many.
const INTERVAL: Duration = Duration::from_millis(100);

/// All connections of a worker.
#[derive(Debug)]
pub(super) struct Crowd {
    seats: RefCell<Vec<Weak<Seat>>>,
    taken: Cell<usize>,
    /// From here on there are nearly as many as may be.
    dense: usize,
    is_watched: Cell<bool>,
}

/// A connection's place among the others. It belongs to one thread.
#[derive(Debug)]
pub(super) struct Seat {
    crowd: Rc<Crowd>,
    idle_since: Cell<Option<Instant>>,
    /// Whether the connection ends if it is still idle.
    let_go: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Crowd {
    /// A worker that may have so many connections.
    pub(super) fn new(most: usize) -> Rc<Self> {
        let dense = most - (most / KEPT_FREE).max(1).min(most);
        let (taken, is_watched) = (Cell::new(0), Cell::new(false));
        Rc::new(Self { seats: RefCell::default(), taken, dense, is_watched })
    }

    /// The place of a new connection, of which nothing has come yet.
    pub(super) fn enter(self: &Rc<Self>) -> Rc<Seat> {
        self.taken.set(self.taken.get() + 1);
        let seat = Rc::new(Seat {
            crowd: self.clone(),
            idle_since: Cell::new(Some(Instant::now())),
            let_go: Cell::new(false),
            waker: RefCell::new(None),
        });
        let mut seats = self.seats.borrow_mut();
        if seats.len() > 2 * self.taken.get() {
            seats.retain(|seat| seat.strong_count() > 0);
        }
        seats.push(Rc::downgrade(&seat));
        seat
    }

    /// What is to be run for as long as there are nearly as many as may be, if that has just begun.
    pub(super) fn watch(self: &Rc<Self>) -> Option<impl Future<Output = ()> + use<>> {
        let begins = self.is_dense() && !self.is_watched.replace(true);
        let crowd = self.clone();
        begins.then_some(async move {
            while crowd.is_dense() {
                crowd.make_room();
                time::sleep(INTERVAL).await;
            }
            crowd.is_watched.set(false);
        })
    }

    fn is_dense(&self) -> bool {
        self.taken.get() > self.dense
    }

    fn make_room(&self) {
        let seats = self.seats.borrow();
        let seats = seats.iter().filter_map(Weak::upgrade);
        let idle = seats.filter_map(|seat| Some((seat.idle_since.get()?, seat)));
        let mut idle: Vec<_> = idle.filter(|(since, _)| since.elapsed() >= LEAST_IDLE).collect();
        idle.sort_unstable_by_key(|(since, _)| *since);
        for (_, seat) in idle.into_iter().take(self.taken.get() - self.dense) {
            seat.let_go.set(true);
            seat.wake();
        }
    }
}

impl Seat {
    /// Nothing is awaited of the connection but its next request.
    pub(super) fn idle(&self) {
        self.idle_since.set(Some(Instant::now()));
    }

    pub(super) fn busy(&self) {
        self.idle_since.set(None);
        self.let_go.set(false);
    }

    /// Whether the connection, which is idle, ends now.
    pub(super) fn is_let_go(&self) -> bool {
        self.let_go.get()
    }

    /// Whether an answer had better close its connection: others wait for one.
    pub(super) fn is_wanted(&self) -> bool {
        self.crowd.is_dense()
    }

    /// Remembers what waits for the connection's stream.
    pub(super) fn wait(&self, waker: &Waker) {
        let mut waiting = self.waker.borrow_mut();
        if !waiting.as_ref().is_some_and(|waiting| waiting.will_wake(waker)) {
            *waiting = Some(waker.clone());
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crowd.taken.set(self.crowd.taken.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_connections_are_closed_first() {
        let crowd = Crowd::new(16);
        let mut seats: Vec<_> = (0..14).map(|_| crowd.enter()).collect();
        let long_ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds));
        for (seat, seconds) in [(4, 3), (5, 2), (6, 4), (7, 0)] {
            seats[seat].idle_since.set(long_ago(seconds));
        }
        seats[8].idle_since.set(long_ago(9));
        seats[8].busy();
        assert!(crowd.watch().is_none() && !seats[0].is_wanted());
        seats.extend([crowd.enter(), crowd.enter()]);
        assert!(crowd.watch().is_some() && seats[0].is_wanted());
        assert!(crowd.watch().is_none(), "it is watched already");
        let let_go = |crowd: &Crowd, seats: &[Rc<Seat>]| {
            crowd.make_room();
            (0..seats.len()).filter(|seat| seats[*seat].is_let_go()).collect::<Vec<_>>()
        };
        assert_eq!(let_go(&crowd, &seats), [4, 6]);
        // A connection that has just received something stays open.
        seats[6].busy();
        assert_eq!(let_go(&crowd, &seats), [4, 5]);
        drop(seats);
        assert_eq!(crowd.taken.get(), 0);
    }

    #[test]
    fn a_worker_with_few_connections_still_limits_them() {
        let crowd = Crowd::new(1);
        assert!(crowd.enter().is_wanted());
        assert_eq!(Crowd::new(1024).dense, 896);
    }
}
