//! Rules that panic, in words.

use std::any::Any;

/// What a panic says.
pub fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or("without a word".to_owned())
}
