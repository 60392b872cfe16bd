fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(offtake_e2e::bench::run(std::env::args().nth(1)))
}
