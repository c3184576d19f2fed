//! Why an event has no destination.

/// Why no index or id can be derived from an event. A retry would fail the same way, so the event goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RouteError {
    /// `invalid_timestamp`, `absurd_timestamp`, `invalid_index`, `invalid_id` or `invalid_routing`.
    pub error_type: &'static str,
    /// A description of the fault for a person.
    pub reason: String,
}
