//! A connection in which every reference is followed, or all that keeps it from being one.

use offtake_contract::{Connection, Problem};
use offtake_crds::catalog;

use super::inputs::Inputs;

pub fn plan(inputs: &Inputs) -> Result<Connection, Vec<Problem>> {
    catalog::connection(&inputs.manifests, &inputs.name, &inputs.object)
}
