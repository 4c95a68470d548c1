//! Patterns of the load balancer and of IAM: `*` stands for any characters, `?` for one. Case matters.

/// Whether `text` matches `pattern`. The time is at most proportional to the product of their lengths: only the last
/// `*` is retried.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(expected) if *expected == b'?' || *expected == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (at, from) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_aws_matches_them() {
        for (pattern, path, expected) in [
            ("/picus/*", "/picus/a", true),
            ("/picus/*", "/picus/", true),
            ("/picus/*", "/picus/a/b", true),
            ("/picus/*", "/picus", false),
            ("/picus/*", "/Picus/a", false),
            ("/a?c", "/abc", true),
            ("/a?c", "/ac", false),
            ("*.png", "/a/b.png", true),
            ("*.png", "/a/b.pngx", false),
            ("/*/b/*", "/a/b/b/c", true),
            ("*", "", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_path_does_not_slow_matching_down() {
        let path = "a".repeat(8_000);
        assert!(!matches("*a*a*a*a*a*a*a*a*b", &path));
    }
}
