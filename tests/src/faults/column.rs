//! The columns of the fault matrix: the faults that one call can meet.

use std::time::Duration;

/// The fault that one call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The process is killed when the call begins. The other side receives nothing.
    KilledBefore,
    /// The process is killed after the other side has received half of the request.
    KilledDuring,
    /// The process is killed after the call took effect, before it receives the reply.
    KilledAfter,
    /// The connection is refused. For a moment, every other connection to that service is refused too.
    Refused,
    /// The connection is reset before the other side receives any byte of the request.
    ResetBefore,
    /// The connection is reset in the middle of the request.
    ResetInRequest,
    /// The connection is reset in the middle of the reply.
    ResetInReply,
    /// The call takes effect, and the connection is reset instead of a reply.
    LostReply,
    /// The call takes no effect, and no reply comes.
    Timeout,
    /// The reply has this status, and the call takes no effect.
    Status(u16),
    /// 429 with `Retry-After: 1`.
    RetryAfter,
    /// The call takes effect, and the second half of the reply's body is missing.
    Truncated,
    /// The call takes effect, and the reply's body is empty.
    Empty,
    /// The call takes effect, and the reply's body is noise of the same length.
    Garbage,
    /// The call takes effect, and the reply comes byte by byte.
    SlowBytes,
    /// The call is delivered twice. The reply is that of the second delivery.
    Twice,
    /// The connection is reset, and the call is delivered later, after calls that follow it.
    OutOfOrder,
}

/// The delay of a call that is delivered out of order: it arrives after the first attempt that follows it.
pub const LATE: Duration = Duration::from_millis(1_200);

impl Column {
    /// Every column, in the order of the table.
    pub const ALL: [Self; 26] = [
        Self::KilledBefore,
        Self::KilledDuring,
        Self::KilledAfter,
        Self::Refused,
        Self::ResetBefore,
        Self::ResetInRequest,
        Self::ResetInReply,
        Self::LostReply,
        Self::Timeout,
        Self::Status(400),
        Self::Status(401),
        Self::Status(403),
        Self::Status(404),
        Self::Status(409),
        Self::Status(412),
        Self::Status(413),
        Self::Status(429),
        Self::RetryAfter,
        Self::Status(500),
        Self::Status(503),
        Self::Truncated,
        Self::Empty,
        Self::Garbage,
        Self::SlowBytes,
        Self::Twice,
        Self::OutOfOrder,
    ];

    /// Its name in `CELL=ROW/COLUMN/SOURCE`, and in the table.
    pub fn name(self) -> String {
        match self {
            Self::KilledBefore => "killed-before".into(),
            Self::KilledDuring => "killed-during".into(),
            Self::KilledAfter => "killed-after".into(),
            Self::Refused => "refused".into(),
            Self::ResetBefore => "reset-before".into(),
            Self::ResetInRequest => "reset-in-request".into(),
            Self::ResetInReply => "reset-in-reply".into(),
            Self::LostReply => "lost-reply".into(),
            Self::Timeout => "timeout".into(),
            Self::Status(status) => status.to_string(),
            Self::RetryAfter => "429-retry-after".into(),
            Self::Truncated => "truncated".into(),
            Self::Empty => "empty".into(),
            Self::Garbage => "garbage".into(),
            Self::SlowBytes => "slow".into(),
            Self::Twice => "twice".into(),
            Self::OutOfOrder => "out-of-order".into(),
        }
    }

    /// Whether the reply itself is false: it says that something does not exist, or is something else.
    pub fn is_a_lie(self) -> bool {
        matches!(self, Self::Status(400 | 404 | 409 | 412 | 413) | Self::Truncated | Self::Empty | Self::Garbage)
    }
}
