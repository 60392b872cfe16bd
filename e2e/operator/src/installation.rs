//! The operator as its chart installs it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use anyhow::{Context, bail, ensure};
use offtake_cluster::{Cluster, Image};

use crate::watch::Watch;

/// The operator's namespace.
pub const SYSTEM: &str = "offtake-system";
const OPERATOR: &str = "offtake.test/operator";
const WORKER: &str = "offtake.test/worker";
const TAG: &str = "test";

/// A cluster with the operator.
pub struct Installation {
    // Dropped before the cluster that it watches.
    pub(crate) watch: Watch,
    pub cluster: Cluster,
    images: Vec<String>,
}

impl Installation {
    /// The one of all tests. It ends with the process; on a cluster of `KUBECONFIG` the release stays.
    pub fn get() -> &'static Installation {
        static INSTALLATION: LazyLock<Installation> = LazyLock::new(|| {
            Installation::make().unwrap_or_else(|error| panic!("installing the operator: {error:#}"))
        });
        &INSTALLATION
    }

    fn make() -> anyhow::Result<Installation> {
        let operator = built("offtake-operator")?;
        let worker = built("offtake")?;
        let cluster = Cluster::start()?;
        let own = cluster.host().is_some();
        if own {
            load(&cluster, OPERATOR, &operator)?;
            load(&cluster, WORKER, &worker)?;
        }
        let images = if own { images() } else { given_images()? };
        cluster.refuse_beside("app.kubernetes.io/name=offtake-operator")?;
        cluster.keep_namespace(SYSTEM)?;
        upgrade(&cluster, &images, &[])?;
        Ok(Installation { watch: Watch::start(&cluster)?, cluster, images })
    }

    /// The chart with these values too, until what is answered is dropped.
    pub fn with_values(&self, values: &[&str]) -> anyhow::Result<Values<'_>> {
        let guard = Values(self);
        upgrade(&self.cluster, &self.images, values)?;
        Ok(guard)
    }
}

/// Other values of the chart, for one test.
pub struct Values<'a>(&'a Installation);

impl Drop for Values<'_> {
    fn drop(&mut self) {
        let restored = upgrade(&self.0.cluster, &self.0.images, &[]);
        if !std::thread::panicking() {
            restored.unwrap_or_else(|error| panic!("the chart with its values of before: {error:#}"));
        }
    }
}

/// Brings the release to these values.
fn upgrade(cluster: &Cluster, images: &[String], values: &[&str]) -> anyhow::Result<()> {
    let chart = repository().join("charts/offtake");
    let chart = chart.to_string_lossy();
    let mut arguments = vec!["upgrade", "--install", "offtake", &chart, "--namespace", SYSTEM];
    // Somebody's cluster may have the definitions already, from kubectl.
    arguments.extend(["--take-ownership", "--wait", "--timeout", "5m"]);
    for value in images.iter().map(String::as_str).chain(values.iter().copied()) {
        arguments.extend(["--set", value]);
    }
    cluster.helm(&arguments).map(drop).map_err(|error| {
        let pods = cluster.kubectl(&["describe", "pods", "-n", SYSTEM]).unwrap_or_default();
        let logs =
            cluster.kubectl(&["logs", "-n", SYSTEM, "deployment/offtake", "--tail=30"]).unwrap_or_default();
        error.context(format!("{pods}\n{logs}"))
    })
}

/// A program of this build, beside the running test.
fn built(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe().context("the test's own path")?;
    let folder = test.ancestors().nth(2).context("the test is in target/release/deps")?;
    let path = folder.join(name);
    ensure!(path.is_file(), "{} is missing: `cargo xtask test` builds it first", path.display());
    Ok(path)
}

/// As the Dockerfiles do: without the debugging information, which is most of the file.
fn load(cluster: &Cluster, name: &str, program: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let stripped = folder.path().join(program.file_name().context("a program has a name")?);
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(&stripped).arg(program).status();
    ensure!(
        status.context("starting strip: install binutils")?.success(),
        "strip {} failed",
        program.display()
    );
    cluster.load_image(&Image::of_program(&format!("{name}:{TAG}"), &stripped)?)
}

fn images() -> Vec<String> {
    vec![
        format!("image.repository={OPERATOR}"),
        format!("image.tag={TAG}"),
        format!("workerImage.repository={WORKER}"),
        format!("workerImage.tag={TAG}"),
    ]
}

/// On somebody's cluster: images that it can pull.
fn given_images() -> anyhow::Result<Vec<String>> {
    let given = |variable: &str, value: &str| match env::var(variable)
        .ok()
        .as_deref()
        .and_then(|image| image.rsplit_once(':'))
    {
        Some((repository, tag)) => {
            Ok([format!("{value}.repository={repository}"), format!("{value}.tag={tag}")])
        }
        None => {
            bail!("with KUBECONFIG, {variable} must name an image of this build that the cluster can pull")
        }
    };
    let operator = given("OFFTAKE_TEST_OPERATOR_IMAGE", "image")?;
    Ok(operator.into_iter().chain(given("OFFTAKE_TEST_WORKER_IMAGE", "workerImage")?).collect())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
}
