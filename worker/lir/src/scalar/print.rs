//! Expressions as text, for EXPLAIN: columns by position, operators infix.

use std::fmt;

use offtake_row::{Datum, Type, text};

use super::{Comparison, Func, Scalar, TimeFunc, array};

impl Comparison {
    fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// How a call is written.
enum Form {
    Infix(&'static str),
    Prefix(&'static str),
    Postfix(&'static str),
    Named(&'static str),
    Cast(Type),
}

impl Func {
    fn form(self) -> Form {
        use Form::{Infix, Named, Postfix, Prefix};
        match self {
            Func::Compare(comparison, _) => Infix(comparison.symbol()),
            Func::IsDistinct(_) => Infix("IS DISTINCT FROM"),
            Func::IsNotDistinct(_) => Infix("IS NOT DISTINCT FROM"),
            Func::NullIf(_) => Named("nullif"),
            Func::Greatest(_) => Named("greatest"),
            Func::Least(_) => Named("least"),
            Func::IsNull => Postfix("IS NULL"),
            Func::IsNotNull => Postfix("IS NOT NULL"),
            Func::IsTrue => Postfix("IS TRUE"),
            Func::IsNotTrue => Postfix("IS NOT TRUE"),
            Func::IsFalse => Postfix("IS FALSE"),
            Func::IsNotFalse => Postfix("IS NOT FALSE"),
            Func::Not => Prefix("NOT "),
            Func::EqualityKey(_) => Named("canonical"),
            Func::Add(_) | Func::AddDays | Func::DateAtTime => Infix("+"),
            Func::Subtract(_) | Func::SubtractDays | Func::DaysBetween => Infix("-"),
            Func::Multiply(_) => Infix("*"),
            Func::Divide(_) => Infix("/"),
            Func::Remainder(_) => Infix("%"),
            Func::Negate(_) => Prefix("-"),
            Func::Abs(_) => Named("abs"),
            Func::Sign(_) => Named("sign"),
            Func::Ceil(_) => Named("ceil"),
            Func::Floor(_) => Named("floor"),
            Func::Round(_) | Func::RoundTo => Named("round"),
            Func::Trunc(_) | Func::TruncTo => Named("trunc"),
            Func::Quotient => Named("div"),
            Func::GreatestCommonDivisor(_) => Named("gcd"),
            Func::LeastCommonMultiple(_) => Named("lcm"),
            Func::Power => Named("power"),
            Func::SquareRoot => Named("sqrt"),
            Func::CubeRoot => Named("cbrt"),
            Func::Exp => Named("exp"),
            Func::Ln => Named("ln"),
            Func::Log10 => Named("log10"),
            Func::Degrees => Named("degrees"),
            Func::Radians => Named("radians"),
            Func::BitAnd => Infix("&"),
            Func::BitOr => Infix("|"),
            Func::BitXor => Infix("#"),
            Func::BitNot => Prefix("~"),
            Func::ShiftLeft(_) => Infix("<<"),
            Func::ShiftRight(_) => Infix(">>"),
            Func::Concat | Func::ConcatBytes => Infix("||"),
            Func::ConcatAll => Named("concat"),
            Func::ConcatWith => Named("concat_ws"),
            Func::Length | Func::LengthTrimmed => Named("length"),
            Func::OctetLength | Func::OctetLengthBytes => Named("octet_length"),
            Func::BitLength | Func::BitLengthBytes => Named("bit_length"),
            Func::Lower => Named("lower"),
            Func::Upper => Named("upper"),
            Func::Trim => Named("btrim"),
            Func::TrimStart => Named("ltrim"),
            Func::TrimEnd => Named("rtrim"),
            Func::Substring | Func::SubstringBytes => Named("substring"),
            Func::Left => Named("left"),
            Func::Right => Named("right"),
            Func::Position | Func::PositionBytes => Named("strpos"),
            Func::Replace => Named("replace"),
            Func::Translate => Named("translate"),
            Func::StartsWith => Named("starts_with"),
            Func::Reverse => Named("reverse"),
            Func::Repeat => Named("repeat"),
            Func::PadStart => Named("lpad"),
            Func::PadEnd => Named("rpad"),
            Func::SplitPart => Named("split_part"),
            Func::Ascii => Named("ascii"),
            Func::Chr => Named("chr"),
            Func::ToHex(_) => Named("to_hex"),
            Func::Like => Infix("LIKE"),
            Func::NotLike => Infix("NOT LIKE"),
            Func::ILike => Infix("ILIKE"),
            Func::NotILike => Infix("NOT ILIKE"),
            Func::LikeEscape => Named("like_escape"),
            Func::Extract(_) => Named("extract"),
            Func::DatePart(_) => Named("date_part"),
            Func::DateTrunc => Named("date_trunc"),
            Func::IsFiniteDate | Func::IsFiniteTimestamp => Named("isfinite"),
            Func::MakeDate => Named("make_date"),
            Func::ToTimestamp => Named("to_timestamp"),
            Func::Math(func) => Named(func.name()),
            Func::String(func) => match func.name() {
                (name, true) => Infix(name),
                (name, false) => Named(name),
            },
            Func::Regex(func) => match func.name() {
                (name, true) => Infix(name),
                (name, false) => Named(name),
            },
            Func::Format(func) => Named(func.name()),
            Func::Array(func) => match func.form() {
                array::Form::Infix(symbol) => Infix(symbol),
                array::Form::Named(name) => Named(name),
            },
            Func::Time(TimeFunc::Negate) => Prefix("-"),
            Func::Time(func) if func.is_infix() => Infix(func.name()),
            Func::Time(func) => Named(func.name()),
            Func::Json(func) => match func.name() {
                (name, true) => Infix(name),
                (name, false) => Named(name),
            },
            Func::ObjectSchema => Named("object_schema"),
            Func::ObjectName => Named("object_name"),
            Func::ObjectOid => Named("object_oid"),
            Func::TypeName => Named("type_name"),
            Func::FormatType => Named("format_type"),
            Func::IsGranted(privilege) => Named(privilege.name()),
            Func::Cast { to, .. } => Form::Cast(to),
        }
    }
}

impl fmt::Display for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form() {
            Form::Infix(name) | Form::Postfix(name) | Form::Named(name) => f.write_str(name),
            Form::Prefix(name) => f.write_str(name.trim_end()),
            Form::Cast(to) => write!(f, "::{to}"),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Column(column) => write!(f, "#{column}"),
            Scalar::Literal { value, ty } => write_literal(f, *ty, value.datum(0)),
            Scalar::Parameter { index, ty } => write!(f, "${}::{ty}", index + 1),
            Scalar::Call { func, args } => match (func.form(), args.as_slice()) {
                (Form::Infix(symbol), [left, right]) => write!(f, "({left} {symbol} {right})"),
                (Form::Prefix(symbol), [arg]) => write!(f, "({symbol}{arg})"),
                (Form::Postfix(symbol), [arg]) => write!(f, "({arg} {symbol})"),
                (Form::Cast(to), [arg]) => write!(f, "{arg}::{to}"),
                _ => {
                    write!(f, "{func}(")?;
                    write_list(f, args, ", ")?;
                    f.write_str(")")
                }
            },
            Scalar::And(operands) => {
                f.write_str("(")?;
                write_list(f, operands, " AND ")?;
                f.write_str(")")
            }
            Scalar::Or(operands) => {
                f.write_str("(")?;
                write_list(f, operands, " OR ")?;
                f.write_str(")")
            }
            Scalar::Case { branches, otherwise } => {
                f.write_str("CASE")?;
                for (condition, value) in branches {
                    write!(f, " WHEN {condition} THEN {value}")?;
                }
                write!(f, " ELSE {otherwise} END")
            }
            Scalar::Coalesce(operands) => {
                f.write_str("coalesce(")?;
                write_list(f, operands, ", ")?;
                f.write_str(")")
            }
            Scalar::Lookup { lookup, args } => {
                write!(f, "{}(", lookup.name())?;
                write_list(f, args, ", ")?;
                f.write_str(")")
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[Scalar], separator: &str) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn write_literal(f: &mut fmt::Formatter<'_>, ty: Type, datum: Datum<'_>) -> fmt::Result {
    match datum {
        Datum::Null => write!(f, "NULL::{ty}"),
        Datum::Bool(value) => write!(f, "{value}"),
        Datum::Int(value) => write!(f, "{value}"),
        datum => {
            let mut printed = String::new();
            text::write(ty, datum, &mut printed);
            write!(f, "'{}'", printed.replace('\'', "''"))?;
            if matches!(datum, Datum::Text(_)) { Ok(()) } else { write!(f, "::{ty}") }
        }
    }
}
