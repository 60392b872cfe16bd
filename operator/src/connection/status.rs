//! A PgConnection's status: what the probe found.

use jiff::Timestamp;
use offtake_contract::Problem;
use offtake_crds::{Check, PgConnectionStatus};

use super::probe::{self, Outcome};
use crate::status::conditions::{Health, conditions, sentence};

/// What was observed.
pub enum Observed<'a> {
    /// References that lead nowhere: there was nothing to probe.
    Unresolved(&'a [Problem]),
    Probed(&'a Outcome),
}

/// How it stands with the connection.
pub fn health(observed: &Observed<'_>) -> Health {
    match observed {
        Observed::Unresolved(problems) => missing(problems),
        Observed::Probed(Err(error)) if probe::passes(error) => Health::retrying(&error.problem()),
        Observed::Probed(Err(error)) => Health::stalled(&error.problem()),
        Observed::Probed(Ok(found)) => match found.fatal().and_then(|finding| finding.problem.as_ref()) {
            Some(problem) => Health::stalled(problem),
            None => {
                let warnings = found.findings.iter().filter(|finding| !finding.ok).count();
                let message = match warnings {
                    0 => format!("PostgreSQL {} answers", version(found.server_version)),
                    count => {
                        format!(
                            "PostgreSQL {} answers; {count} warnings in status.checks",
                            version(found.server_version)
                        )
                    }
                };
                Health::ready("Connected", message)
            }
        },
    }
}

/// Something that is named and not there may be on its way; what is there and wrong is not.
pub fn missing(problems: &[Problem]) -> Health {
    let Some(first) = problems.first() else { return Health::progressing("Pending", "") };
    let mut told = first.clone();
    told.message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    if problems.iter().all(|problem| problem.reason.ends_with("NotFound")) {
        Health::waiting(&told)
    } else {
        Health::stalled(&told)
    }
}

pub fn status(
    health: &Health,
    observed: &Observed<'_>,
    generation: Option<i64>,
    before: &PgConnectionStatus,
    now: Timestamp,
) -> PgConnectionStatus {
    let conditions = conditions(health, generation, &before.conditions, now);
    // What was known of the server stays while it is away.
    let kept = PgConnectionStatus {
        observed_generation: generation,
        conditions,
        checks: Vec::new(),
        ..before.clone()
    };
    let failed = |problem: &Problem| {
        vec![Check { name: "connection".to_owned(), ok: false, message: Some(sentence(problem)) }]
    };
    match observed {
        Observed::Unresolved(_) => kept,
        Observed::Probed(Err(error)) => PgConnectionStatus { checks: failed(&error.problem()), ..kept },
        Observed::Probed(Ok(found)) => PgConnectionStatus {
            server_version: Some(version(found.server_version)),
            provider: found.provider.map(str::to_owned),
            system_identifier: Some(found.system_identifier.clone()).filter(|known| !known.is_empty()),
            checks: found
                .findings
                .iter()
                .map(|finding| Check {
                    name: finding.check.to_owned(),
                    ok: finding.ok,
                    message: finding.problem.as_ref().map(sentence),
                })
                .collect(),
            ..kept
        },
    }
}

/// `180004` is 18.4: since 10, the major and the minor.
pub fn version(number: u32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

#[cfg(test)]
mod tests {
    use offtake_postgres::{
        PgError,
        preflight::{Finding, Preflight},
    };

    use super::*;

    fn preflight(fatal: bool) -> Outcome {
        let problem = Problem::new("WalLevel", "wal_level is replica", "ALTER SYSTEM …");
        let finding = Finding { check: "wal-level", table: None, ok: false, problem: Some(problem), fatal };
        Ok(Preflight {
            server_version: 150_014,
            system_identifier: "7".into(),
            provider: Some("Amazon RDS"),
            findings: vec![finding],
        })
    }

    #[test]
    fn findings_become_checks_and_fatal_ones_stall() {
        let now = Timestamp::UNIX_EPOCH;
        let outcome = preflight(true);
        let observed = Observed::Probed(&outcome);
        let health = health(&observed);
        assert!(matches!(&health, Health::Stalled { reason, .. } if reason == "WalLevel"));
        let known = status(&health, &observed, Some(1), &PgConnectionStatus::default(), now);
        assert_eq!(known.server_version.as_deref(), Some("15.14"));
        assert_eq!(known.provider.as_deref(), Some("Amazon RDS"));
        assert_eq!(known.checks[0].message.as_deref(), Some("wal_level is replica. Remedy: ALTER SYSTEM …"));
        assert_eq!(
            status(&health, &observed, Some(1), &known, now),
            known,
            "nothing to write the second time"
        );
    }

    #[test]
    fn a_server_that_is_away_stays_known() {
        let outcome = preflight(false);
        let observed = Observed::Probed(&outcome);
        let well = health(&observed);
        assert!(well.is_ready());
        let known = status(&well, &observed, Some(1), &PgConnectionStatus::default(), Timestamp::UNIX_EPOCH);
        let down: Outcome = Err(PgError::ConnectTimeout { address: "db:5432".into(), seconds: 20 });
        let observed = Observed::Probed(&down);
        let health = health(&observed);
        assert!(matches!(&health, Health::Progressing { reason, .. } if reason == "Unreachable"));
        let status = status(&health, &observed, Some(1), &known, Timestamp::UNIX_EPOCH);
        assert_eq!(status.server_version, known.server_version);
        assert!(!status.checks[0].ok);
    }

    #[test]
    fn missing_secrets_wait_and_wrong_ones_stall() {
        let missing_one = Problem::new("SecretNotFound", "a", "b");
        let wrong = Problem::new("SecretInvalid", "c", "d");
        assert!(matches!(missing(std::slice::from_ref(&missing_one)), Health::Waiting { .. }));
        assert!(matches!(missing(&[missing_one, wrong]), Health::Stalled { .. }));
    }
}
