//! The effect of the filters so far on each field of an event.
//!
//! Logstash's filters run one after another. Millrace's rules all use the original event. So this module maps a field
//! name in a filter to the names in the original event: after `rename => { "user" => "adid" }`, `[adid]` is the
//! original `user`, and `[user]` no longer exists.

mod border;
mod change;
mod codec;
mod made;
mod overlay;
mod prefix;
mod state;
mod uses;

pub(crate) use codec::CodecNames;
pub(crate) use made::{Made, Seen, Target, Time, sole_field};
pub(crate) use prefix::Prefix;
pub(crate) use state::Fields;
