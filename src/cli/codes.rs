//! Every kind of mistake that has a code.

use super::order;
use crate::config::{self, Code};
use crate::import;

/// All codes, in order.
pub fn all() -> impl Iterator<Item = Code> {
    config::CODES.into_iter().chain(order::CODES).chain(import::CODES)
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn codes_are_different_and_in_order_and_say_what_to_do() {
        let ids: Vec<&str> = all().map(|code| code.id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        for code in all() {
            assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'), "{}", code.id());
        }
    }
}
