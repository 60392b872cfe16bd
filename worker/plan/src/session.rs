//! What a statement can ask about its own session.

use std::sync::Arc;

use offtake_lir::functions::CatalogFunctions;

/// The facts of a session that queries see as constants: where names are looked up, and what the session functions answer.
#[derive(Clone, Debug)]
pub struct Session {
    /// Schemas in which unqualified names are looked up, first match wins.
    pub search_path: Vec<String>,
    /// `current_database()`, `current_catalog`.
    pub database: String,
    /// `current_user`, `session_user`, `user`.
    pub user: String,
    /// The whole text that `version()` answers.
    pub server_version: String,
    /// `pg_backend_pid()`.
    pub backend_pid: i32,
    /// `now()` and its like, in microseconds since 2000-01-01 00:00 UTC. `None`: they are refused, as in views.
    pub now: Option<i64>,
    /// What functions about the catalog's objects compute. `None`: there are none.
    pub catalog: Option<Arc<dyn CatalogFunctions>>,
}

impl Default for Session {
    fn default() -> Session {
        Session {
            search_path: vec!["public".to_owned()],
            database: "offtake".to_owned(),
            user: "offtake".to_owned(),
            server_version: "PostgreSQL 15.0 (Offtake)".to_owned(),
            backend_pid: 0,
            now: None,
            catalog: None,
        }
    }
}
