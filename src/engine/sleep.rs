//! Time that this machine slept. The run's clock excludes sleep, so no figure shows it, although the server kept
//! running.

use std::time::Duration;

/// Returns the time asleep since the machine started; `None` if the system does not report it.
pub fn total() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};
        /// Maximum time between the first and the last reading. The clocks are read one after another; with a longer
        /// time between, their difference is meaningless.
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
    fn sleep_does_not_grow_while_the_machine_is_awake() {
        let mut looks = std::iter::repeat_with(super::total).flatten();
        let (first, then) = (looks.next().unwrap(), looks.next().unwrap());
        assert!(first.abs_diff(then) < std::time::Duration::from_millis(50), "{first:?} {then:?}");
    }
}
