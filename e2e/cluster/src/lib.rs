//! A real Kubernetes for tests, on a machine without a container engine: etcd, the API server and the controllers, and where pods
//! are to run also containerd, kubelet, kube-proxy and DNS.
//!
//! Everything of one cluster runs in namespaces of its own (processes, mounts, network) and lives as long as the process that
//! started it: whatever ends that process, the kernel ends the rest. It is for tests: keys are on disk, nothing is kept.
//! Nothing here knows Offtake.

mod binaries;
mod certificates;
mod cluster;
mod control_plane;
mod image;
mod namespace;
mod node;
mod packages;
mod process;
mod site;
mod wait;
mod workloads;

pub use binaries::{Binaries, Program};
pub use cluster::Cluster;
pub use image::{Entry, Image};
pub use packages::{install as install_packages, install_program};
pub use wait::until;
