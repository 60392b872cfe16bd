//! How a SourceTable or View stands with its source's worker: shared by their two controllers. Pure.

use std::sync::Arc;

use kube::ResourceExt;
use offtake_contract::Problem;
use offtake_crds::{ObjectName, PgSource, catalog::Member};

use crate::{
    context::Outlook,
    status::conditions::Health,
    worker::{
        link::{Contact, Seen, SpecState},
        reports::Report,
    },
};

/// What is known of a member and its source.
pub struct Membership {
    pub member: Member,
    pub spec: SpecState,
    pub source_name: ObjectName,
    pub source: Option<Arc<PgSource>>,
    pub outlook: Option<Arc<Outlook>>,
    pub seen: Arc<Seen>,
}

/// Whether the worker's report is about the member as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing<T> {
    Reported(Arc<Report<T>>),
    /// The worker was not asked yet, as after a restart of the operator: what was said before holds until it was.
    Unknown,
    /// The worker cannot be asked: what it said last is the last that is known.
    Unheard(Health),
    /// It is not, and this is how it stands meanwhile: what was said before is no longer so.
    Unreported(Health),
}

impl Membership {
    /// Judges `report`, the worker's last word on the member.
    pub fn standing<T>(&self, report: Option<&Arc<Report<T>>>) -> Standing<T> {
        if self.source.as_ref().is_some_and(|source| source.metadata.deletion_timestamp.is_none())
            && self.outlook.is_none()
        {
            return Standing::Unknown;
        }
        if let Some(health) = self.before_worker() {
            return Standing::Unreported(health);
        }
        match &self.seen.contact {
            Contact::Unknown => Standing::Unknown,
            Contact::None => Standing::Unheard(self.troubled().unwrap_or_else(|| {
                let message = format!("the worker of PgSource {} starts", self.source_name);
                Health::progressing("WorkerStarting", message)
            })),
            Contact::Down(problem) => Standing::Unheard(Health::retrying(problem)),
            Contact::Up => match (self.seen.members.get(&self.member), report) {
                (Some(told), Some(report)) if told.spec == self.spec && report.generation >= told.since => {
                    Standing::Reported(report.clone())
                }
                _ => Standing::Unreported(self.untold()),
            },
        }
    }

    /// What stands in the way before any worker is asked.
    fn before_worker(&self) -> Option<Health> {
        let Some(source) = &self.source else {
            return Some(Health::waiting(&Problem::new(
                "SourceNotFound",
                format!("{}: spec.sourceRef.name: there is no PgSource {}", self.member, self.source_name),
                "apply it in the same namespace, or correct the name",
            )));
        };
        if source.metadata.deletion_timestamp.is_some() {
            let message = format!("PgSource {} is being deleted", self.source_name);
            return Some(Health::progressing("SourceDeleting", message));
        }
        self.outlook.as_ref()?.refused.get(&self.member).map(Health::stalled)
    }

    /// What the worker has to say against the source itself.
    pub fn source_problem(&self) -> Option<Problem> {
        let problem = self.seen.published.source.as_ref()?.status.problem.as_ref()?;
        let message = format!("PgSource {}: {}", self.source_name, problem.message);
        Some(Problem::new(problem.reason.clone(), message, problem.remedy.clone()))
    }

    /// The source has a problem that keeps its catalog from being made.
    fn troubled(&self) -> Option<Health> {
        let problem = self.outlook.as_ref()?.source.as_ref()?;
        let message = format!("PgSource {} is not in order: {}", self.source_name, problem.message);
        Some(Health::waiting(&Problem::new(problem.reason.clone(), message, problem.remedy.clone())))
    }

    /// The worker is there and does not know the member as it is.
    fn untold(&self) -> Health {
        if let Some(refused) = &self.seen.refused {
            return Health::waiting(refused);
        }
        self.troubled()
            .unwrap_or_else(|| Health::progressing("CatalogPending", "the worker is being told of it"))
    }
}

/// The state of an object's spec.
pub fn spec_state(object: &impl ResourceExt) -> SpecState {
    format!("{}/{}", object.uid().unwrap_or_default(), object.meta().generation.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use offtake_crds::catalog::MemberKind;

    use super::*;
    use crate::worker::{link::Told, push::Pushed};

    fn membership() -> Membership {
        let source: PgSource = serde_yaml::from_str(
            "{apiVersion: offtake.dev/v1alpha1, kind: PgSource, metadata: {name: shop, namespace: team}, \
             spec: {connectionRef: {name: pg}, publication: shop}}",
        )
        .unwrap();
        let name = ObjectName::new("team", "orders");
        let member = Member { kind: MemberKind::Table, name };
        let told = Told { spec: "u/1".into(), since: 3 };
        Membership {
            spec: "u/1".into(),
            source_name: ObjectName::new("team", "shop"),
            source: Some(Arc::new(source)),
            outlook: Some(Arc::default()),
            seen: Arc::new(Seen {
                contact: Contact::Up,
                pushed: Some(Pushed { generation: 5, digest: "d".into() }),
                members: BTreeMap::from([(member.clone(), told)]),
                ..Seen::default()
            }),
            member,
        }
    }

    fn report(generation: u64) -> Arc<Report<()>> {
        Arc::new(Report { generation, status: (), lsn: None, lag_seconds: None })
    }

    fn reason(standing: &Standing<()>) -> &str {
        match standing {
            Standing::Reported(_) => "Reported",
            Standing::Unknown => "Unknown",
            Standing::Unheard(health) | Standing::Unreported(health) => health.reason(),
        }
    }

    #[test]
    fn a_report_counts_once_it_is_about_the_spec_as_it_is() {
        let mut member = membership();
        assert_eq!(
            reason(&member.standing(Some(&report(3)))),
            "Reported",
            "later catalogs change nothing for it"
        );
        assert_eq!(reason(&member.standing(Some(&report(2)))), "CatalogPending");
        assert_eq!(reason(&member.standing::<()>(None)), "CatalogPending");
        member.spec = "u/2".into();
        assert_eq!(reason(&member.standing(Some(&report(9)))), "CatalogPending");
    }

    #[test]
    fn each_obstacle_has_its_reason() {
        let mut member = membership();
        let refused = BTreeMap::from([(member.member.clone(), Problem::new("NameTaken", "", ""))]);
        member.outlook = Some(Arc::new(Outlook { source: None, refused }));
        assert_eq!(reason(&member.standing(Some(&report(3)))), "NameTaken");
        let source = Some(Problem::new("SecretNotFound", "", ""));
        member.outlook = Some(Arc::new(Outlook { source, refused: BTreeMap::new() }));
        assert_eq!(reason(&member.standing(Some(&report(3)))), "Reported", "what runs goes on");
        member.seen = Arc::default();
        assert_eq!(reason(&member.standing::<()>(None)), "Unknown", "after a restart nothing is taken back");
        member.seen = Arc::new(Seen { contact: Contact::None, ..Seen::default() });
        assert_eq!(reason(&member.standing::<()>(None)), "SecretNotFound");
        member.source = None;
        assert_eq!(reason(&member.standing::<()>(None)), "SourceNotFound");
    }
}
