//! Tuples as they stand in the read buffer: sliced out, not copied, read cell by cell.

use bytes::Bytes;

/// The values of one row, in the order of its relation's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuple(pub(super) Bytes);

/// One value of a [`Tuple`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    /// A TOASTed value that the change did not touch and that was not sent.
    Unchanged,
    /// As the type's output function prints it under the session's settings.
    Text(&'a [u8]),
    /// As the type's send function writes it.
    Binary(&'a [u8]),
}

/// What is known of a row before its change.
#[derive(Clone, Debug, PartialEq)]
pub enum OldTuple {
    /// The replica identity's columns; every other cell is [`Cell::Null`] whatever the row held.
    Key(Tuple),
    /// The whole row (`REPLICA IDENTITY FULL`).
    Full(Tuple),
}

impl OldTuple {
    /// The tuple, whichever it is.
    pub fn tuple(&self) -> &Tuple {
        match self {
            OldTuple::Key(tuple) | OldTuple::Full(tuple) => tuple,
        }
    }
}

impl Tuple {
    /// The number of cells.
    pub fn len(&self) -> usize {
        match self.0.as_ref() {
            [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        }
    }

    /// A table may have no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells in order.
    pub fn cells(&self) -> Cells<'_> {
        Cells { bytes: self.0.get(2..).unwrap_or_default() }
    }

    /// Bytes of the tuple in the stream.
    pub fn byte_len(&self) -> usize {
        self.0.len()
    }
}

/// Iterates a tuple's cells.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    #[inline]
    fn next(&mut self) -> Option<Cell<'a>> {
        // The decoder walked the tuple to find its end, so nothing is cut short here.
        let (&kind, rest) = self.bytes.split_first()?;
        match kind {
            b'n' | b'u' => {
                self.bytes = rest;
                Some(if kind == b'n' { Cell::Null } else { Cell::Unchanged })
            }
            _ => {
                let (len, rest) = rest.split_first_chunk::<4>()?;
                let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
                self.bytes = rest;
                Some(if kind == b'b' { Cell::Binary(value) } else { Cell::Text(value) })
            }
        }
    }
}

/// The length of the tuple that `bytes` starts with, or `None` where it is cut short or has an unknown cell.
pub(super) fn measure(bytes: &[u8]) -> Option<usize> {
    let (count, mut rest) = bytes.split_first_chunk::<2>()?;
    for _ in 0..u16::from_be_bytes(*count) {
        let (kind, after) = rest.split_first()?;
        rest = match kind {
            b'n' | b'u' => after,
            b't' | b'b' => {
                let (len, after) = after.split_first_chunk::<4>()?;
                after.get(u32::from_be_bytes(*len) as usize..)?
            }
            _ => return None,
        };
    }
    Some(bytes.len() - rest.len())
}
