//! The program: parse, run, exit code.

use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "the impure edge")]
mod cli;

fn main() -> ExitCode {
    cli::main()
}
