//! Durable tables on the volume, atomic with the LSN.
