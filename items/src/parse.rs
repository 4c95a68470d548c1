//! Converts JSON (RFC 8259) to attribute values, within DynamoDB's limits. An error names the limit and the place in
//! the document, as a JSON Pointer (RFC 6901).

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use struson::reader::{
    JsonReader, JsonStreamReader, JsonSyntaxError, ReaderError, ReaderSettings, ValueType,
};

use crate::attributes::{Attributes, OBJECT_ID};
use crate::error::{Error, ErrorKind};
use crate::number::{self, NumberFault};
use crate::size::{CONSTANT, CONTAINER, ENTRY, MAX_ITEM_BYTES, Size, TooLarge};

/// The deepest nesting of objects and arrays, with the outermost. DynamoDB counts 32 levels from an attribute's value
/// to the innermost scalar, which is the same.
const MAX_LEVELS: usize = 32;
/// The longest attribute name, in bytes (Amazon DynamoDB Developer Guide, "Naming rules").
const MAX_NAME_BYTES: usize = 65_535;

/// From this length on, a list grows by a quarter instead of doubling, because spare capacity would be most of an
/// item's memory.
const LONG_LIST: usize = 1024;

/// Parses a document, and adds up its size.
struct Reader<'a> {
    json: JsonStreamReader<&'a [u8]>,
    size: Size,
}

/// Why a document is refused.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("The body is not valid JSON: {0}")]
    Syntax(String),
    #[error("The body must be a JSON object, not {0}")]
    NotAnObject(&'static str),
    #[error("The attribute `{OBJECT_ID}` is set by the service: leave it out")]
    Reserved,
    #[error("An attribute has an empty name")]
    EmptyName,
    #[error("An attribute's name has {0} bytes; a name has at most {MAX_NAME_BYTES}")]
    LongName(usize),
    #[error("An attribute is given twice")]
    DuplicateName,
    #[error("A number {0}")]
    Number(#[from] NumberFault),
    #[error(
        "The item has over {MAX_ITEM_BYTES} bytes as DynamoDB counts them, its object_id included: that is the most"
    )]
    TooLarge,
    #[error("Objects and arrays are nested over {MAX_LEVELS} levels deep")]
    TooDeep,
}

/// A reason, and the place in the document, innermost step first.
struct Fault {
    reason: Reason,
    path: Vec<Step>,
}

enum Step {
    Name(String),
    Index(usize),
}

impl Fault {
    fn under(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.path.iter().rev() {
            // Writing to a string never fails.
            let _ = match step {
                Step::Name(name) => {
                    write!(pointer, "/{}", name.replace('~', "~0").replace('/', "~1"))
                }
                Step::Index(index) => write!(pointer, "/{index}"),
            };
        }
        pointer
    }
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self { reason, path: Vec::new() }
    }
}

