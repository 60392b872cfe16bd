//! PostgreSQL upstream: connection, pre-flight, catalog, snapshot, slot and pgoutput.
