//! The order of the house. Imports run down only: a table says what each module of the library may
//! name. No two folders import each other, nor do two files of one folder, but for a module and those
//! below it. All of it is read from the sources' own imports, and so is the picture in
//! `materials/house.svg`.

use std::{env, fs, path::Path};

#[path = "layers/drawing.rs"]
mod drawing;
#[path = "layers/house.rs"]
mod house;
#[path = "layers/paths.rs"]
mod paths;
#[path = "layers/tokens.rs"]
mod tokens;

use self::house::{House, Module, name};

/// What each module may name, from the lowest to the highest.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("types", &[]),
    ("wire", &[]),
    ("bits", &[]),
    ("keys", &["text", "types"]),
    ("refusals", &["types"]),
    ("game", &["bits", "text", "types"]),
    ("ledger", &["game", "keys", "refusals", "text", "types", "wire"]),
    ("accounts", &["keys", "ledger", "text", "types"]),
    ("chat", &["accounts", "keys", "ledger", "text", "types"]),
    ("io", &["ledger", "text", "types"]),
    ("config", &["accounts", "game", "keys", "ledger", "text", "types"]),
    ("pairing", &["accounts", "config", "keys", "text", "types"]),
    ("mesh", &["accounts", "config", "io", "keys", "refusals", "text", "types", "wire"]),
    (
        "cluster",
        &[
            "accounts", "bits", "config", "game", "io", "keys", "ledger", "mesh", "pairing",
            "refusals", "text", "types", "wire",
        ],
    ),
    ("replica", &["bits", "cluster", "config", "game", "keys", "text", "types", "wire"]),
    (
        "node",
        &[
            "accounts", "chat", "cluster", "config", "game", "io", "keys", "ledger", "mesh",
            "pairing", "refusals", "replica", "text", "types", "wire",
        ],
    ),
    // What a world may have, and the game that ships, know of no network.
    ("kit", &["game", "text", "types"]),
    ("arena", &["bits", "game", "text", "types"]),
    (
        "sim",
        &[
            "accounts", "arena", "chat", "cluster", "config", "game", "io", "keys", "ledger",
            "mesh", "node", "pairing", "replica", "text", "types", "wire",
        ],
    ),
    (
        "runtime",
        &["accounts", "config", "game", "io", "keys", "ledger", "mesh", "node", "text", "types"],
    ),
    ("bus", &["game", "node", "runtime", "text", "types"]),
    (
        "lines",
        &["accounts", "game", "keys", "ledger", "node", "pairing", "runtime", "text", "types"],
    ),
    (
        "ui",
        &[
            "accounts", "arena", "chat", "config", "game", "keys", "ledger", "node", "pairing",
            "runtime", "text", "types",
        ],
    ),
];

#[test]
fn imports_run_down_only() {
    let mut complaints = Vec::new();
    for (module, named) in House::here().unwrap().named_by_rooms() {
        if matches!(module.as_str(), "lib" | "main" | "cli") {
            continue;
        }
        let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{module} has no layer"));
            continue;
        };
        for other in &named {
            if !may.contains(&other.as_str()) {
                complaints.push(format!("{module} names {other}"));
            }
        }
        for other in may.iter().filter(|other| !named.contains(**other)) {
            complaints.push(format!("{module} may name {other}, and does not"));
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// A file and those in the folder of its name are one folder.
#[test]
fn no_two_folders_import_each_other() {
    let circles: Vec<String> = House::here()
        .unwrap()
        .circles_between_folders()
        .iter()
        .map(|circle| written(circle))
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_two_siblings_import_each_other() {
    let circles: Vec<String> =
        House::here().unwrap().circles_of_siblings().iter().map(|circle| written(circle)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_picture_of_the_house_shows_it_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("materials/house.svg");
    let drawn = drawing::drawn(&House::here().unwrap());
    if env::var_os("DRAW_HOUSE").is_some() {
        fs::write(&file, &drawn).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n") == drawn,
        "materials/house.svg is not what the sources say. Draw it anew, and look at it: \
         DRAW_HOUSE=1 cargo test --test layers"
    );
}

fn written(circle: &[Module]) -> String {
    circle.iter().map(|module| name(module)).collect::<Vec<_>>().join(" -> ")
}
