//! Settings from environment variables: read once, typed, with help, and all faults reported together.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// All bad settings. Each line names the setting, its fault and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(Vec<String>);

type Lookup = dyn Fn(&str) -> Option<OsString>;

/// Libraries read variables with these prefixes as well.
const OF_LIBRARIES: [&str; 3] = ["AWS_", "OTEL_", "ECS_"];

/// Reads settings, and remembers their help.
pub struct Reader {
    lookup: Box<Lookup>,
    described: Vec<Described>,
    faults: Vec<String>,
    /// Variables of libraries whose values are not UTF-8: the library would take them as unset.
    unreadable: Vec<String>,
}

const NOT_UTF8: &str = "is not UTF-8";

struct Described {
    name: &'static str,
    default: &'static str,
    help: &'static str,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Reader {
    /// Reads this process's environment. An empty variable counts as unset. A value that is not UTF-8 is a fault,
    /// even if only a library reads that variable.
    #[must_use]
    pub fn from_env() -> Self {
        let no_text = |(name, value): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            let of_library = OF_LIBRARIES.iter().any(|start| name.starts_with(start))
                || name.to_ascii_uppercase().ends_with("_PROXY");
            (of_library && value.to_str().is_none()).then_some(name)
        };
        let unreadable = std::env::vars_os().filter_map(no_text).collect();
        Self { unreadable, ..Self::from_lookup(|name| std::env::var_os(name)) }
    }

    /// Reads with `lookup`.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self::from_lookup(move |name| lookup(name).map(OsString::from))
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        let lookup = Box::new(lookup);
        Self { lookup, described: Vec::new(), faults: Vec::new(), unreadable: Vec::new() }
    }

    /// Reads the setting `name`. If it is unset, uses `default`, which must parse as `T`. `help` says what the
    /// setting is for.
    ///
    /// A value that does not parse as `T` is reported by [`finish`](Self::finish).
    ///
    /// # Panics
    /// If `default` does not parse as `T`. This is a mistake in the program, and shows at every start.
    pub fn read<T>(&mut self, name: &'static str, default: &'static str, help: &'static str) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read_if(name, default, help, |_| Ok(()))
    }

    /// Like [`read`](Self::read), for a setting that may be unset: an empty `default` means `None`.
    ///
    /// # Panics
    /// Like [`read`](Self::read).
    pub fn read_optional<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read::<Optional<T>>(name, default, help).0
    }

    /// Like [`read`](Self::read), for `true` or `false` in any case, which OpenTelemetry demands.
    ///
    /// # Panics
    /// Like [`read`](Self::read).
    pub fn read_bool(
        &mut self,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> bool {
        self.read::<Boolean>(name, default, help).0
    }

    /// Like [`read`](Self::read), for a number within `range`.
    ///
    /// # Panics
    /// Like [`read`](Self::read).
    pub fn read_within<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        range: std::ops::RangeInclusive<T>,
        help: &'static str,
    ) -> T
    where
        T: FromStr<Err: fmt::Display> + PartialOrd + fmt::Display,
    {
        self.read_if(name, default, help, |value| {
            if range.contains(value) {
                Ok(())
            } else {
                Err(format!("it must be from {} to {}", range.start(), range.end()))
            }
        })
    }

    /// Like [`read`](Self::read), for a time in seconds: more than zero, and at most a day.
    ///
    /// # Panics
    /// Like [`read`](Self::read).
    pub fn read_seconds(
        &mut self,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Duration {
        Duration::from_secs_f64(self.read_within(name, default, 0.001..=86_400.0, help))
    }

    /// Like [`read`](Self::read), for a time in whole milliseconds, the unit of OpenTelemetry's variables: more than
    /// zero, and at most a day.
    ///
    /// # Panics
    /// Like [`read`](Self::read).
    pub fn read_milliseconds(
        &mut self,
        name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Duration {
        Duration::from_millis(self.read_within(name, default, 1..=86_400_000, help))
    }

    fn read_if<T>(
        &mut self,
        name: &'static str,
        default: &'static str,
        help: &'static str,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.described.push(Described { name, default, help });
        let read = |text: &str| {
            let value = text.parse::<T>().map_err(|error| error.to_string())?;
            check(&value).map(|()| value)
        };
        if let Some(given) = (self.lookup)(name).filter(|given| !given.is_empty()) {
            let text = given.to_str().ok_or_else(|| NOT_UTF8.to_owned());
            match text.and_then(read) {
                Ok(value) => return value,
                Err(fault) => {
                    let remedy = match default {
                        "" => "correct it".to_owned(),
                        default => format!("set it to something like `{default}`"),
                    };
                    let given = given.to_string_lossy();
                    let given = given.escape_debug();
                    self.faults.push(format!(
                        "{name}: `{given}` is not usable: {fault}; {remedy}, or unset it"
                    ));
                }
            }
        }
        match read(default) {
            Ok(value) => value,
            Err(fault) => panic!("the default of {name} is not usable: {fault}"),
        }
    }

    /// Returns `configuration` if all settings were good.
    ///
    /// # Errors
    /// All bad settings.
    pub fn finish<C>(mut self, configuration: C) -> Result<C, SettingsError> {
        let unread = |name: &&String| self.described.iter().all(|setting| setting.name != **name);
        let unread = self.unreadable.iter().filter(unread);
        self.faults
            .extend(unread.map(|name| format!("{name}: it {NOT_UTF8}; correct it, or unset it")));
        if self.faults.is_empty() { Ok(configuration) } else { Err(SettingsError(self.faults)) }
    }

    /// The name and the help of each setting that was read.
    pub fn described(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.described.iter().map(|setting| (setting.name, setting.help))
    }

    /// The settings with their defaults, for `--help`.
    #[must_use]
    pub fn help(&self) -> String {
        let width = self.described.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        let line = |Described { name, default, help }: &Described| {
            let default =
                if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
            format!("  {name:width$}  {help}{default}\n")
        };
        self.described.iter().map(line).collect()
    }
}

/// A `T`, or nothing if the text is empty.
struct Optional<T>(Option<T>);

impl<T: FromStr> FromStr for Optional<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(if text.is_empty() { None } else { Some(text.parse()?) }))
    }
}

