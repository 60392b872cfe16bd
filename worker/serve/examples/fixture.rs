//! Serves the tests' hand-made results, for a look with psql or a driver: `cargo run --example fixture -- 7654 7655`.

#[path = "../tests/server/support.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod support;

#[tokio::main]
async fn main() {
    let port = |index: usize| std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut fixture = support::start(|config| {
        config.sql_listen.set_port(port(1));
        config.http_listen.set_port(port(2));
    })
    .await;
    println!("SQL on {}, HTTP on {}", fixture.sql, fixture.http);
    let mut time = support::FIRST;
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        time += 1;
        let order = support::order(i32::try_from(time).unwrap_or(0), "east", "1.00");
        support::insert(&mut fixture.writer, time, order);
    }
}
