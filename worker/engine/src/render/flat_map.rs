//! Functions in FROM: each row with the rows that a function makes of it. They are made again when the row goes.

use differential_dataflow::AsCollection;
use offtake_lir::{EvalError, Scalar, SqlState, TableFunction};
use offtake_row::{Datum, Row, RowPacker};
use timely::dataflow::{
    channels::pact::Pipeline,
    operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
};

use super::{Bundle, map::Evaluator, moment::Moment};

/// One row may make so many rows. A series that is longer is an error: it would not fit, or never end.
const MOST_ROWS: usize = 1_000_000;

/// Makes a row's rows.
struct Maker {
    function: TableFunction,
    args: Vec<Scalar>,
    ordinality: bool,
    evaluator: Evaluator,
    packer: RowPacker,
    made: Vec<Row>,
}

impl Maker {
    /// All of a row's rows, or the error that one of them is.
    fn make(&mut self, row: &Row) -> Result<&[Row], EvalError> {
        let Maker { function, args, ordinality, evaluator, packer, made } = self;
        made.clear();
        packer.clear();
        evaluator.with(row, |datums, arena| {
            let args = args.iter().map(|arg| arg.eval(datums, arena));
            let args: Vec<Datum<'_>> = args.collect::<Result<_, _>>()?;
            function.rows(&args, &mut |columns| {
                if made.len() >= MOST_ROWS {
                    return Err(EvalError::new(
                        SqlState::PROGRAM_LIMIT,
                        format!(
                            "{function} makes more than {MOST_ROWS} rows of one row, which is the most that a View keeps"
                        ),
                    ));
                }
                packer.extend_from_row(row);
                columns.iter().for_each(|datum| packer.push(*datum));
                if *ordinality {
                    packer.push(Datum::Int(made.len() as i64 + 1));
                }
                made.push(packer.finish());
                Ok(())
            })
        })?;
        Ok(made)
    }
}

pub(super) fn flat_map<'s, T: Moment>(
    input: Bundle<'s, T>,
    function: TableFunction,
    args: &[Scalar],
    ordinality: bool,
) -> Bundle<'s, T> {
    let Bundle { oks: rows, errs } = input;
    let mut builder = OperatorBuilder::new("FlatMap".to_owned(), rows.inner.scope());
    let mut input = builder.new_input(rows.inner, Pipeline);
    builder.set_notify_for(0, timely::progress::operate::FrontierInterest::Never);
    let (oks, ok_stream) = builder.new_output::<Vec<(Row, T, i64)>>();
    let (failures, failure_stream) = builder.new_output::<Vec<(Row, T, i64)>>();
    let (mut oks, mut failures) = (OutputBuilder::from(oks), OutputBuilder::from(failures));
    let mut maker = Maker {
        function,
        args: args.to_vec(),
        ordinality,
        evaluator: Evaluator::default(),
        packer: RowPacker::new(),
        made: Vec::new(),
    };
    builder.build(move |_| {
        move |_frontiers| {
            let (mut oks, mut failures) = (oks.activate(), failures.activate());
            input.for_each_stamp(|cap, data| {
                let mut oks = oks.session(&cap);
                let mut failures = failures.session(&cap);
                for (row, time, diff) in data.flat_map(|data| data.drain(..)) {
                    match maker.make(&row) {
                        Ok(made) => made.iter().for_each(|made| oks.give((made.clone(), time.clone(), diff))),
                        Err(error) => failures.give((error.to_row(), time, diff)),
                    }
                }
            });
        }
    });
    Bundle { oks: ok_stream.as_collection(), errs: errs.concat(failure_stream.as_collection()) }
}
