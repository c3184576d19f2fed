//! The pauses between the requests of one body.

use super::*;

#[test]
fn a_pause_before_the_next_request_ends_with_the_time_to_send() {
    let deadline = Deadline::after(Duration::from_secs(10));
    assert!(pause_before(deadline, Duration::from_hours(1)) <= Duration::from_secs(9));
    assert_eq!(pause_before(deadline, Duration::from_millis(5)), Duration::from_millis(5));
    assert_eq!(pause_before(Deadline::after(Duration::ZERO), Duration::from_hours(1)), Duration::ZERO);
}
