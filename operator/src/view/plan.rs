//! Whether the worker's report is about the view as it is.

use offtake_contract::ViewStatus;

use super::inputs::Inputs;
use crate::membership::Standing;

pub fn plan(inputs: &Inputs) -> Standing<ViewStatus> {
    inputs.membership.standing(inputs.report.as_ref())
}
