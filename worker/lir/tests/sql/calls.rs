//! Calls of aggregates and window functions over columns, as far as `rows.golden` has them.

use offtake_lir::{
    Aggregate, AggregateOrder, Frame, FrameBound, FrameExclusion, FrameUnit, Lir, Order, Scalar, Window,
    WindowCall, WindowFunction, functions,
};
use offtake_row::{Row, Type};

use super::{Failure, Parser, Token, Typed, syntax, tokens};

/// A call with its result's type.
pub enum Call {
    Aggregate(Box<Aggregate>, Type),
    Window(Window, Type),
}

/// Reads a call.
pub fn parse(sql: &str, columns: &[(String, Type)]) -> Result<Call, Failure> {
    let mut parser = Parser { tokens: tokens(sql)?, at: 0, columns };
    let call = parser.row_call()?;
    match parser.tokens.get(parser.at) {
        None => Ok(call),
        Some(token) => Err(syntax(format!("left over: {token:?}"))),
    }
}

/// A call of a function that makes rows: over one row without columns, and its columns' names and types.
pub fn parse_set(sql: &str) -> Result<(Lir, Vec<(String, Type)>), Failure> {
    let mut parser = Parser { tokens: tokens(sql)?, at: 0, columns: &[] };
    let function = parser.row_function()?;
    let resolved = functions::table_function(&function.name, &function.types())?;
    let args = function.args.into_iter().zip(&resolved.args).map(|(arg, ty)| arg.coerce(*ty));
    let input = Box::new(Lir::Constant { rows: vec![(Row::empty(), 1)] });
    let (function, args) = (resolved.function, args.collect::<Result<_, _>>()?);
    Ok((Lir::FlatMap { input, function, args, ordinality: true }, resolved.columns))
}

/// A function of rows, before it is resolved.
struct Function {
    name: String,
    args: Vec<Typed>,
    distinct: bool,
    order_by: Vec<AggregateOrder>,
    within: Option<(Typed, bool, bool)>,
    filter: Option<Scalar>,
}

impl Function {
    fn types(&self) -> Vec<Option<Type>> {
        let within = self.within.iter().map(|(key, ..)| key.ty);
        self.args.iter().map(|arg| arg.ty).chain(within).collect()
    }

    fn aggregate(self) -> Result<(Aggregate, Type), Failure> {
        let resolved = functions::aggregate(&self.name, &self.types())?;
        let mut args = Vec::new();
        let mut types = resolved.args.iter();
        for (arg, ty) in self.args.into_iter().zip(&mut types) {
            args.push(arg.coerce(*ty)?);
        }
        let mut order_by = self.order_by;
        if let (Some((key, descending, nulls_first)), Some(ty)) = (self.within, types.next()) {
            order_by.push(AggregateOrder { key: key.coerce(*ty)?, ty: *ty, descending, nulls_first });
        }
        let (function, filter) = (resolved.function, self.filter);
        Ok((Aggregate { function, args, order_by, filter, distinct: self.distinct }, resolved.result))
    }
}

