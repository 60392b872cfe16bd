//! `json_agg`, `json_object_agg` and their like. Source: `json_agg_transfn`, `json_object_agg_transfn` in `json.c`, and `jsonb.c`.

use offtake_row::{Datum, RowPacker, Type};

use super::{
    Form,
    build::{write, write_members},
    change::Writer,
    finish,
};
use crate::{arena::Arena, error::EvalError};

/// Each row a value, of type `ty`: an array of them, NULL of no rows.
pub(crate) fn agg<'a>(
    form: Form,
    ty: Type,
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let (mut out, mut any) = (String::new(), false);
    let mut writer = Writer::array(&mut out);
    for row in rows {
        let value = row.first().copied().unwrap_or(Datum::Null);
        let out = writer.next();
        if any && form == Form::Json && matches!(value, Datum::Array(_)) {
            // What has a structure stands on a line of its own.
            out.push_str("\n ");
        }
        write(form, ty, value, out)?;
        any = true;
    }
    writer.end();
    pack(any, &out, packer)
}

/// Each row a key and a value: an object, NULL of no rows. In `json` equal keys all come, in `jsonb` the last one counts.
pub(crate) fn object_agg<'a>(
    form: Form,
    [key, value]: [Type; 2],
    rows: impl Iterator<Item = &'a [Datum<'a>]>,
    packer: &mut RowPacker,
) -> Result<(), EvalError> {
    let mut members: Vec<(String, String)> = Vec::new();
    for row in rows {
        let [name, datum] = [0, 1].map(|place| row.get(place).copied().unwrap_or(Datum::Null));
        if name.is_null() {
            return Err(EvalError::invalid_parameter("field name must not be null"));
        }
        let (mut written, mut shown) = (String::new(), String::new());
        write(form, key, name, &mut written)?;
        // A key is kept as it stands between its quotes; what is no string becomes one.
        if let Some(raw) = written.strip_prefix('"').and_then(|key| key.strip_suffix('"')) {
            written = raw.to_owned();
        }
        write(form, value, datum, &mut shown)?;
        members.push((written, shown));
    }
    let (mut out, any) = (String::new(), !members.is_empty());
    match form {
        Form::Jsonb => write_members(members, &mut out),
        Form::Json => {
            out.push_str("{ ");
            for (place, (key, value)) in members.iter().enumerate() {
                let comma = if place > 0 { ", " } else { "" };
                out.extend([comma, "\"", key, "\" : ", value]);
            }
            out.push_str(" }");
        }
    }
    pack(any, &out, packer)
}

fn pack(any: bool, text: &str, packer: &mut RowPacker) -> Result<(), EvalError> {
    let arena = Arena::new();
    packer.push(if any { finish(text, &arena)? } else { Datum::Null });
    Ok(())
}
