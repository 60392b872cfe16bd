//! Names of what we make for a source.

use std::fmt;

/// Leaves room for `-0` and the hash that a StatefulSet's revisions add, within the 63 bytes of a label.
const LONGEST: usize = 46;

/// The name of a source's StatefulSet, Services and the rest: `offtake-<source>`, a DNS label (RFC 1035).
///
/// Where the source's name does not fit or holds dots, a hash of the whole name keeps two sources apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkloadName(String);

impl WorkloadName {
    pub fn of(source: &str) -> WorkloadName {
        let name = format!("offtake-{}", source.replace('.', "-"));
        if name.len() <= LONGEST && !source.contains('.') {
            return WorkloadName(name);
        }
        let hash = format!("-{:08x}", fold(source));
        let cut = name.len().min(LONGEST - hash.len());
        WorkloadName(format!("{}{hash}", name[..cut].trim_end_matches('-')))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The headless Service that gives pods their names.
    pub fn pods(&self) -> String {
        format!("{}-pods", self.0)
    }

    /// The Secret for clients.
    pub fn client(&self) -> String {
        format!("{}-client", self.0)
    }

    /// The Secret that the worker mounts.
    pub fn worker(&self) -> String {
        format!("{}-worker", self.0)
    }

    /// The only pod.
    pub fn pod(&self) -> String {
        format!("{}-0", self.0)
    }

    /// Its volume.
    pub fn volume(&self) -> String {
        format!("data-{}-0", self.0)
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// FNV-1a, folded to 32 bits: the same in every version, for a StatefulSet cannot be renamed.
fn fold(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash >> 32) ^ (hash & 0xffff_ffff)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_stay_apart() {
        let long = "a".repeat(253);
        let sources = ["shop", "shop.eu", "shop-eu", &*long, &long[1..]];
        let mut names: Vec<String> =
            sources.iter().map(|source| WorkloadName::of(source).to_string()).collect();
        assert_eq!(names[0], "offtake-shop");
        for name in &names {
            assert!(name.len() <= LONGEST && !name.contains('.') && !name.ends_with('-'), "{name}");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), sources.len());
    }
}
