//! What the program promises: black-box runs of every verb, and parity with the reference library.

mod bad_input;
mod check;
mod configure;
mod docs;
mod fetch;
mod first_values;
mod import;
mod losses;
mod parity;
mod prepare;
mod published;
mod run;
mod server;
mod share;
mod support;
mod training;
