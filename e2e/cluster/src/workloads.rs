//! What runs pods: containerd, kubelet, kube-proxy and DNS, all on the node.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::json;

use crate::{
    binaries::{Binaries, Program},
    control_plane::ControlPlane,
    image::{Entry, Image},
    node::Node,
    packages,
    process::{self, Processes},
};

/// Alone, the node is ready after ten seconds; beside builds on two cores it has taken minutes.
const DEADLINE: Duration = Duration::from_secs(300);
const NODE_NAME: &str = "node";
const PAUSE_IMAGE: &str = "offtake.test/pause:1";
const SOCKET: &str = "/run/containerd/containerd.sock";
const DOMAIN: &str = "cluster.local";
/// Where CoreDNS says that it has read the cluster's Services.
const DNS_READY_PORT: u16 = 8181;

/// How many PersistentVolumeClaims there can be in a cluster's life.
const VOLUMES: usize = 48;

/// Running pods.
pub(crate) struct Workloads {
    processes: Processes,
}

impl Workloads {
    pub fn start(node: &Node, binaries: &Binaries, plane: &ControlPlane) -> anyhow::Result<Workloads> {
        let mut workloads = Workloads { processes: Processes::new(node.site.logs()) };
        workloads.start_containerd(node, binaries)?;
        workloads.start_kubelet(node, binaries, plane)?;
        workloads.start_dns(node, binaries, plane)?;
        let kubectl = |arguments: &[&str]| {
            let mut command = std::process::Command::new(binaries.path(Program::Kubectl));
            process::output(command.arg("--kubeconfig").arg(&plane.admin).args(arguments))
        };
        kubectl(&["create", "-f", &storage(node)?.to_string_lossy()])?;
        let processes = &workloads.processes;
        processes.wait("the node to be ready", DEADLINE, || {
            kubectl(&["wait", "--for=condition=Ready", "--timeout=10s", &format!("node/{NODE_NAME}")])
        })?;
        processes.wait("DNS", DEADLINE, || dns_is_ready(node))?;
        // It asks for the node's address once, when it starts.
        workloads.start_proxy(node, binaries, plane)?;
        Ok(workloads)
    }

    /// Fails where one of the programs has ended.
    pub fn check(&self) -> anyhow::Result<()> {
        self.processes.check()
    }

    fn start_containerd(&mut self, node: &Node, binaries: &Binaries) -> anyhow::Result<()> {
        let folder = node.site.folder();
        let plugins = packages::plugins()
            .context("the network plugins are missing: install containernetworking-plugins")?;
        let network = folder.join("net.d");
        fs::create_dir_all(&network).context("creating the network's folder")?;
        fs::write(network.join("pods.conflist"), network_config(node))
            .context("writing the network's config")?;
        let config = folder.join("containerd.toml");
        fs::write(&config, containerd_config(node, &plugins.to_string_lossy()))
            .context("writing containerd's config")?;
        let mut containerd = node.command("containerd");
        containerd.arg("--config").arg(&config);
        self.processes.start("containerd", containerd)?;
        self.processes.wait("containerd", DEADLINE, || node.shell("ctr version", &[]))?;
        let pause = Entry::file("/pause", binaries.path(Program::Pause));
        load_image(node, &Image { files: vec![pause], ..Image::new(PAUSE_IMAGE, &["/pause"]) })
    }

    fn start_kubelet(
        &mut self,
        node: &Node,
        binaries: &Binaries,
        plane: &ControlPlane,
    ) -> anyhow::Result<()> {
        let folder = node.site.folder();
        let identity =
            plane.authority.issue(&format!("system:node:{NODE_NAME}"), Some("system:nodes"), &[])?;
        let kubeconfig = plane.authority.kubeconfig(&identity, &plane.server)?;
        // Names outside of the cluster are not known in pods.
        fs::write(folder.join("resolv.conf"), "").context("writing resolv.conf")?;
        let config = folder.join("kubelet.json");
        fs::write(&config, kubelet_config(node, plane).to_string()).context("writing kubelet's config")?;
        make_cgroups(node)?;
        let mut kubelet = node.command(binaries.path(Program::Kubelet));
        kubelet
            .arg(format!("--config={}", config.display()))
            .arg(format!("--kubeconfig={}", kubeconfig.display()))
            .args([format!("--hostname-override={NODE_NAME}"), format!("--node-ip={}", node.site.node())]);
        self.processes.start("kubelet", kubelet)
    }

