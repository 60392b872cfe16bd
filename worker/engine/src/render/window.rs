//! Window functions: each partition is an arrangement's group, its rows in the window's order, and is evaluated anew at each change of it.
//!
//! A change costs as much as its partition has rows, whichever functions there are: measured (`examples/partitions.rs`), 30 us with 10
//! rows, 0.3 to 1 ms with 1,000, 70 ms (`row_number`, `lag`) to 270 ms (a running sum) with 100,000. Only rows whose results change are put
//! out.

use offtake_lir::{KeyOf, Window, window};
use offtake_row::Row;

use super::{Bundle, Renderer, arrange, group::group_all, join::Sides, map::fallible, order};
use crate::command::Plan;

impl<'s> Renderer<'s> {
    pub(super) fn window(&self, input: &Plan, window: &Window) -> Bundle<'s> {
        if let Err(error) = window::check(window) {
            return self.error(&error);
        }
        let Bundle { oks, errs } = self.render(input);
        let (mut key, orders) = (KeyOf::grouping(&window.partition), window.order_by.clone());
        let (keyed, key_errs) = fallible("Window rows", oks, move |row: Row, diff| match key.of(&row) {
            Ok(key) => Ok(key.map(|key| ((key, order::encode_row(&orders, &row)), diff))),
            Err(error) => Err(error.to_row()),
        });
        let window = window.clone();
        let mut rows: Vec<(Row, i64)> = Vec::new();
        let results = group_all(arrange(keyed, "Window"), "Window", move |_, members, made| {
            rows.clear();
            let there = members.filter(|(_, count)| *count > 0);
            rows.extend(there.map(|(row, count)| (Row::from_bytes(order::value(row)), count)));
            let result = window::evaluate(&window, &rows, &mut |row| {
                made.push((Ok(row), 1));
                Ok(())
            });
            if let Err(error) = result {
                made.clear();
                made.push((Err(error.to_row()), 1));
            }
        });
        let (oks, result_errs) = fallible("Window results", results, |row: Result<Row, Row>, diff| {
            row.map(|row| Some((row, diff)))
        });
        Bundle { oks, errs: errs.concat(key_errs).concat(result_errs) }
    }
}
