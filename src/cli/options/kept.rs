//! What can be typed about what is kept on this machine: accounts, ledgers, scores.

use std::path::PathBuf;

use interregnum::accounts::COLOURS;

use super::{
    PROFILES_MAX,
    values::{Called, name, number},
};

/// How many pages a list may have, and lines on one.
const PAGES_MAX: usize = 1_000_000;

/// Where what is kept is kept.
#[derive(Clone, Debug, clap::Args)]
pub struct KeptOptions {
    /// Where profiles are kept [default: the system's place for it].
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

/// Which account of this machine is meant.
#[derive(Clone, Debug, clap::Args)]
pub struct ProfileOptions {
    /// The number of its profile.
    #[arg(long, value_name = "N", default_value = "1", value_parser = number(1..=PROFILES_MAX),
          allow_negative_numbers = true)]
    pub profile: u32,

    #[command(flatten)]
    pub kept: KeptOptions,
}

/// What to do with accounts.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum AccountCommand {
    /// Make another account on this machine, in a profile of its own.
    Create {
        /// What it is called, in 24 characters [default: a name that is made up].
        #[arg(long, value_parser = name)]
        name: Option<Called>,

        /// The colour it likes, from 0 to 11.
        #[arg(long, value_name = "C", value_parser = number(0..=COLOURS - 1),
              allow_negative_numbers = true)]
        colour: Option<u8>,

        #[command(flatten)]
        kept: KeptOptions,
    },
    /// List all accounts that this machine knows of.
    List(ListOptions),
    /// Call an account of this machine something else.
    Rename {
        /// What it is called from here on.
        #[arg(value_parser = name)]
        name: Called,

        /// The colour it likes from here on, from 0 to 11.
        #[arg(long, value_name = "C", value_parser = number(0..=COLOURS - 1),
              allow_negative_numbers = true)]
        colour: Option<u8>,

        #[command(flatten)]
        profile: ProfileOptions,
    },
    /// Delete an account of this machine, for ever and everywhere.
    Delete {
        /// Do not ask.
        #[arg(long)]
        yes: bool,

        #[command(flatten)]
        profile: ProfileOptions,
    },
    /// Write an account into a file that a passphrase opens, or print it as words for paper.
    Export(ExportOptions),
    /// Let this machine speak for an account that was exported on another one.
    Import(ImportOptions),
    /// List the machines that speak for an account.
    #[command(args_conflicts_with_subcommands = true)]
    Devices {
        #[command(subcommand)]
        action: Option<DevicesAction>,

        /// Print one JSON object for each.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        profile: ProfileOptions,
    },
}

/// What to do with the machines of an account.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum DevicesAction {
    /// Let a machine speak for the account no more.
    Strike {
        /// Its mark, or its id.
        mark: String,

        #[command(flatten)]
        profile: ProfileOptions,
    },
}

/// How accounts are listed.
#[derive(Clone, Debug, clap::Args)]
pub struct ListOptions {
    /// Only those that have this in their name, or whose mark it is.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Which page.
    #[arg(long, value_name = "N", default_value = "1", value_parser = number(1..=PAGES_MAX),
          allow_negative_numbers = true)]
    pub page: usize,

    /// How many on a page.
    #[arg(long, value_name = "N", default_value = "20", value_parser = number(1..=PAGES_MAX),
          allow_negative_numbers = true)]
    pub per_page: usize,

    /// Print one JSON object for each.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub kept: KeptOptions,
}

/// How an account is exported.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportOptions {
    /// The file to write, which must not be there.
    pub file: Option<PathBuf>,

    /// Print 24 words instead, to be written down.
    #[arg(long, conflicts_with_all = ["file", "passphrase_file"])]
    pub words: bool,

    /// The passphrase stands in this file; otherwise in GAME_PASSPHRASE, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub profile: ProfileOptions,
}

/// How an account is imported.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportOptions {
    /// The file.
    pub file: Option<PathBuf>,

    /// Read 24 words from standard input instead.
    #[arg(long, conflicts_with_all = ["file", "passphrase_file"])]
    pub words: bool,

    /// The passphrase stands in this file; otherwise in GAME_PASSPHRASE, or it is asked for.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Keep the account's key here, too: then it can be renamed, deleted and exported here, and machines
    /// be struck off; also by whoever finds or steals this machine.
    #[arg(long)]
    pub with_key: bool,

    /// What the account is called from here on, in 24 characters.
    #[arg(long, value_parser = name)]
    pub name: Option<Called>,

    #[command(flatten)]
    pub profile: ProfileOptions,
}

/// What to do with what is kept.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Print every entry as one JSON object per line.
    Export(KeptOptions),
    /// Take in what was exported, here or elsewhere.
    Import {
        /// A file; if there is none, standard input.
        file: Option<PathBuf>,

        #[command(flatten)]
        kept: KeptOptions,
    },
    /// Check the files and every entry in them.
    Verify {
        /// Print one JSON object for each file.
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        kept: KeptOptions,
    },
}

/// How the scores are told.
#[derive(Clone, Debug, clap::Args)]
pub struct ScoresOptions {
    /// Print all of them as one JSON object.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub kept: KeptOptions,
}