/// `true` or `false`, in any case.
struct Boolean(bool);

impl FromStr for Boolean {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("true") {
            Ok(Self(true))
        } else if text.eq_ignore_ascii_case("false") {
            Ok(Self(false))
        } else {
            Err("it must be `true` or `false`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &'static str, value: &'static str) -> Reader {
        Reader::new(move |asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn a_set_value_overrides_the_default() {
        let mut env = reader("A", "7");
        let (a, b): (u8, u8) = (env.read("A", "1", ""), env.read("B", "2", ""));
        assert_eq!(env.finish((a, b)).unwrap(), (7, 2));
        assert_eq!(reader("A", "").read::<u8>("A", "1", ""), 1);
    }

    #[test]
    fn every_invalid_setting_is_named_with_its_remedy() {
        let mut env = Reader::new(|_| Some("x\n".to_owned()));
        env.read::<u8>("A", "1", "");
        env.read_seconds("B", "2.5", "");
        let error = env.finish(()).unwrap_err().to_string();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("A: `x\\n` is not usable: "), "{error}");
        assert!(lines[1].ends_with("set it to something like `2.5`, or unset it"), "{error}");
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_invalid_rather_than_unset() {
        use std::os::unix::ffi::OsStringExt as _;
        let mut env = Reader::from_lookup(|_| Some(OsString::from_vec(b"a\xff".to_vec())));
        env.unreadable = vec!["A".to_owned(), "AWS_B".to_owned()];
        env.read::<String>("A", "1", "");
        let error = env.finish(()).unwrap_err().to_string();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 2, "{error}");
        assert!(lines[0].starts_with("A: `a\u{fffd}` is not usable: is not UTF-8; "), "{error}");
        assert_eq!(lines[1], "AWS_B: it is not UTF-8; correct it, or unset it");
    }

    #[test]
    fn numbers_stay_within_their_range() {
        for bad in ["0", "-1", "86401", "NaN", "inf", "1e300"] {
            let mut env = reader("A", bad);
            env.read_seconds("A", "1", "");
            assert!(env.finish(()).is_err(), "{bad}");
        }
        assert_eq!(reader("A", "0.25").read_seconds("A", "1", ""), Duration::from_millis(250));
    }

    #[test]
    fn an_invalid_optional_setting_is_refused_without_an_example() {
        assert_eq!(reader("A", "").read_optional::<u8>("A", "", ""), None);
        assert_eq!(reader("A", "7").read_optional::<u8>("A", "", ""), Some(7));
        let mut env = reader("A", "x");
        env.read_optional::<u8>("A", "", "");
        let error = env.finish(()).unwrap_err().to_string();
        assert!(error.ends_with("; correct it, or unset it"), "{error}");
    }

    #[test]
    fn a_boolean_may_be_in_any_case() {
        for (text, expected) in [("true", true), ("TRUE", true), ("False", false)] {
            assert_eq!(reader("A", text).read_bool("A", "false", ""), expected, "{text}");
        }
        let mut env = reader("A", "1");
        env.read_bool("A", "false", "");
        assert!(env.finish(()).is_err());
    }

    #[test]
    fn help_lists_every_setting() {
        let mut env = reader("A", "7");
        env.read::<u8>("A", "1", "First.");
        env.read::<String>("LONGER", "", "Second.");
        assert_eq!(env.help(), "  A       First. [default: 1]\n  LONGER  Second.\n");
    }
}
