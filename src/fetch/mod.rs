//! Where can it be had? Public corpora and checkpoints, brought onto this disk whole.
//!
//! For: what there is to fetch ([`Catalogue`], an embedded TOML file), getting a file in spite of connections and servers
//! (`download`), unpacking it without leaving its folder (`unpack`), and knowing later that it is there ([`Request::run`]). Nothing under
//! its final name is partial: files and folders are renamed into place when they have been verified.
//! Not for: making a corpus trainable (`corpora`), printing. Start at [`Request::run`], then `download.rs`.

mod catalogue;
mod digest;
mod done;
mod download;
mod error;
mod fetched;
mod flow;
mod http;
mod hub;
mod judge;
mod listing;
mod notice;
mod part;
mod place;
mod request;
mod tree;
mod unpack;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Entry, Kind, Source};
pub use error::FetchError;
pub use fetched::{Fetched, FetchedFile, FileState};
pub use http::Mirror;
pub use listing::{Listed, listing};
pub use notice::Notice;
pub use request::{Manners, Request};
pub use unpack::{Format, unpack_file};
