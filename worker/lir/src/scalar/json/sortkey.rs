//! Bytes whose order is that of `jsonb`.

use super::{Json, Kind};

/// Appends bytes that sort as [`super::compare`] sorts the texts; no longer value's bytes start with them.
pub fn push_jsonb_order(text: &str, out: &mut Vec<u8>) {
    let json = Json::new(text);
    // A scalar at the top is held as an array of one element: it stands between the empty array and all others.
    out.push(match json.kind() {
        Kind::Array if json.elements().next().is_none() => 0,
        Kind::Null | Kind::String | Kind::Number | Kind::Boolean => 1,
        Kind::Array => 2,
        Kind::Object => 3,
    });
    push(json, out);
}

fn push(json: Json<'_>, out: &mut Vec<u8>) {
    let count = |out: &mut Vec<u8>| out.extend_from_slice(&(json.count() as u32).to_be_bytes());
    match json.kind() {
        Kind::Null => out.push(0),
        Kind::String => {
            out.push(1);
            if let Some(string) = json.string() {
                push_text(&string.text(), out);
            }
        }
        Kind::Number => {
            out.push(2);
            push_number(json.text, out);
        }
        Kind::Boolean => out.extend_from_slice(&[3, u8::from(json.text == "true")]),
        Kind::Array => {
            out.push(4);
            count(out);
            json.elements().for_each(|element| push(element, out));
        }
        Kind::Object => {
            out.push(5);
            count(out);
            for (key, value) in json.members() {
                push_text(&key.text(), out);
                push(value, out);
            }
        }
    }
}

/// A text of `jsonb` holds no zero byte.
fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// The sign, how many digits stand before the point, and the digits from the first to the last that is not 0; all turned over below 0.
fn push_number(text: &str, out: &mut Vec<u8>) {
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let whole = whole.trim_start_matches('0');
    let leading = decimals.len() - decimals.trim_start_matches('0').len();
    if whole.is_empty() && leading == decimals.len() {
        out.push(1);
        return;
    }
    let negative = magnitude.len() != text.len();
    out.push(if negative { 0 } else { 2 });
    let start = out.len();
    let places = if whole.is_empty() { -(leading as i64) } else { whole.len() as i64 };
    out.extend_from_slice(&(places ^ i64::MIN).to_be_bytes());
    let digits = whole.bytes().chain(decimals.bytes());
    let first = out.len();
    out.extend(digits.skip_while(|digit| *digit == b'0'));
    while out.len() > first && out.last() == Some(&b'0') {
        out.pop();
    }
    out.push(0);
    if negative {
        out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::json::{canonical, compare};

    #[test]
    fn bytes_sort_as_values_do() {
        let values = [
            "[]",
            "null",
            "\"\"",
            "\"a\"",
            "\"a\\n\"",
            "\"b\"",
            "\"é\"",
            "-10.5",
            "-10.05",
            "-2",
            "-1.50",
            "-1.5",
            "-0.001",
            "0",
            "0.00",
            "0.0010",
            "0.001",
            "0.01",
            "1",
            "1.0",
            "1.50",
            "2",
            "10",
            "123456789012345678901234567890123456789012345",
            "false",
            "true",
            "[null]",
            "[1]",
            "[1.0]",
            "[[]]",
            "[[1]]",
            "[{}]",
            "[1, 2]",
            "[1, 2.0]",
            "{}",
            "{\"a\": 1}",
            "{\"a\": 2}",
            "{\"b\": 1}",
            "{\"aa\": 1}",
            "{\"a\": 1, \"b\": 2}",
            "{\"a\": [1], \"b\": 2}",
            "{\"a\": {}, \"b\": 2}",
        ];
        let key = |text: &str| {
            let mut bytes = Vec::new();
            push_jsonb_order(text, &mut bytes);
            bytes
        };
        for a in values {
            for b in values {
                assert_eq!(key(a).cmp(&key(b)), compare(a, b), "{a} and {b}");
                assert_eq!(compare(a, b).is_eq(), canonical(a) == canonical(b), "{a} and {b}");
            }
        }
    }
}
