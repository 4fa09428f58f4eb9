//! The same check in a second process, where another hash seed is drawn and other addresses are given.

use std::{
    env,
    process::{Command, Stdio},
};

use super::{Checked, Fault, Flaw, STEPS, ends_of};
use crate::game::Game;

/// Tells a process that it is the second one.
const SECOND: &str = "INTERREGNUM_CHECK_IS_SECOND";

/// What the second process says: this, and then the end of each seed.
const CAME_TO: &str = "interregnum::sim::check came to ";

/// Does what [`check`](super::check()) does, then runs the same test once more in a process of its own, and compares the
/// last world of each seed. So it finds what is the same for as long as a process lives: a hash seed or a random number
/// in a static, an address, an environment variable that only one of them has.
///
/// `test` is what the test that calls it is named in `cargo test -- --list`, whole. The second process is this executable
/// with that name, `--exact` and `--nocapture`, as `cargo test` and `cargo nextest` take them: so it is for tests in a
/// `mod tests` or in `tests/`, not for doc-tests, whose executables take no names. The test may do other things, too; the
/// second process does them as well.
///
/// ```no_run
/// # use interregnum::{arena::Arena, sim::check_across_processes};
/// #[test]
/// fn rules_are_the_same_in_any_process() {
///     check_across_processes::<Arena>("tests::rules_are_the_same_in_any_process", 100).unwrap();
/// }
/// ```
///
/// # Errors
/// The first [`Fault`] that shows; also if there is no second process to compare with ([`Flaw::NoSecondProcess`]).
pub fn check_across_processes<G: Game>(test: &str, seeds: u64) -> Result<Checked, Fault> {
    let (checked, ends) = ends_of::<G>(seeds)?;
    if env::var_os(SECOND).is_some() {
        let ends: Vec<String> = ends.iter().map(|end| format!("{end:x}")).collect();
        println!("{CAME_TO}{};", ends.join(","));
        return Ok(checked);
    }
    let alone = |why: String| Fault { seed: 0, step: 0, flaw: Flaw::NoSecondProcess { why } };
    let others = second(test).map_err(alone)?;
    if others.len() != ends.len() {
        return Err(alone(format!("it has played {} seeds, and this one {seeds}", others.len())));
    }
    let differs = ends.iter().zip(&others).position(|(end, other)| end != other);
    match differs {
        Some(seed) => Err(Fault { seed: seed as u64, step: STEPS, flaw: Flaw::OtherProcess }),
        None => Ok(checked),
    }
}

/// What the same test came to in a second process.
fn second(test: &str) -> Result<Vec<u64>, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(&this);
    command.args([test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"]);
    command.env(SECOND, "1").stdin(Stdio::null());
    let ran = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let ends = said.split_once(CAME_TO).and_then(|(_, rest)| Some(rest.split_once(';')?.0));
    match ends {
        Some("") => Ok(Vec::new()),
        Some(ends) => {
            let ends = ends.split(',').map(|end| u64::from_str_radix(end, 16));
            ends.collect::<Result<_, _>>().map_err(|error| error.to_string())
        }
        None if ran.status.success() => Err(format!(
            "{} has no test named {test:?}; `cargo test -- --list` tells the names",
            this.display()
        )),
        None => {
            Err(format!("it ended with {}: {}", ran.status, String::from_utf8_lossy(&ran.stderr)))
        }
    }
}
