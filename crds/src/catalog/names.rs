//! Names that follow from other names.

use crate::reference::ObjectName;

/// PostgreSQL's NAMEDATALEN - 1, in bytes.
pub(super) const LONGEST: usize = 63;

/// An object's name as SQL can write it without quotes: `order-lines` becomes `order_lines`.
pub(super) fn sql_name(object: &str) -> String {
    object.replace(['-', '.'], "_")
}

/// The slot of a source that names none: `offtake_<namespace>_<name>`, as far as a slot's name can hold it (`[a-z0-9_]`, 63 bytes).
///
/// Two sources must never share a slot: each would miss what the other took. So where the name cannot be told back from it (it was cut, or
/// dots and dashes made its parts ambiguous), a hash of the whole name follows.
pub fn slot_name(source: &ObjectName) -> String {
    let keep = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' };
    let name: String = format!("offtake_{}_{}", source.namespace, source.name).chars().map(keep).collect();
    let ambiguous = source.namespace.contains(['-', '.', '_']) || source.name.contains(['.', '_']);
    if name.len() <= LONGEST && !ambiguous {
        return name;
    }
    let hash = format!("_{:08x}", hash(&source.to_string()));
    let cut = name.len().min(LONGEST - hash.len());
    format!("{}{hash}", &name[..cut])
}

/// FNV-1a, folded to 32 bits: the same in every version and on every machine, for a slot outlives both.
fn hash(text: &str) -> u32 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    ((hash >> 32) ^ (hash & 0xffff_ffff)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_different_sources_differ_and_are_valid() {
        let long = "a".repeat(253);
        let names = [
            ("default", "shop"),
            ("default", "shop-eu"),
            ("default-shop", "eu"),
            ("default", "shop.eu"),
            ("team", &*long),
            ("team", &long[1..]),
        ];
        let mut slots: Vec<String> =
            names.iter().map(|(space, name)| slot_name(&ObjectName::new(*space, *name))).collect();
        assert_eq!(slots[0], "offtake_default_shop");
        assert_eq!(slots[1], "offtake_default_shop_eu");
        // Fixed for ever: a changed hash would abandon a slot.
        assert_eq!(slots[2], "offtake_default_shop_eu_29d8d687");
        for slot in &slots {
            let valid = slot.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
            assert!(valid && slot.len() <= LONGEST, "{slot}");
        }
        slots.sort();
        slots.dedup();
        assert_eq!(slots.len(), names.len());
    }
}
