//! etcd, the API server and the controllers.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::{
    binaries::{Binaries, Program},
    certificates::Authority,
    node::Node,
    process::{self, Processes},
};

/// On a loaded machine with two cores; alone, the API server is ready after a few seconds.
const DEADLINE: Duration = Duration::from_secs(300);
/// The API server's port on the node.
const PORT: u16 = 6443;

/// A control plane that answers.
pub(crate) struct ControlPlane {
    pub authority: Authority,
    pub admin: PathBuf,
    pub server: String,
    processes: Processes,
}

impl ControlPlane {
    /// etcd and the API server: objects are checked and stored, and nothing acts on them.
    pub fn start(node: &Node, binaries: &Binaries) -> anyhow::Result<ControlPlane> {
        let authority = Authority::new(&node.site.folder().join("pki"))?;
        let server = format!("https://{}:{PORT}", node.site.node());
        let admin = authority.issue("admin", Some("system:masters"), &[])?;
        let admin = authority.kubeconfig(&admin, &server)?;
        let mut plane =
            ControlPlane { authority, admin, server, processes: Processes::new(node.site.logs()) };
        plane.start_etcd(node, binaries)?;
        plane.start_api_server(node, binaries)?;
        plane.processes.wait("the API server to be ready", DEADLINE, || {
            let mut ask = Command::new(binaries.path(Program::Kubectl));
            process::output(ask.arg("--kubeconfig").arg(&plane.admin).args(["get", "--raw", "/readyz"]))
        })?;
        Ok(plane)
    }

    /// The controllers and the scheduler: objects are acted upon.
    pub fn start_controllers(&mut self, node: &Node, binaries: &Binaries) -> anyhow::Result<()> {
        let mut manager = node.command(binaries.path(Program::ControllerManager));
        self.configure_client(&mut manager);
        manager
            .args(["--use-service-account-credentials", "--leader-elect=false"])
            .arg(flag("--root-ca-file", &self.authority.certificate()))
            .arg(flag("--cluster-signing-cert-file", &self.authority.certificate()))
            .arg(flag("--cluster-signing-key-file", &self.authority.key()))
            .arg(flag("--service-account-private-key-file", &self.authority.key()))
            // Tests delete namespaces and wait for it.
            .args(["--concurrent-namespace-syncs=4", "--kube-api-qps=200", "--kube-api-burst=400"]);
        self.processes.start("kube-controller-manager", manager)?;
        let mut scheduler = node.command(binaries.path(Program::Scheduler));
        self.configure_client(&mut scheduler);
        scheduler.arg("--leader-elect=false");
        self.processes.start("kube-scheduler", scheduler)
    }

    /// Fails where one of the programs has ended.
    pub fn check(&self) -> anyhow::Result<()> {
        self.processes.check()
    }

    fn configure_client(&self, command: &mut Command) {
        for name in ["--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig"] {
            command.arg(flag(name, &self.admin));
        }
    }

    fn start_etcd(&mut self, node: &Node, binaries: &Binaries) -> anyhow::Result<()> {
        let mut etcd = node.command(binaries.path(Program::Etcd));
        etcd.arg(flag("--data-dir", &node.site.folder().join("etcd"))).args([
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            // Nothing is kept longer than the machine is up.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]);
        self.processes.start("etcd", etcd)
    }

    fn start_api_server(&mut self, node: &Node, binaries: &Binaries) -> anyhow::Result<()> {
        let (authority, site) = (&self.authority, &node.site);
        let hosts = [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            &site.node(),
            &site.api_service(),
        ];
        let serving = authority.issue("kube-apiserver", None, &hosts)?;
        let kubelet = authority.issue("kube-apiserver-kubelet-client", Some("system:masters"), &[])?;
        let mut server = node.command(binaries.path(Program::ApiServer));
        server
            .args(["--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0"])
            // Not a loopback address: the Service `kubernetes` could not point to one.
            .arg(format!("--advertise-address={}", site.node()))
            .arg(format!("--secure-port={PORT}"))
            .arg(format!("--service-cluster-ip-range={}", site.services()))
            .args(["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"])
            .args(["--allow-privileged", "--kubelet-preferred-address-types=InternalIP"])
            .arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local")
            .arg(flag("--service-account-key-file", &authority.certificate()))
            .arg(flag("--service-account-signing-key-file", &authority.key()))
            .arg(flag("--client-ca-file", &authority.certificate()))
            .arg(flag("--tls-cert-file", &serving.certificate))
            .arg(flag("--tls-private-key-file", &serving.key))
            .arg(flag("--kubelet-client-certificate", &kubelet.certificate))
            .arg(flag("--kubelet-client-key", &kubelet.key));
        self.processes.start("kube-apiserver", server)
    }
}

fn flag(name: &str, path: &std::path::Path) -> String {
    format!("{name}={}", path.display())
}
