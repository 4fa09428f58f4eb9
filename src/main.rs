//! The program: parse, run, exit code. All of it is in the library's [`cli`](interregnum::cli).

use std::process::ExitCode;

fn main() -> ExitCode {
    interregnum::cli::main()
}
