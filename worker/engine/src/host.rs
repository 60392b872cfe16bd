//! A worker thread: takes commands, steps the dataflows, keeps their traces compacted and tells their frontiers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use differential_dataflow::{input::InputSession, operators::arrange::ShutdownButton, trace::TraceReader};
use offtake_lir::CollectionId;
use offtake_row::Row;
use timely::{
    dataflow::{ProbeHandle, operators::CapabilitySet},
    progress::{Antichain, frontier::AntichainRef},
    worker::Worker,
};

use crate::{
    command::{Build, CollectionKey, Command, DataflowId, Purpose},
    engine::{Mailbox, Shared, Updates},
    hydrate::Load,
    output,
    render::{Import, Index, Renderer},
};

/// Commands that are taken between two steps at most: what arrives together is worked off together, but not without end.
const COMMANDS: usize = 1024;

/// Runs a worker until the engine stops. On return no dataflow is left.
pub(crate) fn run(worker: &mut Worker, mailbox: &Mailbox, shared: &Arc<Shared>) {
    shared.guard("a worker", || {
        let mut host = Host { worker, shared: shared.clone(), now: 0, built: 0, dataflows: BTreeMap::new() };
        host.serve(mailbox);
    });
    // Dropping a dataflow whose operator has panicked may panic again.
    for dataflow in worker.installed_dataflows() {
        shared.guard("a worker", || worker.drop_dataflow(dataflow));
    }
}

struct Host<'a> {
    worker: &'a mut Worker,
    shared: Arc<Shared>,
    /// All times up to it are complete.
    now: u64,
    /// The last dataflow that was built; they are numbered in the order of their building.
    built: DataflowId,
    dataflows: BTreeMap<DataflowId, Dataflow>,
}

struct Dataflow {
    /// What timely calls it.
    timely: usize,
    inputs: BTreeMap<CollectionKey, Input>,
    buttons: Vec<ShutdownButton<CapabilitySet<u64>>>,
    /// Follows what the dataflow has put out.
    probe: ProbeHandle<u64>,
    result: Exported,
}

struct Input {
    session: InputSession<u64, Row, i64>,
    /// Until the snapshot is in, the input stays at its time, while updates of later times arrive already.
    loading: bool,
}

enum Exported {
    Index { index: Box<Index>, compacted: u64 },
    View { id: CollectionId, live: Arc<AtomicBool>, reported: u64 },
}

impl Host<'_> {
    fn serve(&mut self, mailbox: &Mailbox) {
        let mut waiting = None;
        loop {
            let mut busy = false;
            for command in mailbox.commands.try_iter().take(COMMANDS) {
                busy = true;
                match command {
                    Command::Build(build) => {
                        // Earlier updates belong to the past of the new dataflow.
                        self.flush();
                        self.build(&build);
                    }
                    Command::Drop(id) => self.drop(id),
                    Command::Push { time, tables } => self.push(time, &tables),
                    Command::Stop => return,
                }
            }
            if busy {
                self.flush();
            }
            if let Some(load) = waiting.take().or_else(|| mailbox.loads.try_recv().ok()) {
                busy = true;
                // It can overtake the command that builds its dataflow, which was sent before it but on another channel.
                if load.targets.iter().all(|target| *target <= self.built) {
                    self.load(load);
                } else {
                    waiting = Some(load);
                }
            }
            if self.shared.halted() {
                return;
            }
            if busy {
                self.worker.step();
            } else {
                self.worker.step_or_park(None);
            }
            self.follow();
        }
    }

    /// Hands this worker's share of the updates to the inputs that read the tables.
    fn push(&mut self, time: u64, tables: &[(CollectionKey, Updates)]) {
        self.now = time;
        let (index, peers) = (self.worker.index(), self.worker.peers());
        for dataflow in self.dataflows.values_mut() {
            for (table, updates) in tables {
                let Some(input) = dataflow.inputs.get_mut(table) else { continue };
                // By time as well, so that one worker does not get every single-row batch.
                let offset = (index + time as usize) % peers;
                for (row, diff) in updates.iter().skip(offset).step_by(peers) {
                    input.session.update_at(row.clone(), time, *diff);
                }
            }
        }
    }

    /// Completes the inputs up to now.
    fn flush(&mut self) {
        let next = self.now.saturating_add(1);
        for input in self.dataflows.values_mut().flat_map(|dataflow| dataflow.inputs.values_mut()) {
            if !input.loading && *input.session.time() < next {
                input.session.advance_to(next);
                input.session.flush();
            }
        }
    }

    /// Takes a piece of a snapshot.
    fn load(&mut self, load: Load) {
        let done = load.rows.is_empty();
        let next = self.now.saturating_add(1);
        for target in load.targets.iter() {
            let input =
                self.dataflows.get_mut(target).and_then(|dataflow| dataflow.inputs.get_mut(&load.table));
            let Some(input) = input else { continue };
            for (row, diff) in &load.rows {
                input.session.update(row.clone(), *diff);
            }
            if done {
                input.loading = false;
                input.session.advance_to(next);
            }
            input.session.flush();
        }
    }

    fn build(&mut self, build: &Build) {
        self.now = self.now.max(build.as_of);
        let timely = self.worker.next_dataflow_index();
        let first = self.worker.index() == 0;
        let Host { worker, shared, dataflows, .. } = self;
        let mut inputs: BTreeMap<CollectionKey, Input> = build
            .tables
            .iter()
            .map(|table| (*table, Input { session: InputSession::new(), loading: true }))
            .collect();
        let mut buttons = Vec::new();
        let probe = ProbeHandle::new();
        let name = match &build.purpose {
            Purpose::Index(_) => format!("Index {}", build.id),
            Purpose::View { id, .. } => format!("View {id}"),
        };
        let result = worker.dataflow_named::<u64, _, _>(&name, |scope| {
            let mut renderer = Renderer::new(scope, build.as_of, first);
            for (table, input) in &mut inputs {
                renderer.tables.insert(*table, input.session.to_collection(scope));
            }
            for id in build.imports() {
                let Some(Dataflow { result: Exported::Index { index, .. }, .. }) = dataflows.get_mut(&id)
                else {
                    panic!("dataflow {} imports index {id}, which is not there", build.id);
                };
                renderer.imports.insert(id, Import::new(index, scope, build.as_of, &mut buttons));
            }
            for (key, plan) in &build.views {
                let view = renderer.render(plan);
                renderer.views.insert(*key, view);
            }
            let bundle = renderer.render(&build.plan);
            match &build.purpose {
                Purpose::Index(key) => {
                    Exported::Index { index: Box::new(Index::new(bundle, key, &probe)), compacted: 0 }
                }
                Purpose::View { id, live } => {
                    output::sink(bundle, *id, live.clone(), shared.clone(), &probe);
                    Exported::View { id: *id, live: live.clone(), reported: build.as_of }
                }
            }
        });
        for input in inputs.values_mut() {
            input.session.advance_to(build.as_of);
            input.session.flush();
        }
        dataflows.insert(build.id, Dataflow { timely, inputs, buttons, probe, result });
        self.built = build.id;
    }

    fn drop(&mut self, id: DataflowId) {
        let Some(mut dataflow) = self.dataflows.remove(&id) else { return };
        let timely = dataflow.timely;
        for button in &mut dataflow.buttons {
            button.press();
        }
        drop(dataflow);
        // Without a step in between: the other workers may not have come to the drop yet, and what their share of the dataflow
        // would make of a closed input must not get out.
        self.worker.drop_dataflow(timely);
    }

    /// Follows the frontiers: compacts what lies behind them and tells the output.
    fn follow(&mut self) {
        let first = self.worker.index() == 0;
        for dataflow in self.dataflows.values_mut() {
            let upper =
                dataflow.probe.with_frontier(|frontier| frontier.first().copied().unwrap_or(u64::MAX));
            match &mut dataflow.result {
                Exported::Index { index, compacted } => {
                    // New importers start at `now`: that one time must stay distinguishable.
                    let since = upper.min(self.now);
                    if since > *compacted {
                        *compacted = since;
                        index.compact(since);
                    }
                }
                Exported::View { id, live, reported } => {
                    // The probe's frontier is the same for all workers, and it passes a time only after all of them have handed it out.
                    if first && upper > *reported {
                        *reported = upper;
                        if let (true, Some(output)) = (live.load(Ordering::Acquire), self.shared.output()) {
                            output.frontier(*id, upper);
                        }
                    }
                }
            }
        }
    }
}

