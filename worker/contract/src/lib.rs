//! Catalog (desired) and Status (observed): the only language between operator and worker.
