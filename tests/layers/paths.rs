//! Which paths the source of one file names: in its imports, and in the midst of its code.

use std::collections::BTreeMap;

use crate::tokens::{Token, tokens};

/// A path that a file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The modules in braces that it stands in, within the file.
    pub inside: Vec<String>,
    /// The words of the path.
    pub path: Vec<String>,
    /// Whether only tests see it.
    pub in_tests: bool,
}

/// What one file says.
#[derive(Debug, Default)]
pub struct Said {
    /// All paths, in the order in which they stand there.
    pub named: Vec<Named>,
    /// What the imports call things: the path of each.
    pub called: BTreeMap<String, Named>,
    /// The modules that have files of their own, and are there for tests only.
    pub test_modules: Vec<String>,
}

/// What a file says whose text is `source`.
pub fn said(source: &str) -> Said {
    let mut said = Said::default();
    said.read(&tokens(source), &[], false);
    said
}

impl Said {
    fn read(&mut self, tokens: &[Token], inside: &[String], in_tests: bool) {
        let mut at = 0;
        while at < tokens.len() {
            at += self.read_one(&tokens[at..], inside, in_tests);
        }
    }

    /// Reads what stands first, and returns how many tokens that were.
    fn read_one(&mut self, tokens: &[Token], inside: &[String], in_tests: bool) -> usize {
        match tokens {
            [Token::Mark('#'), Token::Mark('['), ..] => {
                let ends = 1 + closed(&tokens[1..]);
                if !is_for_tests(&tokens[..ends]) || in_tests {
                    return ends;
                }
                let item = item(&tokens[ends..]);
                self.read(&tokens[ends..ends + item], inside, true);
                ends + item
            }
            [Token::Word(public), Token::Mark('('), Token::Word(whom), ..]
                if public == "pub" && matches!(whom.as_str(), "crate" | "super" | "in") =>
            {
                1 + closed(&tokens[1..])
            }
            [Token::Word(module), Token::Word(name), Token::Mark('{'), ..] if module == "mod" => {
                let ends = 2 + closed(&tokens[2..]);
                let inside: Vec<String> = inside.iter().chain([name]).cloned().collect();
                self.read(&tokens[3..ends - 1], &inside, in_tests);
                ends
            }
            [Token::Word(module), Token::Word(name), Token::Mark(';'), ..] if module == "mod" => {
                if in_tests {
                    self.test_modules.push(name.clone());
                }
                3
            }
            [Token::Word(import), ..] if import == "use" => {
                let ends = tokens.iter().position(|token| *token == Token::Mark(';'));
                let ends = ends.unwrap_or(tokens.len());
                for branch in branches(&tokens[1..ends]) {
                    self.read_branch(branch, &[], inside, in_tests);
                }
                ends
            }
            [Token::Word(_), Token::Joint, ..] => {
                let (path, ends) = path(tokens);
                self.named.push(Named { inside: inside.to_vec(), path, in_tests });
                ends
            }
            _ => 1,
        }
    }

    /// Reads one branch of an import, all of which stands below `above`.
    fn read_branch(
        &mut self,
        tokens: &[Token],
        above: &[String],
        inside: &[String],
        in_tests: bool,
    ) {
        let (own, ends) = path(tokens);
        let mut whole: Vec<String> = above.iter().chain(&own).cloned().collect();
        if let Some(Token::Mark('{')) = tokens.get(ends) {
            let closes = ends + closed(&tokens[ends..]);
            for branch in branches(&tokens[ends + 1..closes - 1]) {
                self.read_branch(branch, &whole, inside, in_tests);
            }
            return;
        }
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
        }
        let named = Named { inside: inside.to_vec(), path: whole, in_tests };
        let called = match &tokens[ends..] {
            [other, Token::Word(name), ..] if other.is("as") => Some(name),
            [Token::Mark('*'), ..] => None,
            _ => named.path.last(),
        };
        if let Some(called) = called {
            self.called.insert(called.clone(), named.clone());
        }
        self.named.push(named);
    }
}

/// The words that are joined, from the first on, and how many tokens they take.
fn path(tokens: &[Token]) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(Token::Word(word)) = tokens.get(at) {
        words.push(word.clone());
        at += 1;
        if tokens.get(at) != Some(&Token::Joint) {
            break;
        }
        at += 1;
    }
    (words, at)
}

/// What commas divide, outside of all braces.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0;
    let branches = tokens.split(|token| {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            _ => {}
        }
        depth == 0 && *token == Token::Mark(',')
    });
    branches.filter(|branch| !branch.is_empty()).collect()
}

/// How many tokens it takes until what opens first is closed.
fn closed(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('{' | '(' | '[') => depth += 1,
            Token::Mark('}' | ')' | ']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// How many tokens the item takes that stands first, with its attributes.
fn item(tokens: &[Token]) -> usize {
    let mut begins = tokens.iter().take_while(|token| !matches!(token, Token::Mark('{' | ';')));
    let is_import = begins.any(|token| token.is("use"));
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Mark(';') => return at + 1,
            Token::Mark('{') if !is_import => return at + closed(&tokens[at..]),
            Token::Mark('{' | '(' | '[') => at += closed(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

/// Whether an attribute says that what follows is there for tests only.
fn is_for_tests(attribute: &[Token]) -> bool {
    let says = |word: &str| attribute.iter().any(|token| token.is(word));
    says("cfg") && says("test") && !says("not") && !says("any")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str, in_tests: bool) -> Vec<String> {
        let named = said(source).named;
        let named = named.iter().filter(|named| named.in_tests == in_tests);
        named.map(|named| [&named.inside[..], &named.path[..]].concat().join("::")).collect()
    }

    #[test]
    fn paths_are_found_in_every_form_of_import() {
        let source = "use crate::{\n    a::{self, b, c as d},\n    e,\n};\nuse super::f::*;\n\
                      pub(in crate::no) use self::g;\n// crate::no\n\
                      let x: Vec<crate::h::I> = std::j::<k::l>(m.n, o);";
        let expected =
            "crate::a crate::a::b crate::a::c crate::e super::f self::g crate::h::I std::j k::l";
        assert_eq!(paths(source, false).join(" "), expected);
        assert!(paths(source, true).is_empty());
    }

    #[test]
    fn modules_in_braces_are_told_apart() {
        assert_eq!(
            paths("mod a { use super::b; } use super::c;", false),
            ["a::super::b", "super::c"]
        );
    }

    #[test]
    fn what_only_tests_see_is_told_apart() {
        let source = "#[cfg(test)]\n#[path = \"x\"]\nmod a;\n#[cfg(test)] use b::{c};\n\
                      #[cfg(test)] pub(crate) fn d(e: f::g) -> [h::i; 2] { j::k() }\n\
                      #[cfg(not(test))] fn l() { m::n() }\n#[cfg(test)] mod o { use p::q; }\nr::s";
        assert_eq!(paths(source, false), ["m::n", "r::s"]);
        assert_eq!(paths(source, true), ["b::c", "f::g", "h::i", "j::k", "o::p::q"]);
        assert_eq!(said(source).test_modules, ["a"]);
    }

    #[test]
    fn an_import_says_what_things_are_called() {
        let called = said("use a::{b, c as d, e::{self}};").called;
        let called: Vec<String> = called
            .iter()
            .map(|(name, named)| format!("{name}={}", named.path.join("::")))
            .collect();
        assert_eq!(called, ["b=a::b", "d=a::c", "e=a::e"]);
    }
}
