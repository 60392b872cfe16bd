//! pg_stat_activity and its like: the sessions there are, and what the asking one has open.

use super::record::{Records, Value, array};
use crate::{
    catalog::{Catalog, DATABASE, OWNER_NAME},
    moment::{Client, Moment},
};

pub fn activity(catalog: &Catalog, moment: &Moment, records: &mut Records) {
    for client in &moment.clients {
        let role = catalog.roles.get(&client.user).copied();
        let mut values = vec![
            ("datid", DATABASE.into()),
            ("datname", (&catalog.database).into()),
            ("pid", client.pid.into()),
            ("usesysid", role.into()),
            ("usename", (&client.user).into()),
            ("application_name", (&client.application_name).into()),
        ];
        if may_see(moment, client) {
            values.extend(details(client));
        } else {
            values.push(("query", "<insufficient privilege>".into()));
        }
        records.add(&values);
    }
}

/// As in PostgreSQL, what a session does is shown to its own role. The owner, whom everything belongs to, sees all.
fn may_see(moment: &Moment, client: &Client) -> bool {
    client.user == moment.user || moment.user == OWNER_NAME
}

fn details(client: &Client) -> Vec<(&'static str, Value<'_>)> {
    let time = |time: Option<i64>| time.map_or(Value::Null, Value::Timestamp);
    vec![
        ("client_addr", client.address.map(|address| address.ip().to_string()).into()),
        ("client_port", client.address.map_or(-1, |address| i32::from(address.port())).into()),
        ("backend_start", Value::Timestamp(client.came)),
        ("xact_start", time(client.transaction)),
        ("query_start", time(client.query_start)),
        ("state_change", time(client.state_change)),
        ("state", client.state.as_str().into()),
        ("query", (&client.query).into()),
        ("backend_type", "client backend".into()),
    ]
}

pub fn ssl(_: &Catalog, moment: &Moment, records: &mut Records) {
    for client in &moment.clients {
        let mut values = vec![("pid", client.pid.into())];
        if may_see(moment, client) {
            values.push(("ssl", client.tls.is_some().into()));
            values.push(("version", client.tls.as_ref().map(|(version, _)| version).into()));
            values.push(("cipher", client.tls.as_ref().map(|(_, cipher)| cipher).into()));
        }
        records.add(&values);
    }
}

pub fn gssapi(_: &Catalog, moment: &Moment, records: &mut Records) {
    for client in &moment.clients {
        let mut values = vec![("pid", client.pid.into())];
        if may_see(moment, client) {
            values.push(("gss_authenticated", false.into()));
            values.push(("encrypted", false.into()));
        }
        records.add(&values);
    }
}

pub fn prepared_statements(_: &Catalog, moment: &Moment, records: &mut Records) {
    for statement in &moment.statements {
        records.add(&[
            ("name", (&statement.name).into()),
            ("statement", (&statement.text).into()),
            ("prepare_time", Value::Timestamp(statement.prepared)),
            ("parameter_types", array(&statement.parameters)),
            ("from_sql", statement.from_sql.into()),
            ("generic_plans", 0.into()),
            ("custom_plans", 0.into()),
        ]);
    }
}

pub fn cursors(_: &Catalog, moment: &Moment, records: &mut Records) {
    for cursor in &moment.cursors {
        records.add(&[
            ("name", (&cursor.name).into()),
            ("statement", (&cursor.text).into()),
            ("is_holdable", cursor.hold.into()),
            ("is_binary", false.into()),
            ("is_scrollable", cursor.scroll.into()),
            ("creation_time", Value::Timestamp(cursor.opened)),
        ]);
    }
}
