//! Taking part with a window, or without one where there is no display.

use std::process::ExitCode;

use super::{TakePart, options::Common, profile::Profile};

/// Opens the window. Without a display a bot takes part instead.
pub fn run(common: Common, play: bool) -> anyhow::Result<ExitCode> {
    let _ = play;
    let profile = match &common.data_dir {
        Some(folder) => Profile::claim(folder),
        None => Profile::claim_usual(),
    };
    let name = common.name.clone().unwrap_or_else(|| profile.usual_name());
    let mut settings = super::settings(&common, name)?;
    settings.session = Some(super::session(&common));
    TakePart::of(&common).run(vec![(settings, profile)])
}
