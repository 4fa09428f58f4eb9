//! Which file imports which, all over the sources.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs, io,
    path::{Path, PathBuf},
};

use crate::paths::{Named, Said, said};

/// A module that has a file, by its path from the crate's root.
pub type Module = Vec<String>;

/// All files of the sources, and what they import.
#[derive(Debug, Default)]
pub struct House {
    /// The text of each file.
    pub texts: BTreeMap<Module, String>,
    /// Who names whom, outside of tests.
    pub imports: BTreeMap<Module, BTreeSet<Module>>,
    /// Who names whom in tests.
    pub imports_in_tests: BTreeMap<Module, BTreeSet<Module>>,
}

impl House {
    /// The house that stands in this repository.
    pub fn here() -> io::Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        find(&source, &mut files)?;
        let mut texts = BTreeMap::new();
        for file in files {
            let place = file.strip_prefix(&source).map_err(io::Error::other)?.with_extension("");
            let module = place.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            texts.insert(module, fs::read_to_string(&file)?);
        }
        Ok(Self::of(texts))
    }

    /// The house of these files.
    pub fn of(texts: BTreeMap<Module, String>) -> Self {
        let saids: BTreeMap<&Module, Said> =
            texts.iter().map(|(module, text)| (module, said(text))).collect();
        let test_modules: BTreeSet<Module> = saids
            .iter()
            .flat_map(|(module, said)| said.test_modules.iter().map(|name| child(module, name)))
            .collect();
        let mut house = Self::default();
        for (module, said) in &saids {
            let for_tests = test_modules.iter().any(|tests| module.starts_with(tests));
            for named in &said.named {
                let Some(other) = whom(module, named, &saids, &texts) else { continue };
                if other == **module {
                    continue;
                }
                let imports = if named.in_tests || for_tests {
                    &mut house.imports_in_tests
                } else {
                    &mut house.imports
                };
                imports.entry((*module).clone()).or_default().insert(other);
            }
        }
        house.texts =
            texts.into_iter().filter(|(module, _)| !test_modules.contains(module)).collect();
        house
    }

    /// The folder that a file stands in: one that has files below itself stands with them.
    pub fn folder<'a>(&self, module: &'a [String]) -> &'a [String] {
        let below = |other: &Module| other.len() > module.len() && other.starts_with(module);
        if self.texts.keys().any(below) { module } else { &module[..module.len() - 1] }
    }

    /// One shortest circle of imports through each import between different folders that is part of
    /// one, each circle once.
    pub fn circles_between_folders(&self) -> Vec<Vec<Module>> {
        self.circles(&self.imports, |one, other| self.folder(one) != self.folder(other))
    }

    /// The same within folders: parents may import their children, and children their parents.
    pub fn circles_of_siblings(&self) -> Vec<Vec<Module>> {
        let is_family =
            |one: &Module, other: &Module| one.starts_with(other) || other.starts_with(one);
        let mut siblings = self.imports.clone();
        for (module, imports) in &mut siblings {
            imports.retain(|other| !is_family(module, other));
        }
        self.circles(&siblings, |_, _| true)
    }

    fn circles(
        &self,
        imports: &BTreeMap<Module, BTreeSet<Module>>,
        counts: impl Fn(&Module, &Module) -> bool,
    ) -> Vec<Vec<Module>> {
        let mut circles = BTreeMap::new();
        for (from, to) in imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)))
        {
            if counts(from, to)
                && let Some(way) = shortest(imports, to, from)
            {
                circles.entry(way.iter().cloned().collect::<BTreeSet<Module>>()).or_insert(way);
            }
        }
        circles.into_values().collect()
    }

    /// For each module at the crate's root, which others its files name, those of tests included.
    pub fn named_by_rooms(&self) -> BTreeMap<String, BTreeSet<String>> {
        rooms([&self.imports, &self.imports_in_tests])
    }

    /// The same without tests.
    pub fn imported_by_rooms(&self) -> BTreeMap<String, BTreeSet<String>> {
        rooms([&self.imports])
    }
}

/// How a module is written.
pub fn name(module: &[String]) -> String {
    module.join("/")
}

fn rooms<const N: usize>(
    imports: [&BTreeMap<Module, BTreeSet<Module>>; N],
) -> BTreeMap<String, BTreeSet<String>> {
    let mut rooms = BTreeMap::new();
    for (module, others) in imports.into_iter().flatten() {
        let named: &mut BTreeSet<String> = rooms.entry(module[0].clone()).or_default();
        named.extend(
            others.iter().map(|other| other[0].clone()).filter(|other| *other != module[0]),
        );
    }
    rooms
}

/// The shortest way along `imports`.
fn shortest(
    imports: &BTreeMap<Module, BTreeSet<Module>>,
    from: &Module,
    to: &Module,
) -> Option<Vec<Module>> {
    let mut came_from: BTreeMap<&Module, Option<&Module>> = BTreeMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(module) = next.pop_front() {
        if module == to {
            let way = std::iter::successors(Some(module), |module| came_from[module]);
            let mut way: Vec<Module> = way.cloned().collect();
            way.reverse();
            return Some(way);
        }
        for other in imports.get(module).into_iter().flatten() {
            if !came_from.contains_key(other) {
                came_from.insert(other, Some(module));
                next.push_back(other);
            }
        }
    }
    None
}

