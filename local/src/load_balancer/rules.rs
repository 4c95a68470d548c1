//! A listener's rules, in the order of their priorities ("Listener rules for your Application Load
//! Balancer").

use hyper::Method;

use super::Action;

/// What a request must be for a rule to apply.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Its path matches: `*` stands for any characters, `?` for one; case counts.
    PathPattern(String),
    /// Its method is this one.
    HttpRequestMethod(Method),
}

impl Condition {
    fn holds(&self, method: &Method, path: &str) -> bool {
        match self {
            Self::PathPattern(pattern) => matches(pattern.as_bytes(), path.as_bytes()),
            Self::HttpRequestMethod(expected) => method == expected,
        }
    }
}

/// A rule: where requests go that meet all conditions.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its place in the order, lowest first.
    pub priority: u16,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Where the request goes.
    pub action: Action,
}

/// The rules, and what becomes of requests that meet none.
#[derive(Debug, Clone)]
pub struct Listener {
    rules: Vec<Rule>,
    default: Action,
}

impl Listener {
    /// A listener with these rules, in whatever order.
    #[must_use]
    pub fn new(mut rules: Vec<Rule>, default: Action) -> Self {
        rules.sort_by_key(|rule| rule.priority);
        Self { rules, default }
    }

    /// Where a request goes.
    #[must_use]
    pub fn action(&self, method: &Method, path: &str) -> &Action {
        let holds =
            |rule: &&Rule| rule.conditions.iter().all(|condition| condition.holds(method, path));
        self.rules.iter().find(holds).map_or(&self.default, |rule| &rule.action)
    }
}

/// Whether `text` matches `pattern`, in time of at most their product: after each `*` the last one
/// is tried further on.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
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
    fn patterns_match_as_the_load_balancers_do() {
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
            assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_path_is_matched_in_no_time() {
        let path = "a".repeat(8_000);
        assert!(!matches(b"*a*a*a*a*a*a*a*a*b", path.as_bytes()));
    }
}
