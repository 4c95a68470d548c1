//! Starts a program: reads its arguments, runs it, and returns its exit code.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::reader::Reader;
use crate::visible::visible_lines;

/// `EX_USAGE` of `sysexits.h`: the arguments or the configuration are bad.
const USAGE: u8 = 64;

/// What `--help` and `--version` say about a program.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of some members say all")]
pub struct Program {
    pub name: &'static str,
    /// The version of the build.
    pub version: &'static str,
    /// What the program does, in a few words.
    pub does: &'static str,
    pub usage: &'static str,
    /// Who else reads environment variables in this process, such as the AWS SDK.
    pub other_settings: &'static str,
}

impl Program {
    /// Handles the arguments that all programs share, and passes the others to `act`. `read` reads the settings, for
    /// `--help`.
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

/// Runs `act` with the configuration, or refuses if the environment is bad.
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

/// Prints why the program does not start.
pub fn refuse(why: impl fmt::Display) -> ExitCode {
    complain(why);
    ExitCode::from(USAGE)
}

/// Prints to stderr. Unlike `eprintln!`, it does not panic when stderr is closed, and it escapes text that could
/// deceive a terminal.
pub fn complain(what: impl fmt::Display) {
    // If stderr is closed, the exit code still tells.
    let _ = writeln!(io::stderr(), "{}", visible_lines(what.to_string().trim_end()));
}

/// Unlike `println!`, does not panic when stdout is closed.
fn print(text: &str) -> ExitCode {
    let written = writeln!(io::stdout(), "{text}");
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