/// Which file a path leads to.
fn whom(
    module: &Module,
    named: &Named,
    said: &BTreeMap<&Module, Said>,
    texts: &BTreeMap<Module, String>,
) -> Option<Module> {
    let root = vec!["lib".to_owned()];
    let whole = from_the_root(module, named, &said[module], texts, 0)?;
    let whole = said.get(&root).and_then(|lib| shown(&whole, lib, texts)).unwrap_or(whole);
    let ends = (1..=whole.len()).rev().find(|ends| texts.contains_key(&whole[..*ends]));
    // What is not a file of its own stands at the root of the library.
    Some(ends.map_or(root, |ends| whole[..ends].to_vec()))
}

/// Where something really is that the root of the library shows, perhaps in a module in braces.
fn shown(whole: &Module, lib: &Said, texts: &BTreeMap<Module, String>) -> Option<Module> {
    if texts.contains_key(whole.get(..1)?) {
        return None;
    }
    let find = |at: usize| {
        let rest = &whole[at..];
        if texts.contains_key(&rest[..1]) {
            return Some(rest.to_vec());
        }
        let called = lib.called.get(&rest[0])?;
        let above = from_the_root(&vec!["lib".to_owned()], called, lib, texts, 0)?;
        Some([&above, &rest[1..]].concat())
    };
    (0..whole.len()).find_map(find)
}

fn from_the_root(
    module: &Module,
    named: &Named,
    said: &Said,
    texts: &BTreeMap<Module, String>,
    depth: usize,
) -> Option<Module> {
    let first = named.path.first()?;
    let mut here: Module =
        if is_root(module) { named.inside.clone() } else { [&module[..], &named.inside].concat() };
    match first.as_str() {
        "crate" | "interregnum" => Some(named.path[1..].to_vec()),
        "self" | "super" => {
            let up = named.path.iter().take_while(|word| *word == "super").count();
            here.truncate(here.len().checked_sub(up)?);
            let down = named.path.iter().skip_while(|word| *word == "self" || *word == "super");
            Some(here.into_iter().chain(down.cloned()).collect())
        }
        _ if texts.contains_key(&child(&here, first)) => Some([here, named.path.clone()].concat()),
        _ => {
            let called = said.called.get(first).filter(|called| called.path[0] != *first)?;
            let above =
                (depth < 4).then(|| from_the_root(module, called, said, texts, depth + 1))??;
            Some([&above, &named.path[1..]].concat())
        }
    }
}

fn is_root(module: &Module) -> bool {
    matches!(&module[..], [root] if root == "lib" || root == "main")
}

fn child(module: &[String], name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn house(files: &[(&str, &str)]) -> House {
        let module = |place: &str| place.split('/').map(str::to_owned).collect();
        House::of(files.iter().map(|(place, text)| (module(place), (*text).to_owned())).collect())
    }

    fn written(circles: Vec<Vec<Module>>) -> Vec<String> {
        let written = |circle: Vec<Module>| {
            circle.iter().map(|module| name(module)).collect::<Vec<_>>().join(" ")
        };
        circles.into_iter().map(written).collect()
    }

    fn imports(house: &House) -> String {
        let written = |(from, to): (&Module, &BTreeSet<Module>)| {
            let to: Vec<String> = to.iter().map(|module| name(module)).collect();
            format!("{} -> {}", name(from), to.join(" "))
        };
        house.imports.iter().map(written).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn paths_lead_to_files() {
        let house = house(&[
            ("a", "mod b; use crate::c::d::{E, f}; type X = b::Y; type G = f::G; type H = Out;"),
            ("a/b", "use super::Z; mod own { use super::super::W; use crate::c; }"),
            ("c", "#[cfg(test)] mod tests;"),
            ("c/d", "fn f() { crate::a::b::y() } use std::fmt;"),
            ("c/d/f", ""),
            ("c/tests", "use crate::a::b;"),
        ]);
        assert_eq!(imports(&house), "a -> a/b c/d c/d/f; a/b -> a c; c/d -> a/b");
        assert_eq!(house.imports_in_tests.len(), 1);
    }

    #[test]
    fn what_the_root_shows_is_found_where_it_is() {
        let house = house(&[
            ("lib", "pub mod a; pub use self::a::b::C; pub mod inside { pub use crate::a::d; }"),
            ("a", ""),
            ("a/b", ""),
            ("a/d", ""),
            ("main", "use interregnum::{C, inside::d, inside::a::E, other};"),
        ]);
        assert_eq!(imports(&house), "lib -> a/b a/d; main -> a a/b a/d lib");
    }

    #[test]
    fn circles_between_folders_are_found_and_those_within_are_not() {
        let files = [
            ("a", "mod b; use self::b::X;"),
            ("a/b", "use super::Y; use crate::c;"),
            ("c", "mod d; use d::Z;"),
            ("c/d", ""),
        ];
        assert!(house(&files).circles_between_folders().is_empty());
        let closed = house(&[&files[..3], &[("c/d", "use crate::a;")]].concat());
        assert_eq!(written(closed.circles_between_folders()), ["c c/d a a/b"]);
        assert!(closed.circles_of_siblings().is_empty());
    }

    #[test]
    fn circles_of_siblings_are_found_and_families_may_be_one() {
        let files = [
            ("a", "use self::b; use self::c;"),
            ("a/b", "use super::{X, c};"),
            ("a/c", "use super::Y;"),
        ];
        assert!(house(&files).circles_of_siblings().is_empty());
        let closed = house(&[&files[..2], &[("a/c", "use super::b;")]].concat());
        assert_eq!(written(closed.circles_of_siblings()), ["a/c a/b"]);
        assert!(closed.circles_between_folders().is_empty());
    }
}
