//! The programs as their operators start them: arguments in, an exit code out.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::reader::Reader;
use crate::visible::visible_lines;

/// What `sysexits.h` calls `EX_USAGE`: the arguments or the configuration can't be used.
const USAGE: u8 = 64;

/// What a program says of itself.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Program {
    pub name: &'static str,
    /// The version that it was built with.
    pub version: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    pub usage: &'static str,
    /// Whose settings it takes besides its own.
    pub other_settings: &'static str,
}

impl Program {
    /// Does what this process's arguments say: what all programs know, or what `act` finds in them.
    /// `read` reads the settings, for `--help`.
    pub fn main<C>(
        &self,
        read: impl FnOnce(&mut Reader) -> C,
        act: impl FnOnce(&[&str]) -> Option<ExitCode>,
    ) -> ExitCode {
        let arguments: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let Self { name, version, .. } = self;
        match arguments[..] {
            ["--help" | "-h"] => {
                let mut env = Reader::from_env();
                read(&mut env);
                print(&self.help(&env.help()))
            }
            ["--version" | "-V"] => print(&format!("{name} {version}")),
            _ => act(&arguments).unwrap_or_else(|| {
                let given = arguments.join(" ");
                let given = given.escape_debug();
                refuse(format_args!("{name}: unknown argument `{given}`; see {name} --help"))
            }),
        }
    }

    fn help(&self, settings: &str) -> String {
        let Self { name, version, does, usage, other_settings } = self;
        format!(
            "{name} {version}: {does}\n\nUsage: {name} {usage}\n\n\
             Settings, as environment variables (and {other_settings}):\n{settings}"
        )
    }
}

/// Acts as the environment configures it, if that can be used.
pub fn configured<C>(
    read: impl FnOnce(&mut Reader) -> C,
    act: impl FnOnce(&C) -> ExitCode,
) -> ExitCode {
    let mut env = Reader::from_env();
    let config = read(&mut env);
    match env.finish(config) {
        Ok(config) => act(&config),
        Err(error) => refuse(error),
    }
}

/// Says what can't be used.
pub fn refuse(why: impl fmt::Display) -> ExitCode {
    complain(why);
    ExitCode::from(USAGE)
}

/// Says on stderr what is wrong. Unlike `eprintln!`, it does not panic where nobody reads, and text from
/// outside in it can't deceive a terminal.
pub fn complain(what: impl fmt::Display) {
    // Whoever started the program still has its exit code.
    let _ = writeln!(io::stderr(), "{}", visible_lines(what.to_string().trim_end()));
}

/// Unlike `println!`, does not panic where nobody reads.
fn print(text: &str) -> ExitCode {
    let written = writeln!(io::stdout(), "{text}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
