//! Holds a value against a structural schema, as the API server does, and finds everything at once.
//!
//! Only what our definitions use is understood: types, nullable, properties, required, maps, items, enumerations, patterns, bounds and
//! sets. Rules between fields are [`crate::rules`].

use regex::Regex;
use serde_json::{Map, Value};

/// One thing that is wrong with a value.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    pub field: String,
    pub message: String,
    pub remedy: String,
}

/// Everything that is wrong with `value`.
pub(super) fn check(schema: &Value, value: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    walk(schema, value, "", &mut found);
    found
}

fn walk(schema: &Value, value: &Value, path: &str, found: &mut Vec<Finding>) {
    let mut report = |message: String, remedy: String| {
        found.push(Finding { field: path.to_owned(), message, remedy });
    };
    let int_or_string = schema["x-kubernetes-int-or-string"] == true;
    let expected = if int_or_string { "an amount" } else { schema["type"].as_str().unwrap_or_default() };
    let fits = match (expected, value) {
        ("", _) => true,
        ("an amount", Value::Number(_) | Value::String(_)) => true,
        (_, Value::Null) => schema["nullable"] == true,
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("object", Value::Object(_)) | ("array", Value::Array(_)) => true,
        _ => false,
    };
    if !fits {
        return report(
            format!("is {}, not {}", article(kind(value)), article(expected)),
            conversion(expected, value),
        );
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let names: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        return report(
            format!("{value} is not one of {}", names.join(", ")),
            suggestion(value.as_str().unwrap_or(""), names),
        );
    }
    match value {
        Value::String(text) => {
            for (message, remedy) in text_faults(schema, text) {
                report(message, remedy);
            }
        }
        Value::Number(number) => {
            let amount = number.as_f64().unwrap_or_default();
            let (low, high) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            if low.is_some_and(|low| amount < low) || high.is_some_and(|high| amount > high) {
                let bound =
                    |bound: &Value| bound.as_f64().map_or("any".to_owned(), |bound| bound.to_string());
                let range = format!("from {} to {}", bound(&schema["minimum"]), bound(&schema["maximum"]));
                report(format!("{number} is out of range"), format!("a number {range}"));
            }
        }
        Value::Array(items) => {
            for (message, remedy) in list_faults(schema, items) {
                report(message, remedy);
            }
            for (number, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{number}]"), found);
            }
        }
        Value::Object(fields) => object(schema, fields, path, found),
        Value::Null | Value::Bool(_) => {}
    }
}

fn object(schema: &Value, fields: &Map<String, Value>, path: &str, found: &mut Vec<Finding>) {
    let inside = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if fields.get(required).is_none_or(Value::is_null) {
            let about = properties[required]["description"].as_str().unwrap_or_default();
            let (field, message) = (inside(required), "is missing".to_owned());
            found.push(Finding { field, message, remedy: about.trim_end_matches('.').to_owned() });
        }
    }
    if schema["maxProperties"].as_u64().is_some_and(|most| fields.len() as u64 > most) {
        let message = format!("has {} entries", fields.len());
        found.push(Finding {
            field: path.to_owned(),
            message,
            remedy: format!("at most {}", schema["maxProperties"]),
        });
    }
    for (field, value) in fields {
        let known = properties
            .get(field)
            .or_else(|| schema.get("additionalProperties").filter(|rest| rest.is_object()));
        match known {
            // A null is as good as no field; a required one has been reported above.
            Some(schema) if value.is_null() && schema["nullable"] != true => {}
            Some(schema) => walk(schema, value, &inside(field), found),
            None if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            None => {
                let remedy = suggestion(field, properties.keys().map(|name| &**name));
                found.push(Finding { field: inside(field), message: "is not a known field".into(), remedy });
            }
        }
    }
}

fn text_faults(schema: &Value, text: &str) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let length = text.chars().count() as u64;
    if schema["minLength"].as_u64().is_some_and(|least| length < least) {
        let least = if text.is_empty() { "is empty".to_owned() } else { format!("has {length} characters") };
        faults.push((least, format!("at least {}", schema["minLength"])));
    } else if schema["maxLength"].as_u64().is_some_and(|most| length > most) {
        faults.push((format!("has {length} characters"), format!("at most {}", schema["maxLength"])));
    } else if let Some(pattern) = schema["pattern"].as_str() {
        let matcher =
            Regex::new(pattern).expect("the patterns of our own definitions are regular expressions");
        if !matcher.is_match(text) {
            let about =
                schema["description"].as_str().map_or(String::new(), |about| format!("{} ", about.trim()));
            faults.push((format!("\"{text}\" is not valid"), format!("{about}It must match {pattern}")));
        }
    }
    faults
}

fn list_faults(schema: &Value, items: &[Value]) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let length = items.len() as u64;
    if schema["minItems"].as_u64().is_some_and(|least| length < least) {
        faults.push((format!("has {length} items"), format!("at least {}", schema["minItems"])));
    }
    if schema["maxItems"].as_u64().is_some_and(|most| length > most) {
        faults.push((format!("has {length} items"), format!("at most {}", schema["maxItems"])));
    }
    if schema["x-kubernetes-list-type"] == "set" {
        let twice = items.iter().enumerate().find(|(number, item)| items[..*number].contains(item));
        if let Some((_, item)) = twice {
            faults.push((format!("{item} stands twice"), "remove one".into()));
        }
    }
    faults
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "null".into(),
        "an amount" => "an amount such as 2, 500m or 10Gi".into(),
        "array" => "a list".into(),
        "integer" => "a whole number".into(),
        "object" => "an object".into(),
        other => format!("a {other}"),
    }
}

fn conversion(expected: &str, value: &Value) -> String {
    match (expected, value) {
        ("string", Value::Number(_) | Value::Bool(_)) => format!("put quotes around it: \"{value}\""),
        ("integer" | "number" | "boolean", Value::String(_)) => "write it without quotes".into(),
        ("array", _) => "write a list: one \"- \" line an item".into(),
        ("object", _) => "write its fields, indented, below it".into(),
        _ => String::new(),
    }
}

/// What the user may have meant, or what there is.
pub(super) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None if known.is_empty() => "remove it".into(),
        None => format!("known are {}", known.join(", ")),
    }
}

/// The known word that differs least, if it is near enough to be a slip.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let ranked = known.into_iter().map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate));
    ranked
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_lists_the_rest() {
        assert_eq!(
            suggestion("passwordSecretref", ["passwordSecretRef", "port"]),
            "did you mean passwordSecretRef?"
        );
        assert_eq!(suggestion("qurey", ["query", "name"]), "did you mean query?");
        assert_eq!(suggestion("xyz", ["query", "name"]), "known are query, name");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
