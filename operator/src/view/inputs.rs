//! What a View is judged by: its source, and what the source's worker says.

use std::sync::Arc;

use offtake_contract::ViewStatus;
use offtake_crds::{
    View,
    catalog::{Member, MemberKind},
};

use crate::{
    context::{Context, name_of},
    membership::{Membership, spec_state},
    worker::reports::Report,
};

pub struct Inputs {
    pub object: Arc<View>,
    pub membership: Membership,
    pub report: Option<Arc<Report<ViewStatus>>>,
}

impl Inputs {
    pub fn gather(context: &Context, object: Arc<View>) -> Inputs {
        let name = name_of(&*object);
        let source_name = name.sibling(&object.spec.source_ref.name);
        let seen = context.seen(&source_name);
        let report = seen.published.views.get(&name.to_string()).cloned();
        let spec = spec_state(&*object);
        let source = context.source(&source_name);
        let outlook = context.outlook(&source_name);
        let member = Member { kind: MemberKind::View, name };
        Inputs { object, membership: Membership { member, spec, source_name, source, outlook, seen }, report }
    }
}