    fn start_proxy(&mut self, node: &Node, binaries: &Binaries, plane: &ControlPlane) -> anyhow::Result<()> {
        let config = node.site.folder().join("kube-proxy.json");
        let text = json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": plane.admin},
            "hostnameOverride": NODE_NAME,
            "mode": "iptables",
            "clusterCIDR": node.site.pods(),
            // These settings belong to the machine, not to the node's network.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            // A Service that has just got its endpoint is what tests wait for.
            "iptables": {"minSyncPeriod": "100ms"},
        });
        fs::write(&config, text.to_string()).context("writing kube-proxy's config")?;
        let mut proxy = node.command(binaries.path(Program::Proxy));
        proxy.arg(format!("--config={}", config.display()));
        self.processes.start("kube-proxy", proxy)
    }

    fn start_dns(&mut self, node: &Node, binaries: &Binaries, plane: &ControlPlane) -> anyhow::Result<()> {
        let config = node.site.folder().join("Corefile");
        let (address, kubeconfig) = (node.site.node(), plane.admin.display());
        let text = format!(
            "{DOMAIN}:53 {{
                bind {address}
                errors
                ready {address}:{DNS_READY_PORT}
                kubernetes {DOMAIN} {{
                    kubeconfig {kubeconfig}
                    ttl 1
                }}
            }}
            .:53 {{
                bind {address}
                template ANY ANY {{
                    rcode NXDOMAIN
                }}
            }}
            "
        );
        fs::write(&config, text).context("writing CoreDNS' config")?;
        let mut dns = node.command(binaries.path(Program::CoreDns));
        dns.arg("-conf").arg(&config);
        self.processes.start("coredns", dns)
    }
}

/// Writes the default StorageClass and its volumes: folders made beforehand, which every claim finds fit. Kubelet sets their group as the
/// pod asks, as it does on real disks; the controller manager's own folders (`hostPath`) could be written by root only.
fn storage(node: &Node) -> anyhow::Result<PathBuf> {
    let mut items = vec![json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    })];
    let on_node = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE_NAME]});
    for number in 0..VOLUMES {
        let folder = node.site.folder().join("volumes").join(number.to_string());
        fs::create_dir_all(&folder).context("creating a volume")?;
        items.push(json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": format!("volume-{number}")},
            "spec": {
                "capacity": {"storage": "1Ti"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "standard",
                "persistentVolumeReclaimPolicy": "Retain",
                "local": {"path": folder},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
            },
        }));
    }
    let path = node.site.folder().join("storage.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    fs::write(&path, list.to_string()).context("writing the volumes")?;
    Ok(path)
}

/// Puts an image where kubelet finds it; pods need `imagePullPolicy: IfNotPresent` or `Never`.
pub(crate) fn load_image(node: &Node, image: &Image) -> anyhow::Result<()> {
    let archive = node.site.folder().join("image.tar");
    image.write(&archive)?;
    node.shell(
        r#"ctr --namespace k8s.io images import --no-unpack=false "$1""#,
        &[&archive.to_string_lossy()],
    )
    .with_context(|| format!("importing {}", image.name))?;
    fs::remove_file(&archive).context("removing an imported image's archive")
}

/// Pods hang on a bridge; the host reaches them through its route to the cluster's network, so nothing is masqueraded.
fn network_config(node: &Node) -> String {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": node.site.pods()}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
    .to_string()
}

fn containerd_config(node: &Node, plugins: &str) -> String {
    let folder = node.site.folder();
    let folder = folder.display();
    format!(
        r#"version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Where the machine itself runs in a sandbox, nobody may lower this value, and runc fails without a word about why.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/net.d"
"#
    )
}

fn kubelet_config(node: &Node, plane: &ControlPlane) -> serde_json::Value {
    let folder = node.site.folder();
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": plane.authority.certificate()},
        },
        "authorization": {"mode": "Webhook"},
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", node.site.cgroup()),
        "failSwapOn": false,
        "clusterDomain": DOMAIN,
        "clusterDNS": [node.site.node()],
        "resolvConf": folder.join("resolv.conf"),
        // A machine that is short of disk is not the tests' business.
        "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        // Tests kill pods and wait for the next.
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    })
}

/// SIGKILL to every process of a pod but the one that holds its network: nothing of the pod is asked, and kubelet starts it again.
pub(crate) fn kill_pod(node: &Node, uid: &str) -> anyhow::Result<()> {
    let script = r#"
        killed=
        for process in /proc/[0-9]*; do
            grep -q "pod$1" "$process/cgroup" 2>/dev/null || continue
            [ "$(cat "$process/comm" 2>/dev/null)" = pause ] || { kill -KILL "${process#/proc/}" && killed=1; }
        done
        [ "$killed" ] || { echo "pod $1 has no process" >&2; exit 1; }
    "#;
    node.shell(script, &[uid]).map(drop)
}

/// The folder of cgroups that kubelet works in: one in every hierarchy (version 1), or the one (version 2).
fn make_cgroups(node: &Node) -> anyhow::Result<()> {
    let script = r#"
        if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mkdir -p "/sys/fs/cgroup/$1"; exit; fi
        for hierarchy in /sys/fs/cgroup/*/; do
            [ ! -e "$hierarchy/cgroup.procs" ] || mkdir -p "$hierarchy/$1"
        done
    "#;
    node.shell(script, &[&node.site.cgroup()]).map(drop)
}

fn dns_is_ready(node: &Node) -> anyhow::Result<()> {
    let mut stream =
        TcpStream::connect((node.site.node(), DNS_READY_PORT)).context("connecting to CoreDNS")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.contains(" 200 ") { Ok(()) } else { bail!("CoreDNS answers {answer:?}") }
}
