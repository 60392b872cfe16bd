//! Numbers as the API has them.

/// The API counts with a sign.
pub fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Tenths of a second: finer ones differ from one look to the next and say nothing.
pub fn seconds(seconds: f64) -> f64 {
    (seconds.max(0.0) * 10.0).round() / 10.0
}
