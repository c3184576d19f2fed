//! The types that several keys share: fields, times and zones.

use schemars::JsonSchema;

/// A field, by names with dots between: `device.model`.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Path(#[schemars(regex(pattern = "^[^.]+(\\.[^.]+){0,31}$"))] String);

/// A time zone by its name in the IANA database, such as `Asia/Seoul`.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Zone(#[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9_+/-]*$"))] String);

/// A field with a time: its name, or `{ field: …, format: … }`.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Time {
    /// RFC 3339, or a number since 1970: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, else nanoseconds.
    Auto(Path),
    Written {
        /// The field.
        field: Path,
        format: Option<TimeFormats>,
        /// The time zone of a text without an offset. Without it, UTC.
        timezone: Option<Zone>,
    },
}

/// `auto` (the default), `rfc3339`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns` or a strptime format such as `%d/%b/%Y:%H:%M:%S %z`;
/// of a list the first that makes sense of the value.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum TimeFormats {
    One(TimeFormat),
    Several(#[schemars(length(min = 1))] Vec<TimeFormat>),
}

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct TimeFormat(#[schemars(regex(pattern = "^(auto|rfc3339|epoch_(s|ms|us|ns)|.*%.*)$"))] String);

/// Hours, days or weeks: `36h`, `14d`, `2w`.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Duration(#[schemars(regex(pattern = "^[0-9]+[hdw]$"))] String);
