//! What the program promises: black-box runs of every verb, and parity with the reference library.

mod check;
mod parity;
mod run;
mod support;
