//! Memory for values that an expression computes and that do not fit in a datum: texts, bytes and arrays.

use bumpalo::Bump;
use offtake_row::ArrayRef;

/// More memory than this is given back between rows, in bytes.
const MOST_KEPT: usize = 1 << 20;

/// Holds the texts and bytes computed for one row. Datums borrow from it; it is reset before the next row and keeps (most of) its memory.
#[derive(Debug, Default)]
pub struct Arena {
    bump: Bump,
}

impl Arena {
    pub fn new() -> Arena {
        Arena::default()
    }

    /// Copies a text into the arena.
    pub fn text(&self, text: &str) -> &str {
        self.bump.alloc_str(text)
    }

    /// Copies bytes into the arena.
    pub fn bytes(&self, bytes: &[u8]) -> &[u8] {
        self.bump.alloc_slice_copy(bytes)
    }

    /// Copies an array into the arena.
    pub fn array(&self, array: ArrayRef<'_>) -> ArrayRef<'_> {
        ArrayRef::from_bytes(self.bytes(array.as_bytes()))
    }

    /// Joins two texts in the arena.
    pub fn concat(&self, first: &str, second: &str) -> &str {
        let mut joined =
            bumpalo::collections::String::with_capacity_in(first.len() + second.len(), &self.bump);
        joined.push_str(first);
        joined.push_str(second);
        joined.into_bump_str()
    }

    /// Forgets everything; the borrow checker sees to it that no datum still looks at it.
    pub fn reset(&mut self) {
        // One huge text must not hold its memory for ever.
        if self.bump.allocated_bytes() > MOST_KEPT {
            self.bump = Bump::new();
        } else {
            self.bump.reset();
        }
    }
}
