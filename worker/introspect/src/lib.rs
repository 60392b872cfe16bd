//! pg_catalog and information_schema for clients, on DataFusion.
