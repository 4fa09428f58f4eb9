//! Source text as words and marks, without its comments, strings and characters.

use std::{iter::Peekable, str::Chars};

/// What the source of a file is made of, as far as imports are concerned.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name or a keyword.
    Word(String),
    /// `::`
    Joint,
    /// Any other character.
    Mark(char),
}

impl Token {
    /// Whether this is the given word.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// The tokens of `source`.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut rest = source.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => {
                let _ = rest.find(|c| *c == '\n');
            }
            '/' if rest.peek() == Some(&'*') => skip_comment(&mut rest),
            '"' => skip_string(&mut rest),
            '\'' => skip_character(&mut rest),
            ':' if rest.next_if_eq(&':').is_some() => tokens.push(Token::Joint),
            c if c.is_alphanumeric() || c == '_' => word(c, &mut rest, &mut tokens),
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Mark(c)),
        }
    }
    tokens
}

/// Takes a word, or the string whose prefix it is (`r"`, `b"`, `br#"`).
fn word(first: char, rest: &mut Peekable<Chars<'_>>, tokens: &mut Vec<Token>) {
    let mut word = String::from(first);
    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
        word.push(c);
    }
    let raw = matches!(word.as_str(), "r" | "br" | "cr");
    match rest.peek() {
        Some('"') if raw => skip_raw_string(0, rest),
        Some('#') if raw => {
            let mut hashes = 0;
            while rest.next_if_eq(&'#').is_some() {
                hashes += 1;
            }
            if rest.peek() == Some(&'"') {
                skip_raw_string(hashes, rest);
            }
        }
        _ => tokens.push(Token::Word(word)),
    }
}

fn skip_comment(rest: &mut Peekable<Chars<'_>>) {
    let mut depth = 0;
    let mut before = '/';
    for c in rest.by_ref() {
        match (before, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                before = c;
                continue;
            }
        }
        before = ' ';
        if depth == 0 {
            return;
        }
    }
}

fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_raw_string(hashes: usize, rest: &mut Peekable<Chars<'_>>) {
    rest.next();
    while rest.any(|c| c == '"') {
        let mut missing = hashes;
        while missing > 0 && rest.next_if_eq(&'#').is_some() {
            missing -= 1;
        }
        if missing == 0 {
            return;
        }
    }
}

/// Skips a character; of a lifetime only the quote, for it has none at its end.
fn skip_character(rest: &mut Peekable<Chars<'_>>) {
    if rest.next_if_eq(&'\\').is_some() {
        rest.next();
        let _ = rest.find(|c| *c == '\'');
        return;
    }
    let mut ahead = rest.clone();
    ahead.next();
    if ahead.next() == Some('\'') {
        rest.next();
        rest.next();
    }
}

#[test]
fn comments_strings_and_characters_say_nothing() {
    let source =
        "a // b\n/* c /* d */ e */ 'f' '\\'' \"g\\\"h\" r#\"i\" j\"# br\"k\" <'l, m>:: n:o";
    let words: Vec<Token> = tokens(source);
    let expected = [
        Token::Word("a".to_owned()),
        Token::Mark('<'),
        Token::Word("l".to_owned()),
        Token::Mark(','),
        Token::Word("m".to_owned()),
        Token::Mark('>'),
        Token::Joint,
        Token::Word("n".to_owned()),
        Token::Mark(':'),
        Token::Word("o".to_owned()),
    ];
    assert_eq!(words, expected);
}
