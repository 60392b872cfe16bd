//! Arrays: dimensions with their bounds, and elements packed as rows pack their datums.
//!
//! The packed form is canonical: equal bytes where dimensions, bounds and elements' representations are the same. What is no array's
//! bytes reads as an array with fewer elements than its dimensions say, and never panics.

use crate::{
    datum::Datum,
    row::{RowIter, RowPacker},
};

/// More dimensions than this no array has (PostgreSQL's `MAXDIM`).
pub const MAX_DIMENSIONS: usize = 6;
/// More elements than this no array has (PostgreSQL's `MaxArraySize`).
pub const MAX_ELEMENTS: usize = 134_217_727;

/// Says that lower bounds follow the lengths, because one of them is not 1.
const BOUNDED: u8 = 0x80;

/// How far an array reaches in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// How many elements, at least 1.
    pub length: u32,
    /// The subscript of the first.
    pub lower: i32,
}

impl Dimension {
    /// Counted from 1.
    pub fn new(length: usize) -> Dimension {
        Dimension { length: length as u32, lower: 1 }
    }

    /// The subscript of the last element.
    pub fn upper(self) -> i64 {
        i64::from(self.lower) + i64::from(self.length) - 1
    }
}

/// An array, borrowed: a byte that counts the dimensions, their lengths, their lower bounds where one is not 1, and the elements in
/// row-major order. An empty array has no dimensions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ArrayRef<'a> {
    bytes: &'a [u8],
}

impl<'a> ArrayRef<'a> {
    /// Takes bytes that [`ArrayRef::as_bytes`] or [`ArrayBuilder::finish`] gave.
    pub fn from_bytes(bytes: &'a [u8]) -> ArrayRef<'a> {
        ArrayRef { bytes }
    }

    /// The array without elements.
    pub fn empty() -> ArrayRef<'static> {
        ArrayRef { bytes: &[0] }
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many dimensions it has; 0 for an empty one.
    pub fn ndims(self) -> usize {
        usize::from(self.bytes.first().copied().unwrap_or(0) & !BOUNDED).min(MAX_DIMENSIONS)
    }

    fn header(self) -> usize {
        let words = if self.bytes.first().is_some_and(|first| first & BOUNDED != 0) { 2 } else { 1 };
        1 + 4 * words * self.ndims()
    }

    fn word(self, at: usize) -> [u8; 4] {
        self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
    }

    /// A dimension, from 0.
    pub fn dimension(self, index: usize) -> Option<Dimension> {
        let ndims = self.ndims();
        if index >= ndims {
            return None;
        }
        let bounded = self.bytes.first().is_some_and(|first| first & BOUNDED != 0);
        let lower = if bounded { i32::from_le_bytes(self.word(1 + 4 * (ndims + index))) } else { 1 };
        Some(Dimension { length: u32::from_le_bytes(self.word(1 + 4 * index)), lower })
    }

    /// All dimensions, the outermost first.
    pub fn dimensions(self) -> impl Iterator<Item = Dimension> + Clone + 'a {
        (0..self.ndims()).filter_map(move |index| self.dimension(index))
    }

    /// How many elements its dimensions say.
    pub fn len(self) -> usize {
        match self.ndims() {
            0 => 0,
            _ => self
                .dimensions()
                .fold(1, |len: usize, dimension| len.saturating_mul(dimension.length as usize)),
        }
    }

    pub fn is_empty(self) -> bool {
        self.ndims() == 0
    }

    /// The elements in row-major order.
    pub fn iter(self) -> RowIter<'a> {
        RowIter::new(self.packed())
    }

    /// The elements as rows pack them.
    pub fn packed(self) -> &'a [u8] {
        self.bytes.get(self.header()..).unwrap_or_default()
    }
}

impl<'a> IntoIterator for ArrayRef<'a> {
    type Item = Datum<'a>;
    type IntoIter = RowIter<'a>;

    fn into_iter(self) -> RowIter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for ArrayRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.dimensions().any(|dimension| dimension.lower != 1) || self.ndims() > 1 {
            for dimension in self.dimensions() {
                write!(f, "[{}:{}]", dimension.lower, dimension.upper())?;
            }
        }
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Builds arrays; its buffer is reused from array to array.
#[derive(Debug, Default)]
pub struct ArrayBuilder {
    elements: RowPacker,
    count: usize,
    bytes: Vec<u8>,
}

impl ArrayBuilder {
    pub fn new() -> ArrayBuilder {
        ArrayBuilder::default()
    }

    /// Appends an element.
    pub fn push(&mut self, element: Datum<'_>) {
        self.elements.push(element);
        self.count += 1;
    }

    /// Where elements are packed that are read by something that packs; one call of `f` packs one element.
    pub fn push_with<E>(&mut self, f: impl FnOnce(&mut RowPacker) -> Result<(), E>) -> Result<(), E> {
        f(&mut self.elements)?;
        self.count += 1;
        Ok(())
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets the elements.
    pub fn clear(&mut self) {
        self.elements.clear();
        self.count = 0;
    }

    /// The array of one dimension, counted from 1, and the next one begins. Its bytes are the builder's until then.
    pub fn finish(&mut self) -> ArrayRef<'_> {
        let dimension = Dimension::new(self.count);
        self.finish_with(&[dimension])
    }

    /// The array of these dimensions, whose lengths multiply to the number of elements. Of no elements it is the empty array.
    pub fn finish_with(&mut self, dimensions: &[Dimension]) -> ArrayRef<'_> {
        self.bytes.clear();
        let none = self.count == 0;
        let dimensions = if none { &[] } else { dimensions };
        let bounded = dimensions.iter().any(|dimension| dimension.lower != 1);
        self.bytes.push(dimensions.len() as u8 | if bounded { BOUNDED } else { 0 });
        for dimension in dimensions {
            self.bytes.extend_from_slice(&dimension.length.to_le_bytes());
        }
        if bounded {
            for dimension in dimensions {
                self.bytes.extend_from_slice(&dimension.lower.to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(self.elements.as_bytes());
        self.clear();
        ArrayRef { bytes: &self.bytes }
    }
}
