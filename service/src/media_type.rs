//! Parses a body's media type by its grammar (RFC 9110, 8.3.1 and 5.6.6). The crates `mime`, which the framework
//! uses, and `mediatype` refuse parts of that grammar: space before a `;`, and empty parameters.

/// A media type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MediaType<'a> {
    /// `type/subtype`, as the client sent it.
    pub(crate) essence: &'a str,
    /// Names and values, as the client sent them, without quotes.
    pub(crate) parameters: Vec<(&'a str, String)>,
}

const SPACE: [char; 2] = [' ', '\t'];

impl<'a> MediaType<'a> {
    /// Parses a header's value; `None` if it is malformed.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        let mut parameters = Vec::new();
        loop {
            // Skips empty parameters: `a/b;; c=d;` has one parameter.
            rest = rest.trim_start_matches([';', ' ', '\t']);
            if rest.is_empty() {
                return Some(Self { essence: essence.trim_end_matches(SPACE), parameters });
            }
            let (name, after) = rest.split_once('=').filter(|(name, _)| is_token(name))?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted_string(quoted)?,
                None => token(after)?,
            };
            parameters.push((name, value));
            rest = after.trim_start_matches(SPACE);
            if !rest.is_empty() && !rest.starts_with(';') {
                return None;
            }
        }
    }
}

fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn token(text: &str) -> Option<(String, &str)> {
    let (token, rest) = text.split_at(text.find([';', ' ', '\t']).unwrap_or(text.len()));
    is_token(token).then(|| (token.to_owned(), rest))
}

/// The rest of a quoted string (RFC 9110, 5.6.4), and the text after it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Vec<(&str, String)> {
        let read = MediaType::parse(text).unwrap_or_else(|| panic!("{text} is refused"));
        assert_eq!(read.essence, "a/b", "{text}");
        read.parameters
    }

    #[test]
    fn a_valid_media_type_is_accepted() {
        for none in ["a/b", "a/b;", "a/b ;", "a/b;;", "a/b \t; \t;; "] {
            assert_eq!(parameters(none), [], "{none}");
        }
        for (text, value) in [
            ("a/b;c=d", "d"),
            ("a/b ;c=d", "d"),
            ("a/b\t;\tc=d\t;", "d"),
            ("a/b;; ;c=\"d\"", "d"),
            (r#"a/b;c="\d\"e;,=""#, "d\"e;,="),
            ("a/b;c=\"\"", ""),
            ("a/b;c=\"é\t \"", "é\t "),
        ] {
            assert_eq!(parameters(text), [("c", value.to_owned())], "{text}");
        }
        let two = [("c", "d".to_owned()), ("e", "f".to_owned())];
        assert_eq!(parameters("a/b; c=d ; e=\"f\""), two);
    }

    #[test]
    fn an_invalid_media_type_is_refused() {
        for bad in [
            "a/b;c",
            "a/b;c=",
            "a/b;=d",
            "a/b;c =d",
            "a/b;c= d",
            "a/b;c=\"d",
            "a/b;c=\"d\\",
            "a/b;c=\"d\"e",
            "a/b;c=d e",
            "a/b;c=d,e/f",
            "a/b;é=d",
        ] {
            assert_eq!(MediaType::parse(bad), None, "{bad}");
        }
    }
}
