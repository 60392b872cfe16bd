//! The whole cluster: what Offtake's pods will rely on works as in any other.

use std::{
    env,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::LazyLock,
    thread,
    time::Duration,
};

use anyhow::{Context, ensure};
use offtake_cluster::{Cluster, Image, install_program};

use crate::{Namespace, ok};

/// Alone, seconds; beside builds on two cores it has taken minutes.
const DEADLINE: Duration = Duration::from_secs(300);
/// On our own cluster, with this machine's busybox.
const IMAGE: &str = "offtake.test/busybox:1";
/// On somebody's cluster, unless `OFFTAKE_TEST_BUSYBOX_IMAGE` names another.
const PULLED: &str = "docker.io/library/busybox:1.36";

/// The cluster of all tests that run pods. It ends with the process.
static CLUSTER: LazyLock<Cluster> =
    LazyLock::new(|| Cluster::start().unwrap_or_else(|error| panic!("a cluster: {error:#}")));

/// A pod as restricted as the strictest standard asks for, with a volume, behind a Service.
const WEB: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web, namespace: web}
spec:
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: web
          image: IMAGE
          imagePullPolicy: IfNotPresent
          command: [busybox, sh, -c]
          args: ["echo started >> /data/index.html; exec busybox httpd -f -p 8080 -h /data"]
          readinessProbe:
            tcpSocket: {port: 8080}
            periodSeconds: 1
          securityContext:
            readOnlyRootFilesystem: true
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 1Gi}}
"#;

fn in_pod(script: &str) -> anyhow::Result<String> {
    CLUSTER.kubectl(&["exec", "-n", "web", "web-0", "--", "busybox", "sh", "-c", script])
}

/// The body of `/index.html` as a pod gets it. (Debian's `busybox wget` ends by a signal where there is no `/etc/services`.)
fn page(host: &str, port: u16) -> anyhow::Result<String> {
    let answer =
        in_pod(&format!("printf 'GET /index.html HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 2 {host} {port}"))?;
    let (_, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no whole answer: {answer:?}"))?;
    Ok(body.to_owned())
}

fn field(object: &str, path: &str) -> anyhow::Result<String> {
    CLUSTER.kubectl(&["get", "-n", "web", object, "-o", &format!("jsonpath={{{path}}}")])
}

fn wait_until_ready() {
    ok(CLUSTER.wait_for("web-0 to be ready", DEADLINE, || {
        let ready = field("pod/web-0", ".status.conditions[?(@.type=='Ready')].status")?;
        let describe = || CLUSTER.kubectl(&["describe", "pod", "-n", "web", "web-0"]);
        ensure!(ready == "True", "{}\n{}", describe()?, CLUSTER.kubectl(&["logs", "-n", "web", "web-0"])?);
        Ok(())
    }));
}

#[test]
fn a_restricted_pod_with_a_volume_serves_and_comes_back() {
    let _namespace = Namespace::make(&CLUSTER, "web");
    let image = image();
    ok(CLUSTER.apply(&WEB.replace("IMAGE", &image)));
    wait_until_ready();

    // By the name that the cluster's DNS gives the Service, also from another namespace's point of view.
    for name in ["web", "web.web.svc", "web.web.svc.cluster.local"] {
        let shown = ok(CLUSTER.wait_for(&format!("http://{name}"), DEADLINE, || page(name, 80)));
        assert_eq!(shown, "started\n", "{name}");
    }
    // The API server, as an operator in a pod reaches it.
    ok(in_pod("echo | busybox nc -w 2 kubernetes.default.svc 443"));
    assert!(page("no-such-name.example", 80).is_err());
    assert!(in_pod("echo > /written").is_err(), "the root is read-only");

    let address = ok(field("service/web", ".spec.clusterIP"));
    if CLUSTER.host().is_some() {
        let page = ok(get(&address, 80));
        assert!(page.ends_with("started\n"), "from this machine: {page:?}");
    }

    let first = ok(field("pod/web-0", ".metadata.uid"));
    ok(CLUSTER.kubectl(&["delete", "pod", "-n", "web", "web-0", "--now"]));
    ok(CLUSTER.wait_for("another web-0", DEADLINE, || {
        let uid = field("pod/web-0", ".metadata.uid")?;
        ensure!(uid != first, "it is still the first");
        Ok(())
    }));
    wait_until_ready();
    let shown = ok(CLUSTER.wait_for("the page of the new pod", DEADLINE, || page("web", 80)));
    assert_eq!(shown, "started\nstarted\n", "the volume was kept");

    reaches_this_machine();
    refuses_what_is_not_restricted(&image);
    ok(CLUSTER.kubectl(&["delete", "namespace", "web", "--timeout=60s"]));
}

/// An image that the nodes have, or can pull.
fn image() -> String {
    if CLUSTER.host().is_none() {
        return env::var("OFFTAKE_TEST_BUSYBOX_IMAGE").unwrap_or_else(|_| PULLED.to_owned());
    }
    let busybox = ok(install_program("busybox", "busybox"));
    ok(Image::of_program(IMAGE, &busybox).and_then(|image| CLUSTER.load_image(&image)));
    IMAGE.to_owned()
}

/// Where a test's PostgreSQL server listens, pods must reach it.
fn reaches_this_machine() {
    let Some(host) = CLUSTER.host() else { return };
    let listener = TcpListener::bind((host.as_str(), 0)).expect("a port on this machine");
    let port = listener.local_addr().expect("its number").port();
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut request = [0; 1024];
        assert!(client.read(&mut request).expect("a request") > 0);
        client.write_all(b"HTTP/1.0 200 OK\r\n\r\nfrom this machine").expect("an answer");
    });
    assert_eq!(ok(page(&host, port)), "from this machine");
    server.join().expect("the server answered");
}

fn refuses_what_is_not_restricted(image: &str) {
    let refusal = CLUSTER
        .kubectl(&["run", "free", "-n", "web", "--image", image])
        .expect_err("the namespace takes restricted pods only");
    assert!(format!("{refusal:#}").contains("violates PodSecurity"), "{refusal:#}");
}

fn get(address: &str, port: u16) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect((address, port)).context("connecting to the Service")?;
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
