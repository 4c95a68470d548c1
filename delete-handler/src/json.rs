//! JSON of others, read leniently and piece by piece. A reader of streams has no bounds on depth or on
//! numbers, and unlike `serde_json::Value` no names that could mean something to it.

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

/// Has `each` read every member of an object; passes over what is none. Tells which it was.
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

/// Headers by their names in lower case, of either form: a value or a list of them. None where there is
/// no object.
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
