//! Imports run down only: what each module of the library may name, from the lowest to the highest.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

const MAY_NAME: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("types", &[]),
    ("wire", &[]),
    ("game", &["text", "types"]),
    ("bits", &["game"]),
    ("ledger", &["game", "text", "types", "wire"]),
    ("io", &["ledger", "text", "types"]),
    ("config", &["game", "ledger", "text", "types"]),
    ("mesh", &["config", "io", "text", "types", "wire"]),
    ("cluster", &["bits", "config", "game", "io", "ledger", "mesh", "text", "types", "wire"]),
    ("replica", &["bits", "cluster", "config", "game", "text", "types"]),
    ("node", &["cluster", "config", "game", "io", "ledger", "mesh", "replica", "text", "types"]),
    // The game that ships knows of no network.
    ("arena", &["bits", "game", "text", "types"]),
    (
        "sim",
        &[
            "arena", "cluster", "config", "game", "io", "ledger", "mesh", "node", "replica",
            "text", "types", "wire",
        ],
    ),
    ("runtime", &["config", "game", "io", "ledger", "node", "text", "types", "wire"]),
    ("lines", &["game", "ledger", "node", "runtime", "text", "types"]),
    ("ui", &["arena", "config", "game", "ledger", "node", "runtime", "text", "types"]),
];

#[test]
fn imports_run_down_only() {
    let mut complaints = Vec::new();
    for (module, named) in named_by_modules() {
        let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{module} has no layer"));
            continue;
        };
        for other in named.iter().filter(|other| **other != module) {
            if !may.contains(&other.as_str()) {
                complaints.push(format!("{module} names {other}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn names_are_found_in_every_form_of_import() {
    let source = "use crate::{\n    a::{b, c},\n    d,\n};\nuse crate::e::f;\n// crate::no\n\
                  let x = crate::g::h(std::i::j);";
    assert_eq!(named_in(source), ["a", "d", "e", "g"].map(str::to_owned).into());
}

/// For each module of the library, what its files name of the others.
fn named_by_modules() -> BTreeMap<String, BTreeSet<String>> {
    let mut modules = BTreeMap::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&source, &mut files).unwrap();
    for file in files {
        let place = Path::new(&file).strip_prefix(&source).unwrap();
        let module = place.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main" | "cli") {
            continue;
        }
        let named = named_in(&fs::read_to_string(&file).unwrap());
        modules.entry(module.to_owned()).or_insert_with(BTreeSet::new).extend(named);
    }
    assert!(modules.len() > 10, "the sources are not where they should be");
    modules
}

fn find(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The modules that stand after a `crate::`, with or without braces.
fn named_in(source: &str) -> BTreeSet<String> {
    let code: Vec<&str> =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut named = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        if !rest.starts_with('{') {
            named.insert(word(rest));
            continue;
        }
        // Those at the outermost level of the braces.
        let mut depth = 0;
        let mut begins = false;
        for (i, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && matches!(c, '{' | ',') {
                begins = true;
            } else if begins && c.is_alphabetic() {
                named.insert(word(&rest[i..]));
                begins = false;
            }
        }
    }
    named
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
