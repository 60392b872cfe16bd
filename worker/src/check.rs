//! `offtake check`: what is wrong with the manifests of a folder, with their views, and with the database that they name.

use anyhow::bail;
use offtake_contract::{Catalog, Problem, Table};
use offtake_crds::{catalog, manifests};
use offtake_lir::CollectionId;
use offtake_postgres::{
    catalog::{UpstreamTable, describe},
    error::PgError,
    preflight::{self, Finding},
    session, shape,
};
use offtake_row::Column;

use crate::{
    args, commands,
    coordinator::{self, Availability, Declaration},
};

/// Prints every finding, and fails where one stands in the way.
pub async fn run(args: args::Check) -> anyhow::Result<()> {
    let manifests = manifests::read_dir(&args.manifests)?;
    for note in &manifests.notes {
        println!("note: {note}");
    }
    let catalog = catalog::to_catalog(&manifests, commands::source_name(args.source.as_deref())?.as_ref())
        .map_err(|found| {
            anyhow::anyhow!("{} is not in order:{}", args.manifests.display(), commands::problems(&found))
        })?;
    let Upstream { findings, tables } = if args.connect {
        look(&catalog).await.map_err(|error| anyhow::anyhow!("{}", error.problem()))?
    } else {
        Upstream { findings: Vec::new(), tables: declarations(&catalog, |_| None) }
    };
    let mut wrong = 0;
    for finding in &findings {
        match &finding.problem {
            None => println!("ok      {}", finding.check),
            Some(problem) if finding.fatal => {
                wrong += 1;
                println!("WRONG   {}: {problem}", finding.check);
            }
            Some(problem) => println!("warning {}: {problem}", finding.check),
        }
    }
    for problem in coordinator::findings(&catalog.views, &tables) {
        wrong += 1;
        println!("WRONG   view: {problem}");
    }
    let object = &catalog.source.object;
    if wrong > 0 {
        bail!("{wrong} findings stand in the way of {object}");
    }
    println!("{object}: {} tables, {} views: in order", catalog.tables.len(), catalog.views.len());
    Ok(())
}

/// What is wrong with the views of a catalog, as far as it tells without the columns of the tables.
pub fn views(catalog: &Catalog) -> Vec<Problem> {
    coordinator::findings(&catalog.views, &declarations(catalog, |_| None))
}

struct Upstream {
    findings: Vec<Finding>,
    tables: Vec<Declaration>,
}

/// Checks what a catalog's source needs upstream, and looks at the tables there.
async fn look(catalog: &Catalog) -> Result<Upstream, PgError> {
    let session = session::connect(&catalog.source.connection, "offtake check").await?;
    let publication = &catalog.source.publication;
    let mut named: Vec<(String, String)> = catalog.tables.iter().map(upstream).collect();
    named.sort();
    named.dedup();
    let mut found = preflight::preflight(&session, publication, &catalog.source.slot, &named).await?;
    let (mut kept, mut described) = (Vec::new(), Vec::new());
    for table in &catalog.tables {
        let (schema, name) = upstream(table);
        if found.table(&schema, &name).is_some() {
            continue;
        }
        let upstream = describe(&session, publication, &schema, &name).await?;
        let mut columns = preflight::columns(&upstream, &table.exclude_columns, &table.text_columns);
        for problem in columns.iter_mut().filter_map(|finding| finding.problem.as_mut()) {
            problem.message = format!("SourceTable {}: {}", table.object, problem.message);
        }
        kept.extend(columns);
        described.push((&table.object, upstream));
    }
    found.findings.extend(kept);
    let upstream =
        |object: &str| described.iter().find(|(known, _)| *known == object).map(|(_, upstream)| upstream);
    Ok(Upstream { findings: found.findings, tables: declarations(catalog, upstream) })
}

fn upstream(table: &Table) -> (String, String) {
    (table.upstream_schema.clone(), table.upstream_table.clone())
}

/// The tables as a worker would keep them; without columns where they are not known.
fn declarations<'a>(
    catalog: &Catalog,
    upstream: impl Fn(&str) -> Option<&'a UpstreamTable>,
) -> Vec<Declaration> {
    let declaration = |(id, table): (u64, &Table)| {
        let kept = upstream(&table.object).and_then(|upstream| {
            let wanted = shape::select(upstream, &table.exclude_columns, &table.text_columns).ok()?;
            let key = shape::key(upstream, &wanted).ok()?;
            Some((wanted, key))
        });
        let (wanted, key) = kept.unwrap_or_default();
        Declaration {
            id: CollectionId(id),
            object: table.object.clone(),
            schema: table.schema.clone(),
            name: table.name.clone(),
            columns: wanted
                .iter()
                .map(|column| Column::new(&column.name, column.ty, column.nullable))
                .collect(),
            key,
            availability: Availability::Live,
        }
    };
    (0..).zip(&catalog.tables).map(declaration).collect()
}