/// Lets a trace forget the difference of times before `since`, and merge what is complete.
pub(crate) fn compact<Tr: TraceReader<Time = u64>>(trace: &mut Tr, since: u64) {
    trace.set_logical_compaction(AntichainRef::new(&[since]));
    let mut upper = Antichain::new();
    trace.read_upper(&mut upper);
    trace.set_physical_compaction(upper.borrow());
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use crossbeam_channel::{Sender, bounded, unbounded};
    use offtake_lir::EvalError;
    use offtake_row::Datum;

    use super::*;
    use crate::{
        Output,
        command::{Leaf, Plan},
    };

    struct Rows(Sender<(u64, Vec<(Row, i64)>)>);

    impl Output for Rows {
        fn updates(&self, _: CollectionId, time: u64, rows: Vec<(Row, i64)>, _: Vec<(EvalError, i64)>) {
            self.0.send((time, rows)).ok();
        }

        fn frontier(&self, _: CollectionId, _: u64) {}
    }

    #[test]
    fn contents_that_overtake_the_building_of_their_dataflow_are_kept() {
        let (output, outputs) = unbounded();
        let shared = Arc::new(Shared::new(Arc::new(Rows(output))));
        let (commands, command_receiver) = unbounded();
        let (loads, load_receiver) = bounded(4);
        let table = CollectionKey { id: CollectionId(1), epoch: 1 };
        let row = Row::pack([Datum::Int(7)]);
        for rows in [vec![(row.clone(), 2)], Vec::new()] {
            loads.send(Load { table, targets: [1].into(), rows }).expect("there is room");
        }
        let serving = thread::spawn(move || {
            let mailbox = Mailbox { commands: command_receiver, loads: load_receiver };
            timely::execute_directly(move |worker| run(worker, &mailbox, &shared));
        });
        while loads.len() == 2 {
            thread::yield_now();
        }
        let purpose = Purpose::View { id: CollectionId(2), live: Arc::new(AtomicBool::new(true)) };
        let build = Build {
            id: 1,
            as_of: 5,
            tables: vec![table],
            views: Vec::new(),
            plan: Plan::Get { id: Leaf::Table(table) },
            purpose,
        };
        commands.send(Command::Build(Arc::new(build))).expect("the worker serves");
        serving.thread().unpark();
        assert_eq!(outputs.recv_timeout(Duration::from_secs(60)), Ok((5, vec![(row, 2)])));
        commands.send(Command::Stop).expect("the worker serves");
        serving.thread().unpark();
        serving.join().expect("the worker ends");
    }
}
