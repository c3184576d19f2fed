//! The columns of the fault matrix: what one call meets.

use std::time::Duration;

/// What one call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The process is killed when the call begins. The other side sees nothing of it.
    KilledBefore,
    /// The process is killed when the other side has half of the request.
    KilledDuring,
    /// The process is killed when the call took effect, before it has the reply.
    KilledAfter,
    /// The connection is refused, and so is every other one to that service for a moment.
    Refused,
    /// The connection is reset before the other side has anything of the request.
    ResetBefore,
    /// The connection is reset in the middle of the request.
    ResetInRequest,
    /// The connection is reset in the middle of the reply.
    ResetInReply,
    /// The call takes effect, and the connection is reset instead of a reply.
    LostReply,
    /// No reply ever comes, and the call takes no effect.
    Timeout,
    /// The call is answered with this status, and takes no effect.
    Status(u16),
    /// 429 with `Retry-After: 1`.
    RetryAfter,
    /// The call takes effect, and the second half of the reply's body is missing.
    Truncated,
    /// The call takes effect, and the reply has a body of no bytes.
    Empty,
    /// The call takes effect, and the reply's body is noise of the same length.
    Garbage,
    /// The call takes effect, and the reply comes byte by byte.
    SlowBytes,
    /// The call is delivered twice: the reply is that of the second time.
    Twice,
    /// The connection is reset, and the call is delivered after calls that follow it.
    OutOfOrder,
}

/// How late a call is that is delivered out of order: after the first attempt that follows it.
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

    /// Whether the other side itself says something other than the truth: that nothing is there, or that something else is.
    pub fn is_a_lie(self) -> bool {
        matches!(self, Self::Status(400 | 404 | 409 | 412 | 413) | Self::Truncated | Self::Empty | Self::Garbage)
    }
}
