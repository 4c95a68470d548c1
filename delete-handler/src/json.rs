//! Reads foreign JSON leniently, piece by piece. A streaming reader has no limit for depth or numbers, and unlike
//! `serde_json::Value`, no field names with a special meaning.

use std::collections::HashMap;

use struson::reader::{JsonReader as _, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

pub(crate) type Reader<'a> = JsonStreamReader<&'a [u8]>;

pub(crate) fn reader(text: &str) -> Reader<'_> {
    let settings = ReaderSettings {
        max_nesting_depth: None,
        restrict_number_values: false,
        track_path: false,
        ..ReaderSettings::default()
    };
    JsonStreamReader::new_custom(text.as_bytes(), settings)
}

/// Calls `each` for every member of an object, and skips any other value. Returns whether it was an object.
pub(crate) fn members(
    reader: &mut Reader,
    mut each: impl FnMut(&str, &mut Reader) -> Result<(), ReaderError>,
) -> Result<bool, ReaderError> {
    if reader.peek()? != ValueType::Object {
        reader.skip_value()?;
        return Ok(false);
    }
    reader.begin_object()?;
    while reader.has_next()? {
        let name = reader.next_name_owned()?;
        each(&name, reader)?;
    }
    reader.end_object()?;
    Ok(true)
}

pub(crate) fn string(reader: &mut Reader) -> Result<Option<String>, ReaderError> {
    if reader.peek()? == ValueType::String {
        return reader.next_string().map(Some);
    }
    reader.skip_value()?;
    Ok(None)
}

pub(crate) fn truth(reader: &mut Reader) -> Result<bool, ReaderError> {
    if reader.peek()? == ValueType::Boolean {
        return reader.next_bool();
    }
    reader.skip_value()?;
    Ok(false)
}

/// Headers by their lower-case names, from either form: one value or a list. `None` if there is no object.
pub(crate) fn headers(
    reader: &mut Reader,
) -> Result<Option<HashMap<String, Vec<String>>>, ReaderError> {
    let mut headers: HashMap<String, Vec<String>> = HashMap::new();
    let is_there = members(reader, |name, reader| {
        let mut values = Vec::new();
        if reader.peek()? == ValueType::Array {
            reader.begin_array()?;
            while reader.has_next()? {
                values.extend(string(reader)?);
            }
            reader.end_array()?;
        } else {
            values.extend(string(reader)?);
        }
        if !values.is_empty() {
            headers.entry(name.to_ascii_lowercase()).or_default().append(&mut values);
        }
        Ok(())
    })?;
    Ok(is_there.then_some(headers))
}
