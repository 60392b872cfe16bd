//! `jsonb_pretty`. Source: `JsonbToCStringIndent` in `jsonb.c`.

use super::{Json, Kind};

/// Appends a value over several lines, four blanks a level.
pub(super) fn pretty(json: Json<'_>, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', 4 * depth));
    };
    match json.kind() {
        Kind::Object => {
            out.push('{');
            for (place, (key, value)) in json.members().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                line(depth + 1, out);
                out.push('"');
                out.push_str(key.0);
                out.push_str("\": ");
                pretty(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for (place, element) in json.elements().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                line(depth + 1, out);
                pretty(element, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => out.push_str(json.text),
    }
}
