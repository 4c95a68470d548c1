//! How long a minute of CloudWatch's lasts here, and whether it passes at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Whether time passes.
    pub(crate) running: bool,
    /// The length of a minute in seconds, from 1 to 60.
    pub(crate) seconds_per_minute: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { running: true, seconds_per_minute: 5 }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// The middle of the minute, in which the collector reads metrics, too.
    Middle,
    End,
}

/// How far the minute has come.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    passed: Duration,
    is_past_middle: bool,
}

impl Hand {
    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration, clock: Clock) -> Due {
        if !clock.running {
            return Due::Nothing;
        }
        self.passed += time;
        let minute = Duration::from_secs(clock.seconds_per_minute);
        if self.passed >= minute {
            *self = Self::default();
            return Due::End;
        }
        if self.passed >= minute / 2 && !self.is_past_middle {
            self.is_past_middle = true;
            return Due::Middle;
        }
        Due::Nothing
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_a_middle_and_an_end_and_can_be_paused() {
        let (mut hand, clock) = (Hand::default(), Clock::default());
        let second = Duration::from_secs(1);
        let mut pass = |clock| hand.pass(second, clock);
        let of_minute = |pass: &mut dyn FnMut(Clock) -> Due| [(); 5].map(|()| pass(clock));
        let expected = [Due::Nothing, Due::Nothing, Due::Middle, Due::Nothing, Due::End];
        assert_eq!(of_minute(&mut pass), expected);
        assert_eq!(pass(Clock { running: false, ..clock }), Due::Nothing);
        assert_eq!(of_minute(&mut pass), expected);
        let quick = Clock { seconds_per_minute: 1, ..clock };
        assert_eq!([pass(quick), pass(quick)], [Due::End, Due::End]);
    }
}
