//! The edge: PostgreSQL wire protocol, HTTP API and metrics.
