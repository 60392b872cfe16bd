//! Status: a pure function of what was observed, written only where it differs.

pub mod conditions;
#[cfg(test)]
pub mod kstatus;
pub mod numbers;
pub mod write;
