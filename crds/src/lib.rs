//! The custom resources of Offtake: PgConnection, PgSource, SourceTable, View.
