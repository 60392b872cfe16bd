//! What a SourceTable is judged by: its source, and what the source's worker says.

use std::sync::Arc;

use offtake_contract::TableStatus;
use offtake_crds::{
    SourceTable,
    catalog::{Member, MemberKind},
};

use crate::{
    context::{Context, name_of},
    membership::{Membership, spec_state},
    worker::reports::Report,
};

pub struct Inputs {
    pub object: Arc<SourceTable>,
    pub membership: Membership,
    pub report: Option<Arc<Report<TableStatus>>>,
}

impl Inputs {
    pub fn gather(context: &Context, object: Arc<SourceTable>) -> Inputs {
        let name = name_of(&*object);
        let source_name = name.sibling(&object.spec.source_ref.name);
        let seen = context.seen(&source_name);
        let report = seen.published.tables.get(&name.to_string()).cloned();
        let spec = spec_state(&*object);
        let source = context.source(&source_name);
        let outlook = context.outlook(&source_name);
        let member = Member { kind: MemberKind::Table, name };
        Inputs { object, membership: Membership { member, spec, source_name, source, outlook, seen }, report }
    }
}
