//! How long this machine slept. The run's clock does not count that time, so no figure shows it, but the server went on.

use std::time::Duration;

/// Time asleep since the machine started; `None` where the system does not tell.
pub fn total() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};
        /// The clocks are read one after another; a longer time between two readings says nothing.
        const AT_ONCE: Duration = Duration::from_millis(10);
        let read = |clock| Duration::try_from(clock_gettime(clock)).ok();
        let (before, with_sleep, after) =
            (read(ClockId::Monotonic)?, read(ClockId::Boottime)?, read(ClockId::Monotonic)?);
        (after.saturating_sub(before) < AT_ONCE).then(|| with_sleep.saturating_sub(before))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn it_does_not_grow_while_the_machine_is_awake() {
        let mut looks = std::iter::repeat_with(super::total).flatten();
        let (first, then) = (looks.next().unwrap(), looks.next().unwrap());
        assert!(first.abs_diff(then) < std::time::Duration::from_millis(50), "{first:?} {then:?}");
    }
}
