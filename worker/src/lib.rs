//! The worker: wires ingestion, store, engine, results and serving into one process.
