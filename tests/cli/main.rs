//! What the program promises: black-box runs of every verb, and parity with the reference library.

mod bad_input;
mod check;
mod configure;
mod docs;
mod import;
mod layout;
mod losses;
mod parity;
mod published;
mod run;
mod share;
mod support;
mod training;
