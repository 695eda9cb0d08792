//! The `espeak-ng` program: pieces of text in, a line each, and what it would say out.
//!
//! Nearly all of its time is sound that nobody hears: there is no way to ask the program for phonemes alone. So it is asked to speak fast, which
//! halves the time and leaves the phonemes as they are, and each core has a process for its share of a voice's pieces. A process prints a line
//! for each clause, and for some texts none, so between two pieces it is given a [`FENCE`], which it prints alike wherever it stands.

use std::ffi::OsString;
use std::io::Write;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use super::G2pError;

/// Phonemes that no text has, in brackets that no piece has: they are marks, at which texts are cut. What is printed for it differs from
/// voice to voice, so it is also the first line that is asked.
const FENCE: &str = "[[tstsptstspt]]";

/// The program reads lines of at most 999 bytes and would cut longer ones anywhere.
const LONGEST_LINE: usize = 900;

/// Words a minute. Phonemes of 18,000 lines in the six languages were the same bytes as at the default of 175; beyond 450 it takes longer, since
/// it shortens the sound afterwards.
const SPEED: &str = "400";

/// Pieces for which a further process is worth its start.
const SHARE: usize = 64;

/// The program.
pub(super) struct Espeak<'a> {
    program: &'a Path,
}

impl<'a> Espeak<'a> {
    pub fn new(program: &'a Path) -> Self {
        Espeak { program }
    }

    /// What the voice says to each piece: lines of clauses as printed, `_` between phonemes.
    ///
    /// # Errors
    /// The program cannot be started or ended with an error, or its answers are not one to a piece.
    pub fn ask(&self, voice: &str, pieces: &[String]) -> Result<Vec<String>, G2pError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = pieces.len().div_ceil(cores).max(SHARE);
        let answers: Vec<Result<Vec<String>, G2pError>> = thread::scope(|scope| {
            let asked: Vec<_> =
                pieces.chunks(share).map(|pieces| scope.spawn(move || self.ask_one(voice, pieces))).collect();
            asked.into_iter().map(|asked| asked.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The answers of one process.
    fn ask_one(&self, voice: &str, pieces: &[String]) -> Result<Vec<String>, G2pError> {
        let output = self.run(voice, lines(pieces))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || said.trim().is_empty() {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().rev().find(|line| !line.trim().is_empty());
            return Err(G2pError::Refused {
                program: self.program.to_owned(),
                voice: voice.to_owned(),
                said: last.unwrap_or("it said nothing").trim().to_owned(),
            });
        }
        let answers = answers(&said);
        if answers.len() == pieces.len() {
            return Ok(answers);
        }
        Err(G2pError::Answers {
            program: self.program.to_owned(),
            pieces: pieces.len(),
            answers: answers.len(),
        })
    }

    fn run(&self, voice: &str, lines: Vec<u8>) -> Result<Output, G2pError> {
        let start = |source| G2pError::Start { program: self.program.to_owned(), source };
        let arguments = ["-q", "--ipa", "--sep=_", "-b", "1", "-v", voice, "-s", SPEED].map(OsString::from);
        let mut child = Command::new(self.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            // A program that ends early closes the pipe; what it says tells why.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&lines)));
            child.wait_with_output().map_err(start)
        })
    }
}

/// What is given to the program: the fence, then each piece with a fence behind it.
fn lines(pieces: &[String]) -> Vec<u8> {
    let mut lines = format!("{FENCE}\n");
    for piece in pieces {
        for line in short(piece) {
            lines += line;
            lines.push('\n');
        }
        lines += FENCE;
        lines.push('\n');
    }
    lines.into_bytes()
}

/// A piece in lines that the program takes, cut at spaces, and in words that are longer than a line, anywhere.
fn short(piece: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = piece.trim();
    while rest.len() > LONGEST_LINE {
        let end = rest.floor_char_boundary(LONGEST_LINE);
        let cut = rest[..end].rfind(' ').unwrap_or(end);
        lines.push(&rest[..cut]);
        rest = rest[cut..].trim_start();
    }
    lines.push(rest);
    lines
}

/// What stands between the fences. The first line is what a fence looks like.
fn answers(said: &str) -> Vec<String> {
    let mut printed = said.lines();
    let Some(fence) = printed.next() else { return Vec::new() };
    let mut answers = Vec::new();
    let mut answer = String::new();
    for line in printed {
        if line == fence {
            answers.push(std::mem::take(&mut answer));
        } else {
            answer += line;
            answer.push('\n');
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LINE, answers, short};

    #[test]
    fn answers_stand_between_fences() {
        let said = "ts_t\na_b\nts_t\n\nts_t\nts_t\nc\nd\nts_t\n";
        assert_eq!(answers(said), ["a_b\n", "\n", "", "c\nd\n"]);
        assert_eq!(answers(""), [""; 0]);
    }

    #[test]
    fn long_pieces_are_cut_at_spaces() {
        assert_eq!(short(" of the well "), ["of the well"]);
        let words = "wörd ".repeat(400);
        let lines = short(&words);
        assert!(lines.iter().all(|line| line.len() <= LONGEST_LINE));
        assert_eq!(lines.join(" "), words.trim());
        let endless = "ö".repeat(1_000);
        assert_eq!(short(&endless).concat(), endless);
    }
}
