//! The account and the region in every ARN.

/// The account in every ARN.
pub(super) const ACCOUNT: &str = "000000000000";
/// The region in every ARN.
pub(super) const REGION: &str = "us-east-1";
