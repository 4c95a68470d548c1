//! Numbers in DynamoDB: 38 significant digits, magnitudes from 1E-130 to below 1E+126 (Amazon DynamoDB Developer
//! Guide, "Supported data types: Number").

use std::borrow::Cow;
use std::fmt;

use serde::de::IgnoredAny;

const MAX_DIGITS: usize = 38;
const MIN_EXPONENT: i64 = -130;
const MAX_EXPONENT: i64 = 125;
/// A longer text consists mostly of zeros, and is written in scientific notation instead. This is room for a sign, a
/// zero, a point, and all 38 digits.
const MAX_PLAIN_BYTES: usize = MAX_DIGITS + 3;

/// Why DynamoDB can't hold a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberFault {
    #[error("has {0} significant digits; at most {MAX_DIGITS} can be kept exactly")]
    TooManyDigits(usize),
    #[error("is out of range: magnitudes go from 1E-130 to 9.9E+125")]
    OutOfRange,
}

/// A number's value, equal for `1`, `1.0` and `10e-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// The significant digits, without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the first digit.
    exponent: i64,
}

impl Decimal {
    /// Parses a number in JSON's grammar (RFC 8259, 6).
    pub(crate) fn from_json(text: &str) -> Self {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(magnitude) => (true, magnitude),
            None => (false, text),
        };
        let (mantissa, power) = magnitude.split_once(['e', 'E']).unwrap_or((magnitude, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let leading_zeros = all.len() - significant.len();
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Self { negative: false, digits: String::new(), exponent: 0 };
        }
        // An exponent beyond i64 is out of range anyway.
        let overflow = if power.starts_with('-') { i64::MIN } else { i64::MAX };
        let power = power.parse().unwrap_or(overflow);
        let first = i64::try_from(whole.len()).unwrap_or(i64::MAX)
            - i64::try_from(leading_zeros).unwrap_or(i64::MAX)
            - 1;
        Self { negative, digits: digits.to_owned(), exponent: first.saturating_add(power) }
    }

    fn check(&self) -> Result<(), NumberFault> {
        if self.digits.is_empty() {
            Ok(())
        } else if !(MIN_EXPONENT..=MAX_EXPONENT).contains(&self.exponent) {
            Err(NumberFault::OutOfRange)
        } else if self.digits.len() > MAX_DIGITS {
            Err(NumberFault::TooManyDigits(self.digits.len()))
        } else {
            Ok(())
        }
    }

    /// The size of this number in DynamoDB: one byte, one for a minus sign, and one for every two digits on either
    /// side of the point.
    fn size(&self) -> usize {
        let before_point = usize::try_from(self.exponent + 1).unwrap_or(0).min(self.digits.len());
        let after_point = self.digits.len() - before_point;
        1 + usize::from(self.negative) + before_point.div_ceil(2) + after_point.div_ceil(2)
    }
}

/// The shortest scientific notation.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) =
            self.digits.split_at_checked(1).filter(|(first, _)| !first.is_empty())
        else {
            return f.write_str("0");
        };
        let sign = if self.negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        write!(f, "{sign}{first}{point}{rest}e{}", self.exponent)
    }
}

/// A JSON number, as sent to DynamoDB.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) text: String,
    /// Its size in DynamoDB, in bytes.
    pub(crate) size: usize,
}

/// Converts a JSON number for DynamoDB. Zero becomes `0`, unless its exponent is out of range: that is refused even
/// for zero.
pub(crate) fn to_attribute(text: &str) -> Result<Attribute, NumberFault> {
    let decimal = Decimal::from_json(text);
    decimal.check()?;
    let size = decimal.size();
    Ok(if decimal.digits.is_empty() || text.len() > MAX_PLAIN_BYTES {
        Attribute { text: decimal.to_string(), size }
    } else {
        Attribute { text: text.to_owned(), size }
    })
}

