//! Long work on a thread that serves many requests, in turns: between two pieces of it the thread does everything else
//! that has come meanwhile.
//!
//! Without turns, sixty lists whose pages come together are sixty pieces of work in a row, and every other request
//! waits for all of them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task;

/// The turns of one thread.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Turns {
    /// Waits until the work may be done. It is done at once, without waiting for anything else: the next one's turn
    /// begins when this has returned, but the thread is busy until the work ends.
    pub(crate) async fn take(&self) {
        let turn = self.0.acquire().await;
        // The runtime looks for what has come on connections before it resumes this.
        task::yield_now().await;
        drop(turn);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::LocalSet;

    use super::*;

    /// Does not depend on time: a message that arrives during one piece of work is answered before the piece
    /// after the next.
    #[tokio::test]
    async fn other_tasks_run_between_two_pieces_of_work() {
        let done = Rc::new(RefCell::new(Vec::new()));
        let (mut client, mut server) = tokio::net::UnixStream::pair().unwrap();
        let turns = Turns::default();
        let local = LocalSet::new();
        for number in 0..50 {
            let (done, turns) = (done.clone(), turns.clone());
            local.spawn_local(async move {
                turns.take().await;
                done.borrow_mut().push(number);
            });
        }
        let log = done.clone();
        local.spawn_local(async move {
            server.read_u8().await.unwrap();
            log.borrow_mut().push(100);
        });
        client.write_u8(1).await.unwrap();
        local.await;
        let done = done.borrow();
        let at = done.iter().position(|number| *number == 100).unwrap();
        assert!(at <= 3, "{at} pieces of work were done before it");
        assert_eq!(done.len(), 51);
    }
}
