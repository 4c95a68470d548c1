//! Makes text from outside safe to print. Each character that a terminal or a browser would obey, or would not show,
//! is written as a JSON escape (`\u001b`). So no text can forge a line, move the cursor, set a title or reorder its
//! neighbours. A JSON line stays the same JSON.

use std::borrow::Cow;
use std::io::{self, Write};

/// For one line: line breaks are escaped too.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let mut shown = Vec::with_capacity(text.len() + 16);
    // Writing to a vector never fails, and the result is UTF-8.
    let _ = write_visible(&mut shown, text);
    Cow::Owned(String::from_utf8_lossy(&shown).into_owned())
}

/// For several lines: line breaks are kept.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Writes one line.
///
/// # Errors
/// An error of the writer.
pub fn write_visible<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    // Fast path: nearly all text is plain ASCII, and every log line comes through here.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return writer.write_all(text.as_bytes());
    }
    let mut rest = text;
    while let Some(at) = rest.find(deceives) {
        let (plain, tail) = rest.split_at(at);
        writer.write_all(plain.as_bytes())?;
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        rest = characters.as_str();
    }
    writer.write_all(rest.as_bytes())
}

/// Control characters, and Unicode format characters that act without being seen: separators, bidirectional controls
/// (Unicode Annex 9), zero-width characters and tags.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_other_text_stays() {
        for (text, shown) in [
            ("plain, ö, 鳥, 👍", "plain, ö, 鳥, 👍"),
            ("\u{1b}]0;title\u{7}", r"\u001b]0;title\u0007"),
            ("a\nb\rc\u{9b}31m\u{7f}", r"a\u000ab\u000dc\u009b31m\u007f"),
            ("\u{202e}cba\u{200b}\u{e0041}", r"\u202ecba\u200b\udb40\udc41"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn line_breaks_are_kept() {
        assert_eq!(visible_lines("a\n\u{1b}b\n"), "a\n\\u001bb\n");
    }
}
