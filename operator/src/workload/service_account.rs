//! The worker's identity: it has no right on the API, and no token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::Workload;

pub fn service_account(workload: &Workload) -> ServiceAccount {
    ServiceAccount {
        metadata: workload.metadata(workload.name.as_str()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
