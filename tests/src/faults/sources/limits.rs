//! The limits of the functions that take events.

use std::time::Duration;

/// The time of an invocation. A call without a reply uses all of it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(8);