impl From<TooLarge> for Reason {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl From<TooLarge> for Fault {
    fn from(fault: TooLarge) -> Self {
        Reason::from(fault).into()
    }
}

impl From<ReaderError> for Fault {
    fn from(error: ReaderError) -> Self {
        let text = match &error {
            ReaderError::SyntaxError(JsonSyntaxError { kind, location }) => {
                let kind = spell_out(&kind.to_string());
                location.line_pos.as_ref().map_or(kind.clone(), |at| {
                    format!("{kind} at line {}, column {}", at.line + 1, at.column + 1)
                })
            }
            // The input is in memory, so only bad UTF-8 can cause this.
            ReaderError::IoError { .. } => "it is not UTF-8".to_owned(),
            other => other.to_string(),
        };
        Reason::Syntax(text).into()
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let kind = match fault.reason {
            Reason::Syntax(_) => ErrorKind::InvalidJson,
            Reason::NotAnObject(_) => ErrorKind::NotAnObject,
            Reason::Reserved => ErrorKind::ReservedAttribute,
            Reason::EmptyName | Reason::LongName(_) | Reason::DuplicateName => {
                ErrorKind::InvalidAttributeName
            }
            Reason::Number(_) => ErrorKind::InvalidNumber,
            Reason::TooLarge => ErrorKind::TooLarge,
            Reason::TooDeep => ErrorKind::NestingTooDeep,
        };
        let message = match fault.pointer() {
            pointer
                if pointer.is_empty()
                    || matches!(kind, ErrorKind::InvalidJson | ErrorKind::TooLarge) =>
            {
                fault.reason.to_string()
            }
            pointer => format!("{} (at {})", fault.reason, abridge(&pointer)),
        };
        Self::new(kind, message)
    }
}

/// Turns `MissingComma` into `missing comma`.
fn spell_out(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    // An option of the reader, which clients can't set.
    words.trim_end_matches(" not enabled").to_owned()
}

/// Shortens a pointer, because names in a document may be very long.
fn abridge(pointer: &str) -> String {
    const MOST: usize = 200;
    if pointer.chars().count() <= MOST {
        return pointer.to_owned();
    }
    pointer.chars().take(MOST).chain(['…']).collect()
}

/// Parses a body: any JSON object without an `object_id`.
pub(crate) fn object(body: &[u8]) -> Result<Attributes, Error> {
    let settings = ReaderSettings {
        track_path: false,
        // The code below checks numbers and nesting, with messages that name the place.
        restrict_number_values: false,
        max_nesting_depth: None,
        ..ReaderSettings::default()
    };
    let json = JsonStreamReader::new_custom(body, settings);
    Ok(document(Reader { json, size: Size::new() })?)
}

fn document(mut reader: Reader) -> Result<Attributes, Fault> {
    let found = reader.json.peek()?;
    if found == ValueType::Object {
        let attributes = members(&mut reader, 1)?;
        reader.json.consume_trailing_whitespace()?;
        return Ok(attributes);
    }
    // Broken JSON is reported as broken, even if it does not begin with an object.
    reader.json.skip_value()?;
    reader.json.consume_trailing_whitespace()?;
    Err(Reason::NotAnObject(describe(found)).into())
}

fn value(reader: &mut Reader, level: usize) -> Result<AttributeValue, Fault> {
    let Reader { json, size } = reader;
    Ok(match json.peek()? {
        ValueType::Object => {
            size.add(CONTAINER)?;
            AttributeValue::M(members(reader, level + 1)?)
        }
        ValueType::Array => {
            size.add(CONTAINER)?;
            AttributeValue::L(elements(reader, level + 1)?)
        }
        ValueType::String => {
            let text = json.next_string()?;
            size.add(text.len())?;
            AttributeValue::S(text)
        }
        ValueType::Number => {
            let number = number::to_attribute(json.next_number_as_str()?).map_err(Reason::from)?;
            size.add(number.size)?;
            AttributeValue::N(number.text)
        }
        ValueType::Boolean => {
            size.add(CONSTANT)?;
            AttributeValue::Bool(json.next_bool()?)
        }
        ValueType::Null => {
            size.add(CONSTANT)?;
            json.next_null()?;
            AttributeValue::Null(true)
        }
    })
}

fn members(reader: &mut Reader, level: usize) -> Result<Attributes, Fault> {
    check_level(level)?;
    let mut members = HashMap::new();
    reader.json.begin_object()?;
    while reader.json.has_next()? {
        let name = reader.json.next_name_owned()?;
        check_name(&name, level)?;
        // The item itself is not an entry of another map.
        reader.size.add(name.len() + if level > 1 { ENTRY } else { 0 })?;
        if members.contains_key(&name) {
            return Err(Fault::from(Reason::DuplicateName).under(Step::Name(name)));
        }
        match value(reader, level) {
            Ok(value) => members.insert(name, value),
            Err(fault) => return Err(fault.under(Step::Name(name))),
        };
    }
    reader.json.end_object()?;
    Ok(members)
}

fn elements(reader: &mut Reader, level: usize) -> Result<Vec<AttributeValue>, Fault> {
    check_level(level)?;
    let mut elements = Vec::new();
    reader.json.begin_array()?;
    while reader.json.has_next()? {
        let index = elements.len();
        reader.size.add(ENTRY)?;
        if index >= LONG_LIST && index == elements.capacity() {
            elements.reserve_exact(index / 4);
        }
        elements.push(value(reader, level).map_err(|fault| fault.under(Step::Index(index)))?);
    }
    reader.json.end_array()?;
    Ok(elements)
}

fn check_level(level: usize) -> Result<(), Reason> {
    if level > MAX_LEVELS { Err(Reason::TooDeep) } else { Ok(()) }
}

fn check_name(name: &str, level: usize) -> Result<(), Reason> {
    if name.is_empty() {
        Err(Reason::EmptyName)
    } else if name.len() > MAX_NAME_BYTES {
        Err(Reason::LongName(name.len()))
    } else if level == 1 && name == OBJECT_ID {
        Err(Reason::Reserved)
    } else {
        Ok(())
    }
}

fn describe(value: ValueType) -> &'static str {
    match value {
        ValueType::Object => "an object",
        ValueType::Array => "an array",
        ValueType::String => "a string",
        ValueType::Number => "a number",
        ValueType::Boolean => "a boolean",
        ValueType::Null => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::ID_BYTES;

    fn refusal(body: impl AsRef<[u8]>) -> (ErrorKind, String) {
        let error = object(body.as_ref()).unwrap_err();
        (error.kind(), error.message().to_owned())
    }

    fn nested(levels: usize, leaf: &str) -> String {
        let (open, close) = (r#"{"a":"#.repeat(levels), "}".repeat(levels));
        format!("{open}{leaf}{close}")
    }

    #[test]
    fn every_json_type_becomes_its_attribute_value() {
        let item =
            object(br#" {"s":"\u00e9\n","n":-1.50E+3,"t":true,"z":null,"l":[1,[]],"m":{"x":{}}} "#)
                .unwrap();
        assert_eq!(item["s"], AttributeValue::S("é\n".into()));
        assert_eq!(item["n"], AttributeValue::N("-1.50E+3".into()));
        assert_eq!(item["t"], AttributeValue::Bool(true));
        assert_eq!(item["z"], AttributeValue::Null(true));
        let inner = AttributeValue::L(vec![]);
        assert_eq!(item["l"], AttributeValue::L(vec![AttributeValue::N("1".into()), inner]));
        let empty = AttributeValue::M(HashMap::new());
        assert_eq!(item["m"], AttributeValue::M(HashMap::from([("x".to_owned(), empty)])));
    }

    #[test]
    fn an_error_names_the_place_and_the_limit() {
        let (kind, message) = refusal(r#"{"a":{"b":[1,2,3,1e999]}}"#);
        assert_eq!(kind, ErrorKind::InvalidNumber);
        assert_eq!(
            message,
            "A number is out of range: magnitudes go from 1E-130 to 9.9E+125 (at /a/b/3)"
        );
        let (_, message) = refusal(r#"{"a/b":{"~":{"":1}}}"#);
        assert_eq!(message, "An attribute has an empty name (at /a~1b/~0)");
        let (kind, message) = refusal("{\n \"a\": 1x\n}");
        assert_eq!(kind, ErrorKind::InvalidJson);
        assert!(message.ends_with(": trailing data after number at line 2, column 8"), "{message}");
    }

    #[test]
    fn a_long_place_is_abridged() {
        let (_, message) = refusal(format!(r#"{{"{}":1e999}}"#, "é".repeat(10_000)));
        assert!(message.chars().count() < 300, "{message}");
    }

    #[test]
    fn broken_json_is_refused() {
        for bad in [
            "",
            " ",
            "{",
            "{\"a\":}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{}{}",
            "[1,",
            "\"\\ud800\"",
            "{\"a\":\"\t\"}",
            "\u{feff}{}",
        ] {
            assert_eq!(refusal(bad).0, ErrorKind::InvalidJson, "{bad}");
        }
        for bad in [&b"{\"a\":\"\xff\"}"[..], b"\xff", b"{}\xc3", b"{\"\xed\xa0\x80\":1}"] {
            assert_eq!(refusal(bad).0, ErrorKind::InvalidJson, "{bad:?}");
        }
    }

    #[test]
    fn only_an_object_is_an_item() {
        for (body, what) in [
            ("[1]", "an array"),
            ("\"a\"", "a string"),
            ("1", "a number"),
            ("true", "a boolean"),
            ("null", "null"),
        ] {
            assert_eq!(
                refusal(body),
                (ErrorKind::NotAnObject, format!("The body must be a JSON object, not {what}"))
            );
        }
    }

    #[test]
    fn an_object_id_is_refused_only_at_the_top_level() {
        assert_eq!(refusal(r#"{"object_id":"x"}"#).0, ErrorKind::ReservedAttribute);
        assert_eq!(refusal(r#"{"object\u005fid":1}"#).0, ErrorKind::ReservedAttribute);
        assert!(object(br#"{"a":{"object_id":1}}"#).is_ok());
    }

    #[test]
    fn names_are_neither_empty_nor_long_nor_given_twice() {
        assert_eq!(refusal(r#"{"":1}"#).0, ErrorKind::InvalidAttributeName);
        assert_eq!(
            refusal(r#"{"a":1,"\u0061":2}"#),
            (ErrorKind::InvalidAttributeName, "An attribute is given twice (at /a)".into())
        );
        assert!(object(format!(r#"{{"{}":1}}"#, "n".repeat(65_535)).as_bytes()).is_ok());
        assert_eq!(
            refusal(format!(r#"{{"{}":1}}"#, "n".repeat(65_536))).0,
            ErrorKind::InvalidAttributeName
        );
    }

    #[test]
    fn at_most_32_levels_are_accepted() {
        assert!(object(nested(32, "1").as_bytes()).is_ok());
        assert_eq!(refusal(nested(33, "1")).0, ErrorKind::NestingTooDeep);
        assert_eq!(refusal(nested(32, "[]")).0, ErrorKind::NestingTooDeep);
    }

    #[test]
    fn a_hundred_thousand_levels_are_refused_like_thirty_three() {
        assert_eq!(refusal(nested(100_000, "1")).0, ErrorKind::NestingTooDeep);
        assert_eq!(
            refusal(format!("{{\"a\":{}", "[".repeat(100_000))).0,
            ErrorKind::NestingTooDeep
        );
        let array = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(refusal(array).0, ErrorKind::NotAnObject);
        assert_eq!(refusal("[".repeat(100_000)).0, ErrorKind::InvalidJson);
    }

    /// Whether the item `json` has this size. It contains a text that fills it up.
    fn has_size(json: &str, size: usize) -> bool {
        let filled = |bytes: usize| {
            let filler = format!(r#""filler":"{}"}}"#, "x".repeat(bytes - "filler".len()));
            object((json.strip_suffix('}').unwrap().to_owned() + "," + &filler).as_bytes())
        };
        let left = MAX_ITEM_BYTES - ID_BYTES - size;
        filled(left).is_ok() && filled(left + 1).unwrap_err().kind() == ErrorKind::TooLarge
    }

    #[test]
    fn sizes_are_counted_as_documented() {
        assert!(has_size(r#"{"é":"é"}"#, 4));
        assert!(has_size(r#"{"a":true,"b":null}"#, 4));
        assert!(has_size(r#"{"a":[]}"#, 4));
        assert!(has_size(r#"{"a":["x",42]}"#, 1 + 3 + 2 + 3));
        assert!(has_size(r#"{"a":{"bc":"x"}}"#, 1 + 3 + 1 + 2 + 1));
    }

    #[test]
    fn a_list_holds_at_most_400_thousand_empty_texts() {
        let list = |values: usize| {
            let values = vec![r#""""#; values].join(",");
            object(format!(r#"{{"a":[{values}]}}"#).as_bytes())
        };
        let most = MAX_ITEM_BYTES - ID_BYTES - "a".len() - CONTAINER;
        assert!(list(most).is_ok());
        assert_eq!(list(most + 1).unwrap_err().kind(), ErrorKind::TooLarge);
    }
}
