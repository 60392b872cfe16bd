//! pg_authid, pg_roles, pg_user and pg_shadow: the owner of everything, and those that may come in.

use super::record::Records;
use crate::catalog::Catalog;

pub fn authids(catalog: &Catalog, records: &mut Records) {
    for (name, oid) in &catalog.roles {
        records.add(&[
            ("oid", (*oid).into()),
            ("rolname", name.into()),
            ("rolinherit", true.into()),
            ("rolcanlogin", true.into()),
            ("rolconnlimit", (-1).into()),
        ]);
    }
}

pub fn roles(catalog: &Catalog, records: &mut Records) {
    for (name, oid) in &catalog.roles {
        records.add(&[
            ("oid", (*oid).into()),
            ("rolname", name.into()),
            ("rolsuper", false.into()),
            ("rolinherit", true.into()),
            ("rolcreaterole", false.into()),
            ("rolcreatedb", false.into()),
            ("rolcanlogin", true.into()),
            ("rolreplication", false.into()),
            ("rolconnlimit", (-1).into()),
            ("rolpassword", HIDDEN.into()),
            ("rolbypassrls", false.into()),
        ]);
    }
}

/// What PostgreSQL shows in place of a password.
const HIDDEN: &str = "********";

pub fn users(catalog: &Catalog, records: &mut Records) {
    user_rows(catalog, records, Some(HIDDEN));
}

pub fn shadows(catalog: &Catalog, records: &mut Records) {
    user_rows(catalog, records, None);
}

fn user_rows(catalog: &Catalog, records: &mut Records, password: Option<&str>) {
    for (name, oid) in &catalog.roles {
        records.add(&[
            ("usename", name.into()),
            ("usesysid", (*oid).into()),
            ("usecreatedb", false.into()),
            ("usesuper", false.into()),
            ("userepl", false.into()),
            ("usebypassrls", false.into()),
            ("passwd", password.into()),
        ]);
    }
}