impl Parser<'_> {
    fn row_call(&mut self) -> Result<Call, Failure> {
        let function = self.row_function()?;
        if !self.accept("over") {
            let (aggregate, ty) = function.aggregate()?;
            return Ok(Call::Aggregate(Box::new(aggregate), ty));
        }
        self.expect("(")?;
        let mut partition = Vec::new();
        if self.accept("partition") {
            self.expect("by")?;
            loop {
                let key = self.expression(0)?;
                let ty = key.ty.unwrap_or(Type::Text);
                partition.push(key.coerce(ty)?.group_key(ty));
                if !self.accept(",") {
                    break;
                }
            }
        }
        let mut order_by = Vec::new();
        for (key, descending, nulls_first) in self.order_keys()? {
            let (Scalar::Column(column), Some(ty)) = (&key.expr, key.ty) else {
                return Err(syntax("a window is ordered by columns here"));
            };
            order_by.push(Order { column: *column, ty, descending, nulls_first });
        }
        let frame = self.frame(&order_by)?;
        self.expect(")")?;
        let (function, args, ty) = if functions::is_window(&function.name) {
            let resolved = functions::window(&function.name, &function.types())?;
            let args = function.args.into_iter().zip(&resolved.args).map(|(arg, ty)| arg.coerce(*ty));
            (resolved.function, args.collect::<Result<_, _>>()?, resolved.result)
        } else {
            let (aggregate, ty) = function.aggregate()?;
            (WindowFunction::Aggregate(aggregate), Vec::new(), ty)
        };
        let calls = vec![WindowCall { function, args, frame }];
        Ok(Call::Window(Window { partition, order_by, calls }, ty))
    }

    fn row_function(&mut self) -> Result<Function, Failure> {
        let Some(Token::Word(name)) = self.tokens.get(self.at).cloned() else { return Err(syntax("a name")) };
        self.at += 1;
        self.expect("(")?;
        let distinct = self.accept("distinct");
        let mut args = Vec::new();
        if !self.accept("*") {
            while self.symbol() != Some(")") && self.word(0) != Some("order") {
                args.push(self.expression(0)?);
                self.accept(",");
            }
        }
        let mut order_by = Vec::new();
        for (key, descending, nulls_first) in self.order_keys()? {
            let ty = key.ty.unwrap_or(Type::Text);
            order_by.push(AggregateOrder { key: key.coerce(ty)?, ty, descending, nulls_first });
        }
        self.expect(")")?;
        let mut within = None;
        if self.accept("within") {
            self.expect("group")?;
            self.expect("(")?;
            within = self.order_keys()?.into_iter().next();
            self.expect(")")?;
        }
        let mut filter = None;
        if self.accept("filter") {
            self.expect("(")?;
            self.expect("where")?;
            filter = Some(self.expression(0)?.coerce(Type::Bool)?);
            self.expect(")")?;
        }
        Ok(Function { name, args, distinct, order_by, within, filter })
    }

    /// Keys with whether they are descending and whether NULLs are first.
    fn order_keys(&mut self) -> Result<Vec<(Typed, bool, bool)>, Failure> {
        let mut keys = Vec::new();
        if !self.accept("order") {
            return Ok(keys);
        }
        self.expect("by")?;
        loop {
            let key = self.expression(0)?;
            let descending = self.accept("desc");
            let nulls_first = if self.accept("nulls") {
                let first = self.accept("first");
                first || !self.accept("last")
            } else {
                descending
            };
            keys.push((key, descending, nulls_first));
            if !self.accept(",") {
                return Ok(keys);
            }
        }
    }

    fn frame(&mut self, order_by: &[Order]) -> Result<Frame, Failure> {
        let unit = match self.word(0) {
            Some("rows") => FrameUnit::Rows,
            Some("range") => FrameUnit::Range,
            Some("groups") => FrameUnit::Groups,
            _ => {
                return Ok(Frame {
                    unit: FrameUnit::Range,
                    start: FrameBound::UnboundedPreceding,
                    end: FrameBound::CurrentRow,
                    exclude: FrameExclusion::Nothing,
                });
            }
        };
        self.at += 1;
        self.expect("between")?;
        let start = self.bound(unit, order_by)?;
        self.expect("and")?;
        let end = self.bound(unit, order_by)?;
        let exclude = match (self.accept("exclude"), self.word(0)) {
            (false, _) => FrameExclusion::Nothing,
            (true, Some("current")) => FrameExclusion::CurrentRow,
            (true, Some("group")) => FrameExclusion::Group,
            (true, Some("ties")) => FrameExclusion::Ties,
            (true, _) => FrameExclusion::Nothing,
        };
        while self.word(0).is_some() {
            self.at += 1;
        }
        Ok(Frame { unit, start, end, exclude })
    }

    fn bound(&mut self, unit: FrameUnit, order_by: &[Order]) -> Result<FrameBound, Failure> {
        if self.accept("current") {
            self.expect("row")?;
            return Ok(FrameBound::CurrentRow);
        }
        if self.accept("unbounded") {
            let preceding = self.accept("preceding");
            self.accept("following");
            let (before, after) = (FrameBound::UnboundedPreceding, FrameBound::UnboundedFollowing);
            return Ok(if preceding { before } else { after });
        }
        let distance = self.expression(0)?;
        let ty = match (unit, order_by) {
            (FrameUnit::Range, [order]) => functions::range_distance(order.ty, distance.ty)?,
            _ => Type::Int8,
        };
        let distance = distance.coerce(ty)?;
        let preceding = self.accept("preceding");
        self.accept("following");
        Ok(if preceding { FrameBound::Preceding(distance) } else { FrameBound::Following(distance) })
    }
}
