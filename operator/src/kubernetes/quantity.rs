//! Amounts as numbers: the API server keeps `1024Gi` as `1Ti`. Pure.
//!
//! Source: Kubernetes API reference, resource.Quantity: up to three decimal places of the smallest suffix, so nanos are exact.

/// Whether two amounts are the same number. What is no amount is compared as text.
pub fn same(one: &str, other: &str) -> bool {
    one == other || nanos(one).is_some_and(|number| nanos(other) == Some(number))
}

fn nanos(text: &str) -> Option<u128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (number, suffix) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, tens) = scale(suffix)?;
    let tens = tens.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_u128.checked_pow(tens.unsigned_abs())?;
    let digits = digits.checked_mul(factor)?;
    // What is finer than a nano is rounded up.
    if tens < 0 { Some(digits.div_ceil(power)) } else { digits.checked_mul(power) }
}

/// What a suffix multiplies with: a factor, and a power of ten.
fn scale(suffix: &str) -> Option<(u128, i32)> {
    let binary = |power: u32| Some((1_u128 << (10 * power), 0));
    match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => Some((1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers() {
        for (one, other) in
            [("1024Gi", "1Ti"), ("0.5", "500m"), ("1e3", "1k"), ("1.50Gi", "1536Mi"), ("2", "+2.0")]
        {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("1G", "1Gi"), ("10Gi", "20Gi"), ("1", "1m"), ("one", "two"), ("", "0")] {
            assert!(!same(one, other), "{one} {other}");
        }
        assert!(same("many", "many"));
    }
}
