//! The session, the server and its settings.

use offtake_lir::{Func, Lookup, Otherwise, Scalar};
use offtake_row::{
    Datum, Element, Row,
    Type::{self, Bool, Int4, Int8, Name, Oid, Text, Timestamptz, Xid},
};

use super::{
    CATALOG, Entry, Functions, STATEMENT, arg, call, constant, entry, error, look_up, nothing, number, text,
    truth,
};

pub const ENTRIES: &[Entry] = &[
    entry("current_setting", &[Text], Text, STATEMENT, |functions, _| setting(functions)),
    entry("current_setting", &[Text, Bool], Text, STATEMENT, |functions, _| {
        let missing_ok = Scalar::call(Func::IsNull, [arg(1)]);
        let branches = vec![(missing_ok, Scalar::null(Text)), (arg(1), known_setting(functions))];
        Scalar::Case { branches, otherwise: Box::new(setting(functions)) }
    }),
    entry("pg_client_encoding", &[], Name, CATALOG, |functions, args| {
        constant(functions, args, text("UTF8"))
    }),
    entry("getdatabaseencoding", &[], Name, CATALOG, |functions, args| {
        constant(functions, args, text("UTF8"))
    }),
    entry("pg_encoding_to_char", &[Int4], Name, CATALOG, |functions, _| {
        let names = functions.lookup("pg_encoding_to_char", |_| {
            let names = ENCODINGS.iter().enumerate().map(|(code, name)| (number(code as i64), text(name)));
            Lookup::new("pg_encoding_to_char", vec![Int4], names, Otherwise::Value(text("")))
        });
        look_up(names, [arg(0)])
    }),
    entry("pg_char_to_encoding", &[Name], Int4, CATALOG, |functions, _| {
        let codes = functions.lookup("pg_char_to_encoding", |_| {
            let bare = |name: &str| name.to_lowercase().replace(['_', '-'], "");
            let names =
                ENCODINGS.iter().enumerate().map(|(code, name)| (text(&bare(name)), number(code as i64)));
            let alias = [(text("unicode"), number(6))];
            Lookup::new("pg_char_to_encoding", vec![Text], names.chain(alias), Otherwise::Value(number(-1)))
        });
        // Letters and digits of the name count.
        let drop = Scalar::literal(Datum::Text(" -_"), Text);
        let nothing = Scalar::literal(Datum::Text(""), Text);
        look_up(codes, [Scalar::call(Func::Translate, [call(Func::Lower, arg(0)), drop, nothing])])
    }),
    entry("pg_is_in_recovery", &[], Bool, CATALOG, no),
    entry("pg_jit_available", &[], Bool, CATALOG, no),
    entry("pg_is_other_temp_schema", &[Oid], Bool, CATALOG, no),
    entry("pg_my_temp_schema", &[], Oid, CATALOG, |functions, args| constant(functions, args, number(0))),
    entry("pg_tablespace_location", &[Oid], Text, CATALOG, |functions, _| {
        let places = functions.lookup("pg_tablespace_location", |_| {
            let places = [1663, 1664].map(|oid| (number(oid), text("")));
            Lookup::new("pg_tablespace_location", vec![Oid], places, Otherwise::null())
        });
        look_up(places, [arg(0)])
    }),
    entry("inet_server_addr", &[], Text, STATEMENT, |functions, args| {
        let address = (functions.moment)().address.map(|address| address.ip().to_string());
        constant(functions, args, Row::pack([address.as_deref().map_or(Datum::Null, Datum::Text)]))
    }),
    entry("inet_server_port", &[], Int4, STATEMENT, |functions, args| {
        let port = (functions.moment)().address.map(|address| i64::from(address.port()));
        constant(functions, args, Row::pack([port.map_or(Datum::Null, Datum::Int)]))
    }),
    entry("inet_client_addr", &[], Text, STATEMENT, |functions, args| {
        let address = client(functions).map(|address| address.ip().to_string());
        constant(functions, args, Row::pack([address.as_deref().map_or(Datum::Null, Datum::Text)]))
    }),
    entry("inet_client_port", &[], Int4, STATEMENT, |functions, args| {
        let port = client(functions).map(|address| i64::from(address.port()));
        constant(functions, args, Row::pack([port.map_or(Datum::Null, Datum::Int)]))
    }),
    entry("pg_postmaster_start_time", &[], Timestamptz, STATEMENT, started),
    entry("pg_conf_load_time", &[], Timestamptz, STATEMENT, started),
    // Counts states of the catalog: what changed since a number that was seen is found by comparing.
    entry("txid_current", &[], Int8, CATALOG, |functions, args| {
        constant(functions, args, number(functions.catalog.generation))
    }),
    entry("age", &[Xid], Int4, CATALOG, |functions, _| {
        let now = Scalar::literal(Datum::Int(functions.catalog.generation.into()), Int4);
        Scalar::call(Func::Subtract(offtake_lir::scalar::Number::Int4), [now, arg(0)])
    }),
    entry("pg_blocking_pids", &[Int4], Type::Array(Element::Int4), CATALOG, |functions, args| {
        constant(functions, args, Row::pack([Datum::Array(offtake_row::ArrayRef::empty())]))
    }),
    entry("pg_xact_commit_timestamp", &[Xid], Timestamptz, CATALOG, nothing),
];

/// Source: `pg_encoding_to_char` of PostgreSQL 15, by its numbers.
const ENCODINGS: [&str; 42] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "MULE_INTERNAL",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "WIN1256",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "WIN1251",
    "WIN1252",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1257",
    "KOI8U",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];

fn no(functions: &Functions, args: &'static [Type]) -> Scalar {
    constant(functions, args, truth(false))
}

fn started(functions: &Functions, args: &'static [Type]) -> Scalar {
    let started = (functions.moment)().started;
    constant(functions, args, Row::pack([Datum::Timestamp(started)]))
}

fn client(functions: &Functions) -> Option<std::net::SocketAddr> {
    let moment = (functions.moment)();
    moment.clients.iter().find(|client| client.pid == moment.pid)?.address
}

fn setting(functions: &Functions) -> Scalar {
    settings(functions, error(b"42704", "unrecognized configuration parameter \"{}\""))
}

fn known_setting(functions: &Functions) -> Scalar {
    settings(functions, Otherwise::null())
}

fn settings(functions: &Functions, otherwise: Otherwise) -> Scalar {
    let moment = (functions.moment)();
    let settings =
        moment.settings.iter().map(|setting| (text(&setting.name.to_lowercase()), text(&setting.value)));
    let lookup = Lookup::new("current_setting", vec![Text], settings, otherwise);
    look_up(lookup.into(), [call(Func::Lower, arg(0))])
}