/// Converts a DynamoDB number to JSON, with all its digits. DynamoDB writes `1E125` with 125 zeros, which could make
/// an item forty times as long as it was. `None` if another writer stored something that is not a JSON number.
pub(crate) fn to_json(text: &str) -> Option<Cow<'_, str>> {
    let number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    // Only checks the grammar, and does not convert the number.
    let IgnoredAny = number.then(|| serde_json::from_str(text).ok()).flatten()?;
    Some(if text.len() > MAX_PLAIN_BYTES {
        Decimal::from_json(text).to_string().into()
    } else {
        text.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> NumberFault {
        to_attribute(text).unwrap_err()
    }

    #[test]
    fn equal_numbers_have_one_decimal_however_they_are_written() {
        for text in ["120", "120.0", "1.2e2", "1.2E+2", "12e1", "0.00120e5", "120000e-3"] {
            assert_eq!(Decimal::from_json(text), Decimal::from_json("120"), "{text}");
        }
        for zero in ["0", "-0", "0.000", "0e5", "-0.0E-999999999999999999999999"] {
            assert_eq!(Decimal::from_json(zero), Decimal::from_json("0"), "{zero}");
        }
        assert_ne!(Decimal::from_json("12"), Decimal::from_json("-12"));
        assert_ne!(Decimal::from_json("12"), Decimal::from_json("1.2"));
    }

    #[test]
    fn at_most_38_significant_digits_are_accepted() {
        let most = "9".repeat(38);
        assert_eq!(to_attribute(&most).unwrap().text, most);
        assert!(to_attribute(&format!("{most}000")).is_ok());
        assert!(to_attribute(&format!("0.000{most}")).is_ok());
        assert_eq!(fault(&"9".repeat(39)), NumberFault::TooManyDigits(39));
        assert_eq!(fault(&format!("1.{}1", "0".repeat(37))), NumberFault::TooManyDigits(39));
    }

    #[test]
    fn the_range_is_that_of_dynamodb() {
        for good in ["9.9e125", "-9.9e125", "1e-130", "-1e-130", "10e124", "0.1e126"] {
            assert!(to_attribute(good).is_ok(), "{good}");
        }
        for bad in [
            "1e126",
            "-1e126",
            "0.9e-130",
            "1e-131",
            "1e99999999999999999999",
            "1e-99999999999999999999",
        ] {
            assert_eq!(fault(bad), NumberFault::OutOfRange, "{bad}");
        }
    }

    #[test]
    fn padding_is_dropped_and_the_value_stays() {
        let padded = format!("1.5{}", "0".repeat(1000));
        assert_eq!(to_attribute(&padded).unwrap().text, "1.5e0");
        let padded = format!("-0.{}25", "0".repeat(100)) + &"0".repeat(200);
        assert_eq!(to_attribute(&padded).unwrap().text, "-2.5e-101");
        assert_eq!(to_attribute(&format!("0.{}", "0".repeat(300))).unwrap().text, "0");
    }

    #[test]
    fn zero_is_zero_with_any_exponent() {
        for zero in ["0", "-0", "0e126", "0E-131", "-0.0e-140", "0e99999999999999999999"] {
            assert_eq!(to_attribute(zero).unwrap().text, "0", "{zero}");
        }
        assert_eq!(to_attribute(&format!("0.{}", "0".repeat(131))).unwrap().text, "0");
    }

    #[test]
    fn a_number_is_shown_without_padding() {
        let digits = "1".repeat(38);
        for (stored, shown) in [
            ("1".to_owned() + &"0".repeat(125), "1e125".to_owned()),
            (format!("-0.{}12", "0".repeat(100)), "-1.2e-101".to_owned()),
            (format!("-0.{digits}"), format!("-0.{digits}")),
            (format!("{digits}000000"), format!("1.{}e43", &digits[1..])),
        ] {
            assert_eq!(to_json(&stored).unwrap(), shown, "{stored}");
        }
    }

    #[test]
    fn sizes_are_counted_as_dynamodb_counts_them() {
        for (text, size) in [
            ("0", 1),
            ("-0", 1),
            ("42", 2),
            ("-42", 3),
            ("123", 3),
            ("1000", 2),
            ("1.5", 3),
            ("0.05", 2),
        ] {
            assert_eq!(Decimal::from_json(text).size(), size, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_json_number_is_not_shown_as_one() {
        assert_eq!(to_json("-1.50E+3").unwrap(), "-1.50E+3");
        for odd in ["", "007", ".5", "+1", "NaN", "true", "1 2", "\"1\""] {
            assert!(to_json(odd).is_none(), "{odd}");
        }
    }
}
