//! What whoever started this process wants it to do at a signal.
//!
//! No crate that is in use here asks the system for that without setting it, so this one module
//! does, by its system call.

use std::{mem::MaybeUninit, ptr};

/// Whether this process ignores a signal. Right only as long as nobody here listens for it.
#[expect(unsafe_code, reason = "a system call that no safe interface offers")]
pub fn ignores(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is given, so nothing is changed; the present one is written to memory
    // that is large enough for it.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all of it was set to zero, which is a valid value of each of its fields.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}
