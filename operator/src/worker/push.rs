//! When a catalog is sent, and under which number.
//!
//! A catalog's generation rises with its content and survives the operator: the PgSource's status keeps the number and a digest of what
//! was sent. The digest is keyed with the worker's token, for a catalog holds passwords and a plain hash could be tried out. An operator
//! that starts anew computes the same digest, finds the worker at that generation, and sends nothing.

use hmac::{Hmac, KeyInit, Mac};
use offtake_contract::{Catalog, Secret};
use sha2::Sha256;

/// A catalog that was sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pushed {
    pub generation: u64,
    pub digest: String,
}

/// The digest of a catalog without its generation.
pub fn digest(catalog: &Catalog, token: &Secret) -> String {
    let body = serde_json::to_vec(&Catalog { generation: 0, ..catalog.clone() }).expect("a catalog is JSON");
    let mut mac = Hmac::<Sha256>::new_from_slice(token.expose().as_bytes()).expect("any length is a key");
    mac.update(&body);
    mac.finalize().into_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What to do with a catalog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The worker has it, under this generation.
    Keep(u64),
    /// Send it under this generation.
    Send(u64),
}

/// `sent` is what this process sent, or what the PgSource's status says was sent; `taken` is the generation that the worker reports.
///
/// What this process sent on a connection that still stands is on its way even where `taken` is behind: `fresh` says so. After a broken
/// connection it may have been lost with the worker, and is sent again.
pub fn decide(digest: &str, sent: Option<&Pushed>, fresh: bool, taken: u64) -> Decision {
    match sent {
        Some(sent)
            if sent.digest == digest && (taken == sent.generation || (fresh && taken < sent.generation)) =>
        {
            Decision::Keep(sent.generation)
        }
        sent => Decision::Send(taken.max(sent.map_or(0, |sent| sent.generation)) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_catalog_is_sent_once_and_a_lost_one_again() {
        let sent = Pushed { generation: 7, digest: "a".into() };
        assert_eq!(decide("a", None, false, 0), Decision::Send(1));
        assert_eq!(decide("a", Some(&sent), false, 7), Decision::Keep(7), "after a restart of the operator");
        assert_eq!(decide("a", Some(&sent), true, 6), Decision::Keep(7), "on its way");
        assert_eq!(decide("a", Some(&sent), false, 6), Decision::Send(8), "perhaps lost on its way");
        assert_eq!(decide("a", Some(&sent), false, 0), Decision::Send(8), "the worker lost its volume");
        assert_eq!(decide("b", Some(&sent), true, 7), Decision::Send(8));
        assert_eq!(decide("b", Some(&sent), false, 12), Decision::Send(13), "somebody else sent, too");
        assert_eq!(decide("a", Some(&sent), false, 12), Decision::Send(13));
    }
}
