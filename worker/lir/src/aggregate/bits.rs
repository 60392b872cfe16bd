//! Integers counted bit by bit, so that `bit_and`, `bit_or` and `bit_xor` can forget a value.

use serde::{Deserialize, Serialize};

use super::BitOperator;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BitCounts {
    count: i64,
    /// How many values have each bit, from the lowest; without zeros at the end.
    ones: Vec<i64>,
}

impl BitCounts {
    pub(super) fn of(value: i64, diff: i64) -> BitCounts {
        let bits = 64 - value.leading_zeros();
        let ones = (0..bits).map(|bit| if value >> bit & 1 == 1 { diff } else { 0 }).collect();
        BitCounts { count: diff, ones }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.count == 0 && self.ones.is_empty()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &BitCounts) -> BitCounts {
        let at = |counts: &BitCounts, bit| counts.ones.get(bit).copied().unwrap_or(0);
        let ones = (0..self.ones.len().max(other.ones.len()))
            .map(|bit| at(self, bit).wrapping_add(at(other, bit)))
            .collect();
        BitCounts { count: self.count.wrapping_add(other.count), ones }.trimmed()
    }

    #[must_use]
    pub(super) fn times(&self, factor: i64) -> BitCounts {
        let ones = self.ones.iter().map(|ones| ones.wrapping_mul(factor)).collect();
        BitCounts { count: self.count.wrapping_mul(factor), ones }.trimmed()
    }

    fn trimmed(mut self) -> BitCounts {
        while self.ones.last() == Some(&0) {
            self.ones.pop();
        }
        self
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<BitCounts>() + size_of_val(self.ones.as_slice())
    }

    /// `None` of no values.
    pub(super) fn result(&self, operator: BitOperator) -> Option<i64> {
        if self.count <= 0 {
            return None;
        }
        let bits = self.ones.iter().enumerate().filter(|(_, ones)| match operator {
            BitOperator::And => **ones == self.count,
            BitOperator::Or => **ones > 0,
            BitOperator::Xor => **ones & 1 == 1,
        });
        Some(bits.fold(0, |value, (bit, _)| value | 1 << bit))
    }
}
