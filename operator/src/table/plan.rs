//! Whether the worker's report is about the table as it is.

use offtake_contract::TableStatus;

use super::inputs::Inputs;
use crate::membership::Standing;

pub fn plan(inputs: &Inputs) -> Standing<TableStatus> {
    inputs.membership.standing(inputs.report.as_ref())
}
