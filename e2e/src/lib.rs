//! Tests against real servers, benches against peers, and xtask.
