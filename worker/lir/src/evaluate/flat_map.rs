//! Functions in FROM: each row with the rows that a function makes of it.

use offtake_row::{Datum, RowPacker};

use super::{Context, Emit};
use crate::{arena::Arena, error::EvalError, node::Lir, scalar::Scalar, table_function::TableFunction};

pub(super) fn run(
    input: &Lir,
    function: TableFunction,
    args: &[Scalar],
    ordinality: bool,
    context: &Context<'_>,
    emit: &mut Emit<'_>,
) -> Result<(), EvalError> {
    let (mut arena, mut packer) = (Arena::new(), RowPacker::new());
    super::settled(input, context, &mut |row, diff| {
        arena.reset();
        let datums = row.unpack();
        let args = args.iter().map(|arg| arg.eval(&datums, &arena));
        let args: Vec<Datum<'_>> = args.collect::<Result<_, _>>()?;
        let mut number = 0;
        function.rows(&args, &mut |made| {
            context.work()?;
            packer.extend_from_row(&row);
            made.iter().for_each(|datum| packer.push(*datum));
            number += 1;
            if ordinality {
                packer.push(Datum::Int(number));
            }
            emit(packer.finish(), diff)
        })
    })
}
